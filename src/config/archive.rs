//! What a tarball holds, told by the names in it: a root file system, or an image in the layout of
//! the OCI or of `podman save`.

use std::io::{self, Read, Seek, SeekFrom};

use flate2::read::MultiGzDecoder;

/// What a tarball holds.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Archive {
    /// A whole image, with its configuration.
    Image,
    /// Files and nothing else.
    Rootfs,
}

const BLOCK: usize = 512;

/// What the file holds; nothing where it is no tarball.
pub(super) fn kind(file: &mut (impl Read + Seek)) -> io::Result<Option<Archive>> {
    const GZIP: &[u8] = &[0x1f, 0x8b];
    const PACKED: [&[u8]; 3] = [b"BZh", b"\xfd7zXZ\0", &[0x28, 0xb5, 0x2f, 0xfd]];
    let mut magic = [0; 6];
    let length = read_up_to(file, &mut magic)?;
    file.seek(SeekFrom::Start(0))?;
    if magic[..length].starts_with(GZIP) {
        // What cannot be unpacked is left to the engine's complaint, which says where.
        let packed = first_name(&mut MultiGzDecoder::new(file)).unwrap_or(None);
        let image = packed.is_some_and(|name| of_layout(&name));
        return Ok(Some(if image { Archive::Image } else { Archive::Rootfs }));
    }
    if PACKED.iter().any(|packed| magic[..length].starts_with(packed)) {
        // Images are not kept like that, and to unpack it only to look costs too much.
        return Ok(Some(Archive::Rootfs));
    }
    plain(file)
}

/// The first other name decides, so that a root file system with thousands of files is told by its
/// first; and an image has to have what says where its parts are.
fn plain(file: &mut (impl Read + Seek)) -> io::Result<Option<Archive>> {
    let (mut first, mut index) = (true, false);
    while let Some(header) = next_header(file)? {
        let Some(header) = Header::of(&header) else {
            return Ok(if first { None } else { Some(Archive::Rootfs) });
        };
        first = false;
        if !header.describes_next && !header.name.is_empty() && header.name != "." {
            if !of_layout(&header.name) {
                return Ok(Some(Archive::Rootfs));
            }
            index |= matches!(header.name.as_str(), "oci-layout" | "manifest.json");
        }
        let size = header.size.checked_next_multiple_of(BLOCK as u64).unwrap_or(u64::MAX);
        file.seek_relative(i64::try_from(size).unwrap_or(i64::MAX))?;
    }
    Ok(match (first, index) {
        (true, _) => None,
        (false, true) => Some(Archive::Image),
        (false, false) => Some(Archive::Rootfs),
    })
}

/// The name of the first entry that is one, from a stream that cannot be sought in.
fn first_name(stream: &mut impl Read) -> io::Result<Option<String>> {
    while let Some(header) = next_header(stream)? {
        let Some(header) = Header::of(&header) else { return Ok(None) };
        if !header.describes_next && !header.name.is_empty() && header.name != "." {
            return Ok(Some(header.name));
        }
        let size = header.size.checked_next_multiple_of(BLOCK as u64).unwrap_or(u64::MAX);
        io::copy(&mut stream.by_ref().take(size), &mut io::sink())?;
    }
    Ok(None)
}

/// Whether an image's archive has files of this name, and nothing else has.
fn of_layout(name: &str) -> bool {
    let first = name.split('/').next().unwrap_or(name);
    let digest = first.strip_suffix(".tar").or(first.strip_suffix(".json")).unwrap_or(first);
    matches!(name, "oci-layout" | "index.json" | "manifest.json" | "repositories" | "blobs")
        || name.starts_with("blobs/")
        || digest.len() == 64 && digest.bytes().all(|byte| byte.is_ascii_hexdigit())
}

struct Header {
    name: String,
    size: u64,
    /// Extended headers and long names only describe the entry after them.
    describes_next: bool,
}

impl Header {
    /// Nothing where the block is no header.
    fn of(block: &[u8; BLOCK]) -> Option<Header> {
        if &block[257..262] != b"ustar" {
            return None;
        }
        let text = |field: &[u8]| {
            let end = field.iter().position(|byte| *byte == 0).unwrap_or(field.len());
            String::from_utf8_lossy(&field[..end]).into_owned()
        };
        let name = text(&block[..100]);
        Some(Header {
            name: name.trim_start_matches("./").trim_end_matches('/').to_owned(),
            size: u64::from_str_radix(text(&block[124..136]).trim(), 8).unwrap_or(0),
            describes_next: matches!(block[156], b'x' | b'g' | b'L' | b'K'),
        })
    }
}

/// The next block, where it is a whole one and not the end of the archive.
fn next_header(stream: &mut impl Read) -> io::Result<Option<[u8; BLOCK]>> {
    let mut block = [0; BLOCK];
    let length = read_up_to(stream, &mut block)?;
    Ok((length == BLOCK && block.iter().any(|byte| *byte != 0)).then_some(block))
}

fn read_up_to(file: &mut impl Read, buffer: &mut [u8]) -> io::Result<usize> {
    let mut filled = 0;
    while filled < buffer.len() {
        match file.read(&mut buffer[filled..])? {
            0 => break,
            count => filled += count,
        }
    }
    Ok(filled)
}
