//! Whether a file may become a machine's disk, its installer or its kernel.

use std::fs::File;
use std::io::{Cursor, Read, Seek, SeekFrom};
use std::path::Path;

use super::arch::{self, KernelArch, kernel_architecture};
use super::header::{self, Kind, Qcow2};
use super::info::Size;
use super::{Format, Tool, gpt, iso};
use crate::exec::ExecError;
use crate::guest::error::DiskError;
use crate::model::plain::is_unsafe;

/// The largest EFI system partition that is looked into.
const LARGEST_SYSTEM: u64 = 1 << 30;
const IMAGE: &str = "IMAGE";

/// What an image has to fit.
#[derive(Clone, Copy, Debug)]
pub struct Wanted<'a> {
    /// How large the machine's disk will be, in bytes.
    pub disk_size: u64,
    /// The processor that it will run on, by the name that Rust has for it.
    pub architecture: &'a str,
}

/// An image that is taken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Examined {
    /// How it is laid out.
    pub format: Format,
    /// What the machine sees, in bytes.
    pub virtual_size: u64,
    /// Whether it can be started by EFI: it has a system partition.
    pub has_system_partition: bool,
}

/// Looks at an image of IMAGE's before anything is made of it.
///
/// # Errors
/// It is refused.
pub async fn examine(tool: &Tool, path: &Path, wanted: Wanted<'_>) -> Result<Examined, DiskError> {
    let (mut file, head) = open(path, IMAGE)?;
    let length = file.metadata().map_err(|cause| unreadable(path, cause, IMAGE))?.len();
    let (format, virtual_size) = match header::kind(&head) {
        Kind::Qcow2(header) => {
            check_header(path, &mut file, &header, length)?;
            let info = tool.info(path, Format::Qcow2).await?;
            check_inside(tool, path).await?;
            (Format::Qcow2, info.virtual_size)
        }
        Kind::Raw | Kind::Iso { is_disk: true, .. } => (Format::Raw, length),
        other => return Err(refused(path, &other, IMAGE)),
    };
    if virtual_size > wanted.disk_size {
        return Err(DiskError::LargerThanDisk {
            path: path.to_owned(),
            size: Size(virtual_size).to_string(),
            wanted: Size(wanted.disk_size).to_string(),
            help: format!("write DISK_SIZE={}G or more", virtual_size.div_ceil(1 << 30).max(5)),
        });
    }
    let table = gpt::read(&read_part(tool, path, format, 0, gpt::TABLE as u64).await?);
    let Some(table) = table else {
        return Ok(Examined { format, virtual_size, has_system_partition: false });
    };
    if format == Format::Raw && table.end > length {
        let (end, has) = (Size(table.end), Size(length));
        let reason = format!("its partitions reach to {end}, and it has {has}");
        return Err(DiskError::Truncated { path: path.to_owned(), reason, field: IMAGE });
    }
    let mut built_for = table.architectures.clone();
    let system = table.system.filter(|(_, size)| (1..=LARGEST_SYSTEM).contains(size));
    if let Some((from, size)) = system.filter(|_| built_for.is_empty()) {
        let part = read_part(tool, path, format, from, size).await?;
        built_for = boot_files(part).unwrap_or_default();
    }
    check_architecture(path, &built_for, wanted.architecture, IMAGE)?;
    Ok(Examined { format, virtual_size, has_system_partition: table.system.is_some() })
}

/// Looks at an installer of ISO's.
///
/// # Errors
/// It is refused.
pub fn examine_iso(path: &Path, architecture: &str) -> Result<(), DiskError> {
    const FIELD: &str = "ISO";
    let (mut file, head) = open(path, FIELD)?;
    let Kind::Iso { bytes, .. } = header::kind(&head) else {
        return Err(refused(path, &header::kind(&head), FIELD));
    };
    let length = file.metadata().map_err(|cause| unreadable(path, cause, FIELD))?.len();
    if bytes > length {
        let reason = format!("it should have {} and has {}", Size(bytes), Size(length));
        return Err(DiskError::Truncated { path: path.to_owned(), reason, field: FIELD });
    }
    let built_for = iso::architectures(&mut file).unwrap_or_default();
    check_architecture(path, &built_for, architecture, FIELD)
}

/// Looks at a kernel of KERNEL's.
///
/// # Errors
/// It is refused.
pub fn examine_kernel(path: &Path, architecture: &str) -> Result<(), DiskError> {
    const FIELD: &str = "KERNEL";
    let (_, head) = open(path, FIELD)?;
    let head = &head[..head.len().min(arch::HEAD)];
    match kernel_architecture(head) {
        KernelArch::Known(found) => check_architecture(path, &[found], architecture, FIELD),
        KernelArch::Unknown => Ok(()),
    }
}

fn check_architecture(
    path: &Path,
    built_for: &[&str],
    host: &str,
    field: &'static str,
) -> Result<(), DiskError> {
    // A PC of 64 bits runs what is made for 32.
    let runs = |found: &&str| *found == host || (host == "x86_64" && *found == "x86");
    if built_for.is_empty() || built_for.iter().any(runs) {
        return Ok(());
    }
    let found = built_for.join(" and ");
    Err(DiskError::WrongArchitecture { path: path.to_owned(), found, host: host.to_owned(), field })
}

