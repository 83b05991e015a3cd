//! The seed: what a guest is told at its start, in the form of cloud-init's NoCloud: a small FAT file
//! system with the label CIDATA. Rendering is a function from values to bytes, and equal values give
//! equal bytes; only [`write`] touches the disk.
//!
//! Beside cloud-init's three files lies `fstab`, the mounts for guests that know no cloud-init.

mod fat;
mod merge;
mod network;
mod user_data;
mod yaml;

use std::path::{Path, PathBuf};

use super::error::SeedError;
use super::{file, keys::KeyPair};

pub use network::Addressing;

/// Larger than this no seed is: cloud-init's own stores stop at far less.
const LARGEST: usize = 16 << 20;

/// What a guest is told.
#[derive(Clone, Debug)]
pub struct Seed {
    /// Changes when the guest shall take all of it up again: cloud-init does most things once for
    /// each.
    pub instance_id: String,
    /// The guest's host name.
    pub hostname: String,
    /// Who is logged in as.
    pub user: String,
    /// Who may log in: public keys, one each.
    pub authorized_keys: Vec<String>,
    /// What the guest is known by.
    pub host_key: KeyPair,
    /// Its MAC address, as six pairs of hexadecimal digits.
    pub mac: String,
    /// How it gets its address.
    pub addressing: Addressing,
    /// Directories of the host's.
    pub mounts: Vec<Mount>,
    /// The text of CLOUD_INIT.
    pub additions: Option<String>,
}

/// A directory of the host's that the guest mounts at each start.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mount {
    /// The tag that the machine has it under.
    pub tag: String,
    /// Where it appears in the guest.
    pub target: PathBuf,
    /// `9p` or `virtiofs`.
    pub filesystem: &'static str,
    /// Its options, with commas between them.
    pub options: String,
}

/// The files of a seed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rendered {
    /// Their names and contents.
    pub files: Vec<(&'static str, String)>,
    /// What the user should know.
    pub warnings: Vec<String>,
}

/// Puts the files of a seed together.
///
/// # Errors
/// CLOUD_INIT is no cloud-config, or would lock vagrantp out.
pub fn render(seed: &Seed) -> Result<Rendered, SeedError> {
    let mut config = user_data::base(seed);
    let mut warnings = Vec::new();
    if let Some(text) = &seed.additions {
        merge::add(&mut config, yaml::read(text)?, &mut warnings)?;
    }
    let meta = user_data::meta(seed);
    let mut files = vec![
        ("meta-data", yaml::write("", &meta)),
        ("user-data", yaml::write("#cloud-config\n", &config)),
        ("network-config", yaml::write("", &network::config(&seed.mac, &seed.addressing))),
    ];
    if !seed.mounts.is_empty() {
        files.push(("fstab", user_data::fstab(&seed.mounts)));
    }
    Ok(Rendered { files, warnings })
}

/// What is wrong with the text of CLOUD_INIT, or worth knowing of it, whatever the machine: for who
/// checks an `.env`.
///
/// # Errors
/// As [`render`].
pub fn check_additions(text: &str, user: &str) -> Result<Vec<String>, SeedError> {
    let mut warnings = Vec::new();
    let mut config = user_data::for_user(user, &[]);
    merge::add(&mut config, yaml::read(text)?, &mut warnings)?;
    Ok(warnings)
}

/// The file system with these files, as the bytes of a disk.
///
/// # Errors
/// They are larger than any guest is told.
pub fn image(rendered: &Rendered) -> Result<Vec<u8>, SeedError> {
    let size: usize = rendered.files.iter().map(|(_, text)| text.len()).sum();
    if size > LARGEST {
        return Err(SeedError::TooLarge { size, most: LARGEST });
    }
    Ok(fat::image(&rendered.files))
}

/// Writes the seed as a whole, for the user alone: the guest's private host key is in it. One that is
/// there already as it shall be is left alone.
///
/// # Errors
/// It cannot be rendered, or not written.
pub fn write(path: &Path, seed: &Seed) -> Result<Rendered, SeedError> {
    let rendered = render(seed)?;
    let image = image(&rendered)?;
    if crate::private::read(path).ok().as_deref() != Some(&image) {
        file::write(path, &image)
            .map_err(|cause| SeedError::Io { path: path.to_owned(), cause })?;
    }
    Ok(rendered)
}

#[cfg(test)]
mod tests;
