//! Disks of a machine's own: made beside their place and renamed into it, so that a disk is there
//! whole or not at all, and never made smaller.

use std::ffi::{OsStr, OsString};
use std::fs;
use std::path::{Path, PathBuf};

use super::info::Size;
use super::{Format, Tool, failed};
use crate::deed;
use crate::guest::error::DiskError;

/// Makes a disk that reads from an image what was never written to it, with `size` bytes.
///
/// # Errors
/// qemu-img could not.
pub async fn create_overlay(
    tool: &Tool,
    disk: &Path,
    image: &Path,
    image_format: Format,
    size: u64,
) -> Result<(), DiskError> {
    let before = ["create", "-q", "-f", "qcow2", "-F", image_format.as_str(), "-b"];
    let arguments = before.iter().map(OsString::from).chain([image.into()]).collect();
    create(tool, arguments, disk, size).await
}

/// Makes an empty disk of `size` bytes.
///
/// # Errors
/// qemu-img could not.
pub async fn create_blank(tool: &Tool, disk: &Path, size: u64) -> Result<(), DiskError> {
    let before = ["create", "-q", "-f", "qcow2", "-o", "preallocation=metadata"];
    create(tool, before.iter().map(OsString::from).collect(), disk, size).await
}

async fn create(
    tool: &Tool,
    mut arguments: Vec<OsString>,
    disk: &Path,
    size: u64,
) -> Result<(), DiskError> {
    let beside = beside(disk);
    arguments.extend([beside.clone().into(), size.to_string().into()]);
    let making = tool.program.run(&arguments);
    let made = deed::around("guest.create_disk", making).await;
    let written =
        |cause| DiskError::Io { operation: "written", path: disk.to_owned(), cause, field: None };
    let placed = match made {
        Ok(_) => deed::at_once("guest.place_disk", || {
            use std::os::unix::fs::PermissionsExt;
            fs::set_permissions(&beside, fs::Permissions::from_mode(0o600))?;
            fs::File::open(&beside)?.sync_all()?;
            fs::rename(&beside, disk)
        })
        .map_err(written),
        Err(cause) => Err(failed("the making of", disk, cause)),
    };
    if placed.is_err() {
        // What is left of it is in nobody's way, and goes with the directory where it cannot go now.
        let _ = deed::at_once("guest.clear_disk", || fs::remove_file(&beside));
    }
    placed
}

/// Where a disk is made: the same name each time, so that what a killed call has left is written over.
fn beside(disk: &Path) -> PathBuf {
    let mut name = OsString::from(".new-");
    name.push(disk.file_name().unwrap_or(OsStr::new("disk")));
    disk.with_file_name(name)
}

/// Makes a disk of a stopped machine larger; says whether there was anything to do.
///
/// # Errors
/// It has more than that already, or qemu-img could not.
pub async fn grow(tool: &Tool, disk: &Path, size: u64) -> Result<bool, DiskError> {
    let info = tool.info(disk, Format::Qcow2).await?;
    if info.virtual_size > size {
        return Err(DiskError::Shrinks {
            path: disk.to_owned(),
            size: Size(info.virtual_size).to_string(),
            wanted: Size(size).to_string(),
        });
    }
    if info.virtual_size == size {
        return Ok(false);
    }
    let words = ["resize", "-q", "-f", "qcow2"].map(OsString::from);
    let ends = [disk.as_os_str().to_owned(), size.to_string().into()];
    let arguments: Vec<OsString> = words.into_iter().chain(ends).collect();
    let growing = tool.program.run(&arguments);
    let grown = deed::around("guest.grow_disk", growing).await;
    grown.map(|_| true).map_err(|cause| failed("the growing of", disk, cause))
}
