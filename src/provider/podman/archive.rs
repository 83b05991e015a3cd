//! A tarball of one image, on its way to the engine without the names that stand in it: what is
//! loaded with a name takes it from whatever image of the user's had it before.

use std::fs::File;
use std::io::{self, BufReader, Read, Seek, SeekFrom, Write};
use std::path::Path;

use flate2::read::MultiGzDecoder;
use serde_json::Value;

use crate::exec::printable;
use crate::provider::ImageFault;

/// The largest index that is read.
const LARGEST: u64 = 4 << 20;

/// Writes the archive without its names.
pub(super) fn without_names(path: &Path, to: &mut dyn Write) -> io::Result<()> {
    let bad = |reason: String, help: &str| bad_file(path, reason, help);
    let damaged = |error: io::Error| {
        // What the reader of the body says is not about the file.
        if error.kind() == io::ErrorKind::BrokenPipe || error.get_ref().is_some_and(is_ours) {
            return error;
        }
        bad(format!("it is damaged or cut short: {error}"), "make or fetch it again")
    };
    let mut archive = tar::Archive::new(unpacked(path)?);
    let mut out = tar::Builder::new(to);
    let mut images = None;
    for entry in archive.entries().map_err(damaged)? {
        let mut entry = entry.map_err(damaged)?;
        let name = entry.path().map_err(damaged)?.to_string_lossy().into_owned();
        let mut header = entry.header().clone();
        match name.trim_start_matches("./") {
            "repositories" => {}
            index @ ("index.json" | "manifest.json") => {
                let mut text = Vec::new();
                entry.by_ref().take(LARGEST).read_to_end(&mut text).map_err(damaged)?;
                let (text, count) = nameless(index, &text).map_err(|error| {
                    bad(format!("its {index} is not understood: {error}"), "make it again")
                })?;
                images = images.max(Some(count));
                header.set_size(text.len() as u64);
                out.append_data(&mut header, index, text.as_slice()).map_err(damaged)?;
            }
            other => {
                let other = other.to_owned();
                let kind = header.entry_type();
                if kind.is_symlink() || kind.is_hard_link() {
                    let target = entry.link_name().map_err(damaged)?.unwrap_or_default();
                    out.append_link(&mut header, other, target).map_err(damaged)?;
                } else {
                    let mut data = Whole { left: header.size().map_err(damaged)?, data: entry };
                    out.append_data(&mut header, other, &mut data).map_err(damaged)?;
                }
            }
        }
    }
    match images {
        Some(1) => out.into_inner().map(drop),
        None | Some(0) => Err(bad("it holds no image".to_owned(), "make or fetch it again")),
        Some(count) => Err(bad(
            format!("it holds {count} images, and one is wanted"),
            "save one alone: podman save --format oci-archive -o image.tar NAME",
        )),
    }
}

fn is_ours(error: &(dyn std::error::Error + Send + Sync + 'static)) -> bool {
    error.is::<ImageFault>()
}

pub(super) fn bad_file(path: &Path, reason: String, help: &str) -> io::Error {
    let file = printable(&path.display().to_string());
    io::Error::other(ImageFault::BadFile { file, reason, help: help.to_owned() })
}

fn unpacked(path: &Path) -> io::Result<Box<dyn Read>> {
    let unreadable = |error: io::Error| {
        bad_file(path, format!("it cannot be read: {error}"), "look at it, or change IMAGE")
    };
    let mut file = File::open(path).map_err(unreadable)?;
    let mut magic = [0; 2];
    let packed = file.read_exact(&mut magic).is_ok() && magic == [0x1f, 0x8b];
    file.seek(SeekFrom::Start(0)).map_err(unreadable)?;
    let file = BufReader::with_capacity(128 << 10, file);
    Ok(if packed { Box::new(MultiGzDecoder::new(file)) } else { Box::new(file) })
}

/// An entry's data, which must not end before its end.
struct Whole<R> {
    data: R,
    left: u64,
}

impl<R: Read> Read for Whole<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.data.read(buffer)?;
        self.left = self.left.saturating_sub(count as u64);
        if count == 0 && self.left > 0 && !buffer.is_empty() {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        Ok(count)
    }
}

