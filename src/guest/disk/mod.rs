//! Disk images: what they are, which of them are refused before anything is made, and how a machine's
//! own disk comes of them. qemu-img does the work; what a file claims of itself is read here first,
//! so that nothing is opened on the word of an image that nobody vouches for.

mod arch;
mod examine;
mod gpt;
mod header;
mod info;
mod iso;
mod make;

use std::path::Path;

pub use arch::{KernelArch, kernel_architecture};
pub use examine::{Examined, Wanted, examine, examine_iso, examine_kernel};
pub use info::{Info, Size};
pub use make::{create_blank, create_overlay, grow};

use super::error::DiskError;
use crate::deed;
use crate::exec::{ExecError, Program};

/// How the bytes of a disk are laid out in its file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// QEMU's own, thin and with snapshots.
    Qcow2,
    /// Byte for byte.
    Raw,
}

impl Format {
    /// As qemu-img and QEMU name it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Format::Qcow2 => "qcow2",
            Format::Raw => "raw",
        }
    }
}

/// qemu-img, with what it is asked to do.
#[derive(Clone, Debug)]
pub struct Tool {
    program: Program,
}

impl Tool {
    /// Looks for it on a PATH.
    ///
    /// # Errors
    /// It is not installed.
    pub fn find(path: Option<&str>) -> Result<Tool, DiskError> {
        Program::find("qemu-img", path)
            .map(|program| Tool { program })
            .map_err(|_| DiskError::NoTool)
    }

    /// What a disk is like. One that a running machine writes to may be asked about as well, and what
    /// is said of it may be a moment old.
    ///
    /// # Errors
    /// It is no such disk.
    pub async fn info(&self, disk: &Path, format: Format) -> Result<Info, DiskError> {
        let arguments = ["info", "--output=json", "-U", "-f", format.as_str()];
        let output = self.ask(&arguments, disk).await?;
        info::parse(&output).ok_or_else(|| unreadable(disk))
    }

    /// A part of what a machine would see of a qcow2, in bytes that are whole sectors.
    async fn part(&self, disk: &Path, from: u64, size: u64) -> Result<Vec<u8>, DiskError> {
        let into =
            |cause| DiskError::Io { operation: "read", path: disk.to_owned(), cause, field: None };
        // qemu-img writes into files alone.
        let made = deed::at_once("guest.read_disk", tempfile::tempdir).map_err(into)?;
        let part = made.path().join("part");
        let option = |name: &str, value: &std::ffi::OsStr| {
            let mut option = std::ffi::OsString::from(name);
            option.push(value);
            option
        };
        let sectors = size.div_ceil(gpt::SECTOR).to_string();
        let skip = (from / gpt::SECTOR).to_string();
        let mut arguments: Vec<std::ffi::OsString> =
            ["dd", "-f", "qcow2", "-O", "raw", "bs=512"].map(Into::into).into();
        arguments.push(option("count=", sectors.as_ref()));
        arguments.push(option("skip=", skip.as_ref()));
        arguments.push(option("if=", disk.as_os_str()));
        arguments.push(option("of=", part.as_os_str()));
        let output = self.program.run(&arguments).await;
        output.map_err(|cause| failed("a look into", disk, cause))?;
        std::fs::read(&part).map_err(into)
    }

    async fn ask(&self, arguments: &[&str], disk: &Path) -> Result<Vec<u8>, DiskError> {
        let arguments = arguments.iter().map(std::ffi::OsStr::new).chain([disk.as_os_str()]);
        let arguments: Vec<_> = arguments.collect();
        let output = self.program.run(&arguments).await;
        output.map(|output| output.stdout).map_err(|cause| failed("a look at", disk, cause))
    }
}

fn failed(operation: &str, disk: &Path, cause: ExecError) -> DiskError {
    DiskError::Tool { operation: format!("{operation} {}", disk.display()), cause }
}

fn unreadable(disk: &Path) -> DiskError {
    let cause = std::io::Error::other("qemu-img said of it what cannot be read");
    DiskError::Io { operation: "read", path: disk.to_owned(), cause, field: None }
}
