//! What qemu-img says of a disk.

use std::fmt;

use serde::Deserialize;

/// A number of bytes, shown as people read it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Size(pub u64);

impl fmt::Display for Size {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const UNITS: [(u64, &str); 4] =
            [(1 << 40, "TiB"), (1 << 30, "GiB"), (1 << 20, "MiB"), (1 << 10, "KiB")];
        let Some((unit, name)) = UNITS.iter().find(|(unit, _)| self.0 >= *unit) else {
            return write!(f, "{} bytes", self.0);
        };
        if self.0.is_multiple_of(*unit) {
            return write!(f, "{} {name}", self.0 / unit);
        }
        // Rounded up: what has 20.001 GiB does not fit into 20.
        let tenths = (u128::from(self.0) * 10).div_ceil(u128::from(*unit));
        write!(f, "{}.{} {name}", tenths / 10, tenths % 10)
    }
}

/// A disk as qemu-img sees it.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Info {
    /// `qcow2`, `raw`.
    pub format: String,
    /// What the machine sees, in bytes.
    pub virtual_size: u64,
    /// What it takes on the host's disk, in bytes.
    #[serde(default)]
    pub actual_size: u64,
    /// The file that it reads what was never written from.
    pub backing_filename: Option<String>,
    /// Whether it is encrypted.
    #[serde(default)]
    pub encrypted: bool,
    /// Whether it was not closed properly.
    #[serde(default)]
    pub dirty_flag: bool,
    /// The snapshots inside of it.
    #[serde(default)]
    pub snapshots: Vec<Snapshot>,
}

/// A snapshot inside of a disk.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Snapshot {
    /// Its number.
    pub id: String,
    /// Its name.
    pub name: String,
    /// How much memory is in it, in bytes.
    #[serde(default)]
    pub vm_state_size: u64,
    /// When it was made, in seconds since 1970.
    #[serde(default)]
    pub date_sec: i64,
}

pub(super) fn parse(json: &[u8]) -> Option<Info> {
    serde_json::from_slice(json).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_qemu_img_of_10_0_says_is_understood() {
        let text = br#"{
            "virtual-size": 21474836480, "filename": "disk.qcow2", "cluster-size": 65536,
            "format": "qcow2", "actual-size": 200704,
            "full-backing-filename": "/images/a", "backing-filename": "/images/a",
            "snapshots": [{"icount": 0, "vm-clock-nsec": 0, "name": "one", "date-sec": 1700000000,
                "date-nsec": 0, "vm-clock-sec": 0, "id": "1", "vm-state-size": 0}],
            "format-specific": {"type": "qcow2", "data": {"compat": "1.1", "corrupt": false}},
            "dirty-flag": false
        }"#;
        let info = parse(text).unwrap();
        assert_eq!((info.virtual_size, info.actual_size), (20 << 30, 200_704));
        assert_eq!(info.backing_filename.as_deref(), Some("/images/a"));
        assert_eq!(info.snapshots[0].name, "one");
        assert_eq!(parse(b"qemu-img: no"), None);
    }

    #[test]
    fn sizes_are_never_rounded_to_less() {
        let shown =
            [0, 1023, 1024, 20 << 30, (20 << 30) + 1, 1536 << 20].map(|n| Size(n).to_string());
        let wanted = ["0 bytes", "1023 bytes", "1 KiB", "20 GiB", "20.1 GiB", "1.5 GiB"];
        assert_eq!(shown, wanted);
    }
}
