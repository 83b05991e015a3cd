//! A FAT file system in memory, the same bytes for the same files.

use std::io::{Cursor, Seek, Write};

use fatfs::{FileSystem, FormatVolumeOptions, FsOptions, format_volume};

/// What cloud-init looks for. fatfs writes it into the boot sector and into the root directory; the
/// second is the one that is asked for.
const LABEL: [u8; 11] = *b"CIDATA     ";
/// A FAT has a number that is usually taken from the clock.
const VOLUME: u32 = 0x7661_6772;
const MIB: usize = 1 << 20;

/// A disk with these files in its root.
pub(super) fn image(files: &[(&str, String)]) -> Vec<u8> {
    let content: usize = files.iter().map(|(_, text)| text.len()).sum();
    // Half as much again, for the tables and for clusters that are not full.
    let size = (content * 3 / 2 + MIB / 2).div_ceil(MIB) * MIB;
    let mut disk = Cursor::new(vec![0; size]);
    let written = fill(&mut disk, files);
    written.expect("the disk is in memory, and larger than what goes onto it");
    disk.into_inner()
}

fn fill(disk: &mut Cursor<Vec<u8>>, files: &[(&str, String)]) -> std::io::Result<()> {
    format_volume(&mut *disk, FormatVolumeOptions::new().volume_label(LABEL).volume_id(VOLUME))?;
    disk.rewind()?;
    // Without a clock of its own every time is FAT's first: the bytes depend on the files alone.
    let filesystem = FileSystem::new(disk, FsOptions::new())?;
    let root = filesystem.root_dir();
    for (name, text) in files {
        let mut file = root.create_file(name)?;
        file.write_all(text.as_bytes())?;
        file.flush()?;
    }
    drop(root);
    filesystem.unmount()
}
