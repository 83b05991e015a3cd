//! Just enough of ISO 9660 to find the boot files of EFI.

use std::io::{Read, Seek, SeekFrom};

use super::gpt::of_boot_file;

const BLOCK: u64 = 2048;
/// No directory that is looked into is longer.
const LONGEST: u64 = 1 << 20;

/// The processors that the medium's boot files are for; none where it has none.
pub(super) fn architectures<D: Read + Seek>(disk: &mut D) -> std::io::Result<Vec<&'static str>> {
    let mut descriptor = [0; BLOCK as usize];
    disk.seek(SeekFrom::Start(16 * BLOCK))?;
    disk.read_exact(&mut descriptor)?;
    let root = extent(&descriptor[156..190]);
    let found = |disk: &mut D, at, name| -> std::io::Result<Option<(u64, u64)>> {
        let entries = list(disk, at)?;
        Ok(entries
            .into_iter()
            .find(|(known, _)| known.eq_ignore_ascii_case(name))
            .map(|(_, it)| it))
    };
    let Some(efi) = found(disk, root, "EFI")? else { return Ok(Vec::new()) };
    let Some(boot) = found(disk, efi, "BOOT")? else { return Ok(Vec::new()) };
    Ok(list(disk, boot)?.iter().filter_map(|(name, _)| of_boot_file(name)).collect())
}

/// Where a record's content begins and how long it is, in bytes.
fn extent(record: &[u8]) -> (u64, u64) {
    let number = |at: usize| {
        record.get(at..at + 4).and_then(|b| b.try_into().ok()).map_or(0, u32::from_le_bytes)
    };
    (u64::from(number(2)) * BLOCK, u64::from(number(10)))
}

fn list<D: Read + Seek>(
    disk: &mut D,
    (at, length): (u64, u64),
) -> std::io::Result<Vec<(String, (u64, u64))>> {
    disk.seek(SeekFrom::Start(at))?;
    let mut content = Vec::new();
    disk.take(length.min(LONGEST)).read_to_end(&mut content)?;
    let mut entries = Vec::new();
    for block in content.chunks(BLOCK as usize) {
        let mut rest = block;
        // A record never crosses a block; what is left of one is zeros.
        while let Some(&size) = rest.first().filter(|size| **size >= 34) {
            let Some(record) = rest.get(..usize::from(size)) else { break };
            let name = record.get(33..33 + usize::from(record[32])).unwrap_or_default();
            entries.push((String::from_utf8_lossy(name).into_owned(), extent(record)));
            rest = &rest[usize::from(size)..];
        }
    }
    Ok(entries)
}