fn check_header(
    path: &Path,
    file: &mut File,
    header: &Qcow2,
    length: u64,
) -> Result<(), DiskError> {
    let path = path.to_owned();
    if let Some((at, size)) = header.backing {
        let mut name = Vec::new();
        let read = file.seek(SeekFrom::Start(at));
        let _ = read.and_then(|_| file.take(size.min(1023).into()).read_to_end(&mut name));
        let name: String =
            String::from_utf8_lossy(&name).chars().filter(|c| !is_unsafe(*c)).collect();
        let other = format!("the backing file {name}");
        return Err(DiskError::ReadsAnother { path, other, field: IMAGE });
    }
    if header.has_data_file {
        let other = "an external data file".to_owned();
        return Err(DiskError::ReadsAnother { path, other, field: IMAGE });
    }
    if header.encrypted {
        return Err(DiskError::Encrypted { path, field: IMAGE });
    }
    if header.tables_end > length {
        let (end, has) = (Size(header.tables_end), Size(length));
        let reason = format!("its tables reach to {end}, and it has {has}");
        return Err(DiskError::Truncated { path, reason, field: IMAGE });
    }
    Ok(())
}

/// Has qemu-img go through the tables of a qcow2: a few seconds at worst, and a file that was cut off
/// shows.
async fn check_inside(tool: &Tool, path: &Path) -> Result<(), DiskError> {
    const LEAKED: i32 = 3;
    match tool.ask(&["check", "-q", "-f", "qcow2"], path).await {
        Ok(_) => Ok(()),
        Err(DiskError::Tool { cause: ExecError::Failed { status, said, .. }, .. }) => {
            match status.code() {
                // Room that nobody uses does no harm.
                Some(LEAKED) => Ok(()),
                _ if said.contains("exceeding the end of the file") => Err(DiskError::Truncated {
                    path: path.to_owned(),
                    reason: "parts that its tables name are beyond its end".to_owned(),
                    field: IMAGE,
                }),
                _ => Err(DiskError::Damaged { path: path.to_owned(), said, field: IMAGE }),
            }
        }
        Err(other) => Err(other),
    }
}

/// A part of what the machine will see, in whole sectors.
async fn read_part(
    tool: &Tool,
    path: &Path,
    format: Format,
    from: u64,
    size: u64,
) -> Result<Vec<u8>, DiskError> {
    let read = |cause| unreadable(path, cause, IMAGE);
    if format == Format::Qcow2 {
        return tool.part(path, from, size).await;
    }
    let mut part = Vec::new();
    let mut file = File::open(path).map_err(read)?;
    file.seek(SeekFrom::Start(from)).map_err(read)?;
    file.take(size).read_to_end(&mut part).map_err(read)?;
    Ok(part)
}

/// The processors that the boot files in a FAT file system are for.
fn boot_files(part: Vec<u8>) -> Option<Vec<&'static str>> {
    let disk = fatfs::FileSystem::new(Cursor::new(part), fatfs::FsOptions::new()).ok()?;
    let boot = disk.root_dir().open_dir("EFI/BOOT").ok()?;
    let names = boot.iter().filter_map(|entry| Some(entry.ok()?.file_name()));
    Some(names.filter_map(|name| gpt::of_boot_file(&name)).collect())
}

fn open(path: &Path, field: &'static str) -> Result<(File, Vec<u8>), DiskError> {
    let failed = |cause| unreadable(path, cause, field);
    let mut file = File::open(path).map_err(failed)?;
    if !file.metadata().map_err(failed)?.is_file() {
        return Err(refused(path, &Kind::Other("it is no file"), field));
    }
    let mut head = Vec::new();
    (&mut file).take(header::HEAD as u64).read_to_end(&mut head).map_err(failed)?;
    Ok((file, head))
}

fn refused(path: &Path, kind: &Kind, field: &'static str) -> DiskError {
    let path = path.to_owned();
    let wanted = if field == "ISO" { "an ISO 9660 image" } else { "a qcow2 or raw image" };
    let (found, help) = match kind {
        Kind::OtherImage(found) if field == IMAGE => {
            return DiskError::OtherFormat { path, found, field };
        }
        Kind::Compressed(program) => {
            let help = format!("unpack it with {program}, and name what comes out");
            ("it is compressed", help)
        }
        Kind::Iso { .. } => ("it is an ISO", "write it as ISO= instead of IMAGE=".to_owned()),
        Kind::Qcow2(_) | Kind::Raw => ("it is a disk", "write it as IMAGE= instead".to_owned()),
        Kind::OtherImage(_) => ("it is a disk of another program's", format!("name {wanted}")),
        Kind::Other(found) => (*found, format!("name {wanted}")),
    };
    DiskError::NotAnImage { path, found: found.to_owned(), help, field }
}

fn unreadable(path: &Path, cause: std::io::Error, field: &'static str) -> DiskError {
    DiskError::Io { operation: "read", path: path.to_owned(), cause, field: Some(field) }
}

#[cfg(test)]
mod tests;
