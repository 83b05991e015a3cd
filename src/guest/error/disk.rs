//! Disks that are not taken, and why.

use std::path::PathBuf;

use miette::Diagnostic;
use thiserror::Error;

use crate::exec::ExecError;
use crate::model::code::Code;

/// Why a file is not taken as a disk, an installer or a kernel, or a disk cannot be made.
#[derive(Debug, Error, Diagnostic)]
pub enum DiskError {
    /// It is nothing that a machine could start from.
    #[error("{} is no disk image: {found}", path.display())]
    #[diagnostic(code(vagrantp::disk::not_an_image), help("{help}"))]
    NotAnImage {
        /// Which file.
        path: PathBuf,
        /// What it is instead.
        found: String,
        /// What to do.
        help: String,
        /// The key that named it.
        field: &'static str,
    },
    /// It is an image, of a kind that is not taken.
    #[error("{} is an image of the kind {found}, and only qcow2 and raw are taken", path.display())]
    #[diagnostic(
        code(vagrantp::disk::other_format),
        help("turn it into one that is: qemu-img convert -O qcow2 IMAGE IMAGE.qcow2")
    )]
    OtherFormat {
        /// Which file.
        path: PathBuf,
        /// Its kind.
        found: &'static str,
        /// The key that named it.
        field: &'static str,
    },
    /// A part of it is missing.
    #[error("{} is not whole: {reason}", path.display())]
    #[diagnostic(
        code(vagrantp::disk::truncated),
        help("fetch or copy it again, and compare its sha256 with the publisher's")
    )]
    Truncated {
        /// Which file.
        path: PathBuf,
        /// What is missing.
        reason: String,
        /// The key that named it.
        field: &'static str,
    },
    /// It is damaged inside.
    #[error("{} is damaged: {said}", path.display())]
    #[diagnostic(
        code(vagrantp::disk::damaged),
        help("fetch or copy it again; `qemu-img check FILE` says more of what is wrong")
    )]
    Damaged {
        /// Which file.
        path: PathBuf,
        /// What was found.
        said: String,
        /// The key that named it.
        field: &'static str,
    },
    /// It reads another file of the host's.
    #[error("{} is not whole by itself: it reads {other}", path.display())]
    #[diagnostic(
        code(vagrantp::disk::reads_another_file),
        help(
            "whoever made the image chose that file, and the machine would read it from this host; \
             where you trust it, make one whole image of both: \
             qemu-img convert -O qcow2 IMAGE WHOLE.qcow2"
        )
    )]
    ReadsAnother {
        /// Which file.
        path: PathBuf,
        /// What it reads: its backing file, or its data file.
        other: String,
        /// The key that named it.
        field: &'static str,
    },
    /// It is encrypted, and there is nobody to ask for the key.
    #[error("{} is encrypted", path.display())]
    #[diagnostic(
        code(vagrantp::disk::encrypted),
        help("decrypt it with `qemu-img convert`, or encrypt inside of the machine instead")
    )]
    Encrypted {
        /// Which file.
        path: PathBuf,
        /// The key that named it.
        field: &'static str,
    },
    /// It is larger than the disk that it shall fill.
    #[error("{} has {size} and DISK_SIZE is {wanted}", path.display())]
    #[diagnostic(code(vagrantp::disk::larger_than_disk_size), help("{help}"))]
    LargerThanDisk {
        /// Which file.
        path: PathBuf,
        /// Its size as the machine sees it.
        size: String,
        /// What was asked for.
        wanted: String,
        /// What to do.
        help: String,
    },
    /// It is made for another processor.
    #[error("{} is made for {found}, and this host is {host}", path.display())]
    #[diagnostic(
        code(vagrantp::disk::wrong_architecture),
        help("take the one that its publisher made for {host}")
    )]
    WrongArchitecture {
        /// Which file.
        path: PathBuf,
        /// What it is made for.
        found: String,
        /// What would run here.
        host: String,
        /// The key that named it.
        field: &'static str,
    },
    /// A disk never becomes smaller.
    #[error("the disk {} has {size}, and {wanted} is less", path.display())]
    #[diagnostic(
        code(vagrantp::disk::shrinks),
        help("write at least its size into DISK_SIZE: what is at its end would be lost")
    )]
    Shrinks {
        /// The disk.
        path: PathBuf,
        /// What it has.
        size: String,
        /// What was asked for.
        wanted: String,
    },
    /// qemu-img is not installed.
    #[error("qemu-img is not installed")]
    #[diagnostic(
        code(vagrantp::disk::no_qemu_img),
        help("install it: `sudo apt install qemu-utils`, `sudo dnf install qemu-img`")
    )]
    NoTool,
    /// qemu-img did not do it.
    #[error("{operation} failed")]
    #[diagnostic(
        code(vagrantp::disk::tool_failed),
        help("see what qemu-img says, and whether the disk that it writes to is full")
    )]
    Tool {
        /// What was to be done: `the making of DISK`.
        operation: String,
        /// What it said.
        #[source]
        cause: ExecError,
    },
    /// A file cannot be read or written.
    #[error("{} cannot be {operation}", path.display())]
    #[diagnostic(
        code(vagrantp::disk::io),
        help("see who may read it, who owns its directory, and whether its disk is full")
    )]
    Io {
        /// `read` or `written`.
        operation: &'static str,
        /// Which file.
        path: PathBuf,
        /// What the system said.
        #[source]
        cause: std::io::Error,
        /// The key that named it.
        field: Option<&'static str>,
    },
}

impl DiskError {
    /// The stable code.
    #[must_use]
    pub fn stable_code(&self) -> Code {
        match self {
            DiskError::LargerThanDisk { .. } | DiskError::Shrinks { .. } => Code::ConfigInvalid,
            DiskError::NoTool => Code::DependencyMissing,
            DiskError::Tool { .. } => Code::CreateFailed,
            DiskError::Io { field: None, .. } => Code::CreateFailed,
            _ => Code::ImageUnavailable,
        }
    }

    /// The key of the `.env` that it is about.
    #[must_use]
    pub fn field(&self) -> Option<&'static str> {
        match self {
            DiskError::NotAnImage { field, .. }
            | DiskError::OtherFormat { field, .. }
            | DiskError::Truncated { field, .. }
            | DiskError::Damaged { field, .. }
            | DiskError::ReadsAnother { field, .. }
            | DiskError::Encrypted { field, .. }
            | DiskError::WrongArchitecture { field, .. } => Some(field),
            DiskError::LargerThanDisk { .. } | DiskError::Shrinks { .. } => Some("DISK_SIZE"),
            DiskError::NoTool | DiskError::Tool { .. } => None,
            DiskError::Io { field, .. } => *field,
        }
    }
}
