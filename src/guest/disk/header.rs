//! What a file is by its first bytes. Pure: nothing here opens what an image names.

/// Enough of a file's beginning to know it: up to the volume descriptor of an ISO.
pub(super) const HEAD: usize = 34 << 10;

/// What a file is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Qcow2(Qcow2),
    /// With a partition table, or a file system of its own.
    Raw,
    /// An ISO 9660 file system; one that can be written to a stick looks like a disk besides. With
    /// its size by its own account.
    Iso {
        bytes: u64,
        is_disk: bool,
    },
    /// An image of another program's.
    OtherImage(&'static str),
    /// Compressed: with the program that unpacks it.
    Compressed(&'static str),
    /// None of these, in words.
    Other(&'static str),
}

/// The header of a qcow2.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub(super) struct Qcow2 {
    pub(super) version: u32,
    /// Where the name of the backing file stands, and how long it is.
    pub(super) backing: Option<(u64, u32)>,
    pub(super) has_data_file: bool,
    pub(super) encrypted: bool,
    pub(super) virtual_size: u64,
    /// How far the tables go that everything else hangs on.
    pub(super) tables_end: u64,
}

const DATA_FILE: u64 = 1 << 2;

fn be32(head: &[u8], at: usize) -> u32 {
    head.get(at..at + 4).and_then(|b| b.try_into().ok()).map_or(0, u32::from_be_bytes)
}

fn be64(head: &[u8], at: usize) -> u64 {
    head.get(at..at + 8).and_then(|b| b.try_into().ok()).map_or(0, u64::from_be_bytes)
}

fn le16(head: &[u8], at: usize) -> u16 {
    head.get(at..at + 2).and_then(|b| b.try_into().ok()).map_or(0, u16::from_le_bytes)
}

pub(super) fn le32(head: &[u8], at: usize) -> u32 {
    head.get(at..at + 4).and_then(|b| b.try_into().ok()).map_or(0, u32::from_le_bytes)
}

/// What a file is that begins like this.
pub(super) fn kind(head: &[u8]) -> Kind {
    let starts = |magic: &[u8]| head.starts_with(magic);
    let at =
        |from: usize, magic: &[u8]| head.get(from..).is_some_and(|rest| rest.starts_with(magic));
    if head.is_empty() {
        return Kind::Other("it is empty");
    }
    if starts(b"QFI\xfb") {
        return qcow2(head).map_or(Kind::Other("its header is cut off"), Kind::Qcow2);
    }
    let others: [(&[u8], &str); 6] = [
        (b"KDMV", "VMDK"),
        (b"# Disk DescriptorFile", "VMDK"),
        (b"conectix", "VHD"),
        (b"vhdxfile", "VHDX"),
        (b"<<< ", "VDI"),
        (b"QED\0", "QED"),
    ];
    if let Some((_, name)) = others.iter().find(|(magic, _)| starts(magic)) {
        return Kind::OtherImage(name);
    }
    let packed: [(&[u8], &str); 5] = [
        (b"\x1f\x8b", "gunzip"),
        (b"\xfd7zXZ\0", "unxz"),
        (b"\x28\xb5\x2f\xfd", "unzstd"),
        (b"BZh", "bunzip2"),
        (b"PK\x03\x04", "unzip"),
    ];
    if let Some((_, program)) = packed.iter().find(|(magic, _)| starts(magic)) {
        return Kind::Compressed(program);
    }
    let is_disk = le16(head, 510) == 0xaa55;
    if at(32769, b"CD001") {
        // Blocks, then the size of one.
        let bytes = u64::from(le32(head, 32768 + 80)) * u64::from(le16(head, 32768 + 128));
        return Kind::Iso { bytes, is_disk };
    }
    let file_systems: [(usize, &[u8]); 5] = [
        (0x438, b"\x53\xef"),
        (0, b"XFSB"),
        (0, b"hsqs"),
        (1024, b"\x10\x20\xf5\xf2"),
        (0x400, b"\xe2\xe1\xf5\xe0"),
    ];
    if is_disk || file_systems.iter().any(|(from, magic)| at(*from, magic)) {
        return Kind::Raw;
    }
    let text = head.iter().take(512).all(|b| *b >= 0x20 || matches!(b, b'\n' | b'\r' | b'\t'));
    let lower = String::from_utf8_lossy(&head[..head.len().min(64)]).trim().to_lowercase();
    Kind::Other(match () {
        () if text && (lower.starts_with("<!doctype") || lower.starts_with("<html")) => {
            "it is a web page"
        }
        () if at(257, b"ustar") => "it is an archive of tar",
        () if starts(b"\x7fELF") => "it is a program",
        () if text => "it is a text",
        () if head.iter().all(|byte| *byte == 0) => "it begins with nothing but zeros",
        () => "it has neither a partition table nor a file system",
    })
}

fn qcow2(head: &[u8]) -> Option<Qcow2> {
    let version = be32(head, 4);
    let length = if version >= 3 { 104 } else { 72 };
    if head.len() < length {
        return None;
    }
    let cluster =
        1_u64.checked_shl(be32(head, 20)).filter(|size| (512..=2 << 20).contains(size))?;
    let backing = (be64(head, 8) != 0).then(|| (be64(head, 8), be32(head, 16)));
    let incompatible = if version >= 3 { be64(head, 72) } else { 0 };
    let l1 = be64(head, 40).saturating_add(u64::from(be32(head, 36)) * 8);
    let counts = be64(head, 48).saturating_add(u64::from(be32(head, 56)).saturating_mul(cluster));
    Some(Qcow2 {
        version,
        backing,
        has_data_file: incompatible & DATA_FILE != 0,
        encrypted: be32(head, 32) != 0,
        virtual_size: be64(head, 24),
        tables_end: l1.max(counts),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with(size: usize, parts: &[(usize, &[u8])]) -> Vec<u8> {
        let mut head = vec![0; size];
        for (at, bytes) in parts {
            head[*at..at + bytes.len()].copy_from_slice(bytes);
        }
        head
    }

    #[test]
    fn a_file_is_known_by_its_beginning() {
        assert_eq!(kind(&with(1024, &[(510, b"\x55\xaa")])), Kind::Raw);
        assert_eq!(kind(&with(2048, &[(0x438, b"\x53\xef")])), Kind::Raw);
        assert_eq!(kind(b"KDMV..."), Kind::OtherImage("VMDK"));
        assert_eq!(kind(b"\xfd7zXZ\0..."), Kind::Compressed("unxz"));
        assert_eq!(kind(b"\n<!DOCTYPE html><title>404"), Kind::Other("it is a web page"));
        assert_eq!(kind(b"INFRA_TYPE=vm\n"), Kind::Other("it is a text"));
        assert_eq!(kind(b""), Kind::Other("it is empty"));
        assert_eq!(kind(&[0; 4096]), Kind::Other("it begins with nothing but zeros"));
        assert_eq!(kind(b"QFI\xfb\0\0\0\x03"), Kind::Other("its header is cut off"));
        let iso: &[(usize, &[u8])] = &[
            (32769, b"CD001"),
            (32768 + 80, &300_u32.to_le_bytes()),
            (32768 + 128, &2048_u16.to_le_bytes()),
        ];
        assert_eq!(kind(&with(HEAD, iso)), Kind::Iso { bytes: 300 * 2048, is_disk: false });
    }

    #[test]
    fn what_a_qcow2_claims_is_read_and_no_file_opened_for_it() {
        let head = with(
            200,
            &[
                (0, b"QFI\xfb\0\0\0\x03"),
                (8, &112_u64.to_be_bytes()),
                (16, &11_u32.to_be_bytes()),
                (20, &16_u32.to_be_bytes()),
                (24, &(5_u64 << 30).to_be_bytes()),
                (32, &2_u32.to_be_bytes()),
                (36, &10_u32.to_be_bytes()),
                (40, &0x30000_u64.to_be_bytes()),
                (48, &0x10000_u64.to_be_bytes()),
                (56, &1_u32.to_be_bytes()),
                (72, &DATA_FILE.to_be_bytes()),
                (112, b"/etc/shadow"),
            ],
        );
        let Kind::Qcow2(header) = kind(&head) else { panic!("it is one") };
        assert_eq!(header.backing, Some((112, 11)));
        assert!(header.has_data_file && header.encrypted);
        assert_eq!(header.virtual_size, 5 << 30);
        assert_eq!(header.tables_end, 0x30000 + 80);
        let absurd = with(200, &[(0, b"QFI\xfb\0\0\0\x03"), (20, &63_u32.to_be_bytes())]);
        assert_eq!(kind(&absurd), Kind::Other("its header is cut off"));
    }

    #[test]
    fn any_bytes_are_read_without_harm() {
        for seed in 0..2000_u32 {
            let mut state = seed.wrapping_mul(2_654_435_761) | 1;
            let mut head: Vec<u8> = (0..400)
                .map(|_| {
                    state ^= state << 13;
                    state ^= state >> 17;
                    state ^= state << 5;
                    state.to_le_bytes()[0]
                })
                .collect();
            if seed % 2 == 0 {
                head[..4].copy_from_slice(b"QFI\xfb");
            }
            let _ = kind(&head);
        }
    }
}
