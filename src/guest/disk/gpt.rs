//! Partition tables: for which processor a disk was made, and how far it should reach.

/// Bytes in a sector, which every image that is booted here has.
pub(super) const SECTOR: u64 = 512;
/// Enough of a disk for its table: both headers, and 128 entries.
pub(super) const TABLE: usize = 34 * 512;

/// Types of partitions that say for whom they are: roots and `/usr`s of the Discoverable Partitions
/// Specification, and the place of a boot loader that only PCs know.
const TYPES: &[(&str, &str)] = &[
    ("4f68bce3-e8cd-4db1-96e7-fbcaf984b709", "x86_64"),
    ("8484680c-9521-48c6-9c11-b0720656f69e", "x86_64"),
    ("21686148-6449-6e6f-744e-656564454649", "x86_64"),
    ("b921b045-1df0-41c3-af44-4c6f280d3fae", "aarch64"),
    ("b0e01050-ee5f-4390-949a-9101b17104e9", "aarch64"),
    ("44479540-f297-41b2-9af7-d131d5f0458a", "x86"),
    ("69dad710-2ce4-4e3c-b16c-21a1d49abed3", "arm"),
    ("72ec70a6-cf74-40e6-bd49-4bda08e8f224", "riscv64"),
    ("77055800-792c-4f94-b39a-98c91b762bb6", "loongarch64"),
    ("c31c45e6-3f39-412e-80fb-4809c4980599", "powerpc64le"),
    ("5eead9a9-fe09-4a1e-a1d7-520d00531306", "s390x"),
];
const SYSTEM: &str = "c12a7328-f81f-11d2-ba4b-00a0c93ec93b";

/// What a partition table says.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub(super) struct Table {
    /// The processors that its partitions are for, each once.
    pub(super) architectures: Vec<&'static str>,
    /// The EFI system partition: where it begins and how long it is, in bytes.
    pub(super) system: Option<(u64, u64)>,
    /// Where the last partition ends, in bytes.
    pub(super) end: u64,
}

/// Reads the table at the beginning of a disk; none where there is none.
pub(super) fn read(head: &[u8]) -> Option<Table> {
    let header = head.get(512..1024)?;
    if header.starts_with(b"EFI PART") { gpt(head, header) } else { mbr(head) }
}

fn le32(bytes: &[u8], at: usize) -> u64 {
    bytes.get(at..at + 4).and_then(|b| b.try_into().ok()).map_or(0, u32::from_le_bytes).into()
}

fn le64(bytes: &[u8], at: usize) -> u64 {
    bytes.get(at..at + 8).and_then(|b| b.try_into().ok()).map_or(0, u64::from_le_bytes)
}

fn gpt(head: &[u8], header: &[u8]) -> Option<Table> {
    let first = usize::try_from(le64(header, 72).checked_mul(SECTOR)?).ok()?;
    let size = usize::try_from(le32(header, 84)).ok().filter(|size| (128..=4096).contains(size))?;
    let mut table = Table::default();
    for entry in head.get(first..)?.chunks_exact(size).take(128) {
        let kind = uuid::Uuid::from_slice_le(&entry[..16]).ok()?;
        if kind.is_nil() {
            continue;
        }
        let (from, to) = (le64(entry, 32), le64(entry, 40).saturating_add(1));
        let (from, to) = (from.saturating_mul(SECTOR), to.saturating_mul(SECTOR));
        table.end = table.end.max(to);
        let kind = kind.to_string();
        if kind == SYSTEM {
            table.system = Some((from, to.saturating_sub(from)));
        }
        if let Some((_, architecture)) = TYPES.iter().find(|(known, _)| *known == kind)
            && !table.architectures.contains(architecture)
        {
            table.architectures.push(architecture);
        }
    }
    Some(table)
}

fn mbr(head: &[u8]) -> Option<Table> {
    if head.get(510..512)? != b"\x55\xaa" {
        return None;
    }
    let mut table = Table::default();
    for entry in head[446..510].chunks_exact(16).filter(|entry| entry[4] != 0) {
        let (from, length) = (le32(entry, 8) * SECTOR, le32(entry, 12) * SECTOR);
        table.end = table.end.max(from + length);
        if entry[4] == 0xef {
            table.system = Some((from, length));
        }
    }
    Some(table)
}

/// The processors that the boot files of a removable medium are for: `EFI/BOOT/BOOTX64.EFI`.
pub(super) fn of_boot_file(name: &str) -> Option<&'static str> {
    let name = name.split(';').next().unwrap_or_default().to_ascii_uppercase();
    Some(match name.strip_prefix("BOOT")?.strip_suffix(".EFI")? {
        "X64" => "x86_64",
        "AA64" => "aarch64",
        "IA32" => "x86",
        "ARM" => "arm",
        "RISCV64" => "riscv64",
        "LOONGARCH64" => "loongarch64",
        _ => return None,
    })
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// A GPT with these partitions: type, first and last sector.
    pub(in crate::guest::disk) fn disk(partitions: &[(&str, u64, u64)]) -> Vec<u8> {
        let mut head = vec![0; TABLE];
        head[510..512].copy_from_slice(b"\x55\xaa");
        head[450] = 0xee;
        head[512..520].copy_from_slice(b"EFI PART");
        head[512 + 72..512 + 80].copy_from_slice(&2_u64.to_le_bytes());
        head[512 + 84..512 + 88].copy_from_slice(&128_u32.to_le_bytes());
        for (number, (kind, from, to)) in partitions.iter().enumerate() {
            let entry = &mut head[1024 + number * 128..][..128];
            entry[..16].copy_from_slice(&uuid::Uuid::parse_str(kind).unwrap().to_bytes_le());
            entry[32..40].copy_from_slice(&from.to_le_bytes());
            entry[40..48].copy_from_slice(&to.to_le_bytes());
        }
        head
    }

    #[test]
    fn a_disk_says_for_whom_it_is_and_how_far_it_goes() {
        let head = disk(&[(TYPES[3].0, 4096, 8191), (SYSTEM, 2048, 4095)]);
        let table = read(&head).unwrap();
        assert_eq!(table.architectures, ["aarch64"]);
        assert_eq!(table.system, Some((2048 * 512, 2048 * 512)));
        assert_eq!(table.end, 8192 * 512);
        assert_eq!(read(&disk(&[])), Some(Table::default()));
        assert_eq!(read(&[0; 1024]), None);
        assert_eq!(read(&[0; 10]), None);
    }

    #[test]
    fn an_older_table_says_how_far_it_goes() {
        let mut head = vec![0; 1024];
        head[510..512].copy_from_slice(b"\x55\xaa");
        head[446 + 4] = 0x83;
        head[446 + 8..446 + 12].copy_from_slice(&2048_u32.to_le_bytes());
        head[446 + 12..446 + 16].copy_from_slice(&100_u32.to_le_bytes());
        assert_eq!(read(&head).unwrap().end, 2148 * 512);
    }

    #[test]
    fn boot_files_are_known_by_name() {
        assert_eq!(of_boot_file("bootaa64.efi"), Some("aarch64"));
        assert_eq!(of_boot_file("BOOTX64.EFI;1"), Some("x86_64"));
        for other in ["GRUBX64.EFI", "BOOTX64", "BOOT.EFI", ""] {
            assert_eq!(of_boot_file(other), None);
        }
    }
}
