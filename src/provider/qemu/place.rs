//! Where the parts of one machine are. Pure: paths alone.

use std::path::{Path, PathBuf};

/// The places of one machine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Place {
    dir: PathBuf,
    run: PathBuf,
}

/// A socket's path has at most this many bytes (`sun_path` of unix(7), less the byte that ends it).
pub(super) const LONGEST_SOCKET: usize = 107;

impl Place {
    pub(super) fn new(dir: PathBuf, run: PathBuf) -> Place {
        Place { dir, run }
    }

    /// The directory with all that the machine is.
    pub(super) fn dir(&self) -> &Path {
        &self.dir
    }

    /// The directory with its sockets, which are there while it runs.
    pub(super) fn sockets(&self) -> &Path {
        &self.run
    }

    /// What it is made of.
    pub(super) fn definition(&self) -> PathBuf {
        self.dir.join("machine.json")
    }

    /// The same of a machine that is not whole: it is being made, or removed.
    pub(super) fn part(&self) -> PathBuf {
        self.dir.join("part.json")
    }

    /// The same of the machine that this one becomes when its project is at another place.
    pub(super) fn adopted(&self) -> PathBuf {
        self.dir.join("adopted.json")
    }

    /// Whose the disk was that is kept here without a machine.
    pub(super) fn kept(&self) -> PathBuf {
        self.dir.join("kept.json")
    }

    /// Its last start.
    pub(super) fn launch(&self) -> PathBuf {
        self.dir.join("launch.json")
    }

    /// Its disk, where DISK_PATH names no other place.
    pub(super) fn disk(&self) -> PathBuf {
        self.dir.join("disk.qcow2")
    }

    /// The image that its disk reads from what was never written to it.
    pub(super) fn base(&self) -> PathBuf {
        self.dir.join("base.img")
    }

    /// The disk with what it is told at its first start.
    pub(super) fn seed(&self) -> PathBuf {
        self.dir.join("seed.img")
    }

    /// What its UEFI keeps.
    pub(super) fn nvram(&self) -> PathBuf {
        self.dir.join("nvram.fd")
    }

    /// Its memory, while it is suspended to disk.
    pub(super) fn memory(&self) -> PathBuf {
        self.dir.join("memory")
    }

    /// What its memory goes on with alone.
    pub(super) fn hardware(&self) -> PathBuf {
        self.dir.join("memory.json")
    }

    /// Its memory while that is being written: of no use until it has its other name.
    pub(super) fn memory_part(&self) -> PathBuf {
        self.dir.join("memory.part")
    }

    /// Its memory once it was given back to it, and before it goes on: of no use any more.
    pub(super) fn memory_used(&self) -> PathBuf {
        self.dir.join("memory.used")
    }

    /// The private key that vagrantp made for it.
    pub(super) fn key(&self) -> PathBuf {
        self.dir.join("id_ed25519")
    }

    /// The private key that it is known by.
    pub(super) fn host_key(&self) -> PathBuf {
        self.dir.join("ssh_host_ed25519_key")
    }

    /// The same for `ssh`: its public half, with the machine's name.
    pub(super) fn known_hosts(&self) -> PathBuf {
        self.dir.join("known_hosts")
    }

    /// What it writes on its serial line.
    pub(super) fn serial_log(&self) -> PathBuf {
        self.dir.join("serial.log")
    }

    /// What it wrote there at former starts.
    pub(super) fn serial_log_old(&self) -> PathBuf {
        self.dir.join("serial.log.old")
    }

    /// What QEMU itself has to say.
    pub(super) fn log(&self) -> PathBuf {
        self.dir.join("qemu.log")
    }

    /// Where QEMU is told what to do.
    pub(super) fn control(&self) -> PathBuf {
        self.run.join("control")
    }

    /// Where QEMU is asked how it fares: a monitor serves one caller at a time, and whoever only
    /// looks must not wait for who is at work.
    pub(super) fn look(&self) -> PathBuf {
        self.run.join("look")
    }

    /// Its serial line.
    pub(super) fn serial(&self) -> PathBuf {
        self.run.join("serial")
    }

    /// What runs in it and takes orders.
    pub(super) fn agent(&self) -> PathBuf {
        self.run.join("agent")
    }

    /// Its screen, for SPICE.
    pub(super) fn spice(&self) -> PathBuf {
        self.run.join("spice")
    }

    /// The server of a shared directory.
    pub(super) fn share(&self, number: usize) -> PathBuf {
        self.run.join(format!("fs{number}"))
    }

    /// The longest of its sockets, where that is longer than a socket's path can be.
    pub(super) fn too_long(&self) -> Option<PathBuf> {
        let longest = self.control();
        (longest.as_os_str().len() > LONGEST_SOCKET).then_some(longest)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_says_where_its_sockets_do_not_fit() {
        let at = |length: usize| {
            let run = PathBuf::from(format!("/{}", "r".repeat(length - 9)));
            Place::new("/d".into(), run)
        };
        assert_eq!(at(LONGEST_SOCKET).control().as_os_str().len(), LONGEST_SOCKET);
        assert_eq!(at(LONGEST_SOCKET).too_long(), None);
        let too_long = at(LONGEST_SOCKET + 1);
        assert_eq!(too_long.too_long(), Some(too_long.control()));
        let place = at(20);
        let sockets =
            [place.look(), place.serial(), place.agent(), place.spice(), place.share(999)];
        let longest = place.control().as_os_str().len();
        assert!(sockets.iter().all(|socket| socket.as_os_str().len() <= longest));
    }
}