/// The index without the names in it, and how many images it has.
fn nameless(file: &str, text: &[u8]) -> serde_json::Result<(Vec<u8>, usize)> {
    let mut index: Value = serde_json::from_slice(text)?;
    let mut count = 0;
    let images = if file == "index.json" { index.get_mut("manifests") } else { Some(&mut index) };
    for image in images.and_then(Value::as_array_mut).into_iter().flatten() {
        count += 1;
        if let Some(image) = image.as_object_mut() {
            image.remove("annotations");
            if image.contains_key("RepoTags") {
                image.insert("RepoTags".to_owned(), Value::Null);
            }
        }
    }
    Ok((serde_json::to_vec(&index)?, count))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn write(path: &Path, entries: &[(&str, &str)]) {
        let mut tar = tar::Builder::new(File::create(path).expect("a file"));
        for (name, text) in entries {
            let mut header = tar::Header::new_gnu();
            header.set_size(text.len() as u64);
            header.set_mode(0o644);
            tar.append_data(&mut header, name, text.as_bytes()).expect("written");
        }
        tar.finish().expect("written");
    }

    fn read(bytes: &[u8]) -> Vec<(String, String)> {
        let mut archive = tar::Archive::new(bytes);
        let entries = archive.entries().expect("an archive").map(|entry| {
            let mut entry = entry.expect("an entry");
            let name = entry.path().expect("a name").display().to_string();
            let mut text = String::new();
            entry.read_to_string(&mut text).expect("text");
            (name, text)
        });
        entries.collect()
    }

    fn stripped(path: &Path) -> Result<Vec<(String, String)>, String> {
        let mut out = Vec::new();
        match without_names(path, &mut out) {
            Ok(()) => Ok(read(&out)),
            Err(error) => Err(error.to_string()),
        }
    }

    #[test]
    fn the_names_go_and_the_rest_stays() {
        let dir = tempfile::tempdir().expect("a directory");
        let path = dir.path().join("a.tar");
        let digest = "0a".repeat(32);
        let index = r#"{"manifests":[{"digest":"d","annotations":{"org.opencontainers.image.ref.name":"debian:12"}}]}"#;
        write(&path, &[("blobs/sha256/d", "data"), ("index.json", index), ("oci-layout", "{}")]);
        let found = stripped(&path).expect("an image");
        let text = |text: &str| text.to_owned();
        assert_eq!(
            found,
            [
                (text("blobs/sha256/d"), text("data")),
                (text("index.json"), text(r#"{"manifests":[{"digest":"d"}]}"#)),
                (text("oci-layout"), text("{}")),
            ]
        );
        let manifest = r#"[{"Config":"c","RepoTags":["docker.io/library/debian:12"]}]"#;
        let layer = format!("{digest}.tar");
        write(&path, &[(&layer, "x"), ("manifest.json", manifest), ("repositories", "{}")]);
        let found = stripped(&path).expect("an image");
        assert_eq!(found[1].1, r#"[{"Config":"c","RepoTags":null}]"#);
        assert_eq!(found.len(), 2, "{found:?}");
    }

    #[test]
    fn what_is_no_single_whole_image_says_so() {
        let dir = tempfile::tempdir().expect("a directory");
        let path = dir.path().join("a.tar");
        let says = |words: &str| {
            let error = stripped(&path).expect_err(words);
            assert!(error.contains(words), "{error}");
        };
        write(&path, &[("index.json", r#"{"manifests":[{},{}]}"#)]);
        says("holds 2 images");
        write(&path, &[("oci-layout", "{}")]);
        says("holds no image");
        write(&path, &[("manifest.json", "[{")]);
        says("its manifest.json is not understood");
        write(&path, &[("blobs/x", &"long ".repeat(1000)), ("index.json", "{}")]);
        let whole = std::fs::read(&path).expect("readable");
        for cut in [700, 3000, 5700] {
            std::fs::write(&path, &whole[..cut]).expect("writable");
            says("damaged or cut short");
        }
        std::fs::remove_file(&path).expect("removable");
        says("cannot be read");
    }
}
