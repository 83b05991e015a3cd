//! Keys: the host key that a machine is known by from its first connection on, and, where the caller
//! has none, a key to log in with. Both are Ed25519, made once, kept beside the machine's disk. Of
//! the caller's own keys only public halves are ever read.

use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use ssh_key::private::{Ed25519Keypair, KeypairData};
use ssh_key::{LineEnding, PrivateKey, PublicKey};

use super::error::KeyError;
use super::file;
use crate::private;

/// The names that are looked for in a `.ssh`, best first.
const PUBLIC: [&str; 3] = ["id_ed25519.pub", "id_ecdsa.pub", "id_rsa.pub"];
/// No public key is longer.
const LARGEST: u64 = 64 << 10;

/// A pair of keys in OpenSSH's forms.
#[derive(Clone, PartialEq, Eq)]
pub struct KeyPair {
    /// The private half, as a file of OpenSSH's.
    pub private: String,
    /// The public half, as one line: `ssh-ed25519 AAAA… comment`.
    pub public: String,
}

impl std::fmt::Debug for KeyPair {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("KeyPair").field("public", &self.public).finish_non_exhaustive()
    }
}

impl KeyPair {
    /// The pair that follows from 32 random bytes.
    #[must_use]
    pub fn from_seed(seed: &[u8; 32], comment: &str) -> KeyPair {
        // A comment with a line end in it would be a second line.
        let comment: String = comment.chars().filter(|c| !c.is_control()).collect();
        let pair = Ed25519Keypair::from_seed(seed);
        let key = PrivateKey::new(KeypairData::Ed25519(pair), comment)
            .expect("a pair of keys that is not encrypted fits");
        KeyPair::of(&key)
    }

    fn of(key: &PrivateKey) -> KeyPair {
        let private = key.to_openssh(LineEnding::LF).expect("a key without a passphrase is text");
        let public = key.public_key().to_openssh().expect("a public key is text");
        KeyPair { private: private.to_string(), public }
    }

    /// The public half without its comment, as `known_hosts` holds it: `ssh-ed25519 AAAA…`.
    #[must_use]
    pub fn public_bare(&self) -> String {
        self.public.split(' ').take(2).collect::<Vec<_>>().join(" ")
    }
}

/// The pair that is kept in the file `path`, which is made where it is missing; its public half stands
/// beside it as `path.pub`. A private half that is there is never written over.
///
/// # Errors
/// The file cannot be read or written, or holds something else.
pub fn keep(path: &Path, comment: &str) -> Result<KeyPair, KeyError> {
    let io = |operation, cause| KeyError::Io { operation, path: path.to_owned(), cause };
    let pair = match private::read(path) {
        Ok(text) => read(&text).ok_or_else(|| KeyError::Damaged { path: path.to_owned() })?,
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            let mut seed = [0; 32];
            fill_random(&mut seed).map_err(|cause| io("written", cause))?;
            let pair = KeyPair::from_seed(&seed, comment);
            file::write(path, pair.private.as_bytes()).map_err(|cause| io("written", cause))?;
            pair
        }
        Err(cause) => return Err(io("read", cause)),
    };
    let (public, line) = (public_of(path), format!("{}\n", pair.public));
    if private::read(&public).ok().as_deref() != Some(line.as_bytes()) {
        file::write(&public, line.as_bytes()).map_err(|cause| io("written", cause))?;
    }
    Ok(pair)
}

/// Where the public half of the pair in `path` stands.
#[must_use]
pub fn public_of(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".pub");
    name.into()
}

fn read(text: &[u8]) -> Option<KeyPair> {
    let key = PrivateKey::from_openssh(text).ok()?;
    (!key.is_encrypted() && key.algorithm().is_ed25519()).then(|| KeyPair::of(&key))
}

fn fill_random(mut bytes: &mut [u8]) -> io::Result<()> {
    while !bytes.is_empty() {
        let read = rustix::rand::getrandom(&mut *bytes, rustix::rand::GetRandomFlags::empty())?;
        bytes = &mut bytes[read..];
    }
    Ok(())
}

/// The first public key of a `.ssh` directory with its file, in the order Ed25519, ECDSA, RSA. One
/// that cannot be read or is none is passed over: it is the caller's, and another may do.
#[must_use]
pub fn callers_public_key(ssh_directory: &Path) -> Option<(PathBuf, String)> {
    PUBLIC.iter().find_map(|name| {
        let path = ssh_directory.join(name);
        let mut text = String::new();
        File::open(&path).ok()?.take(LARGEST).read_to_string(&mut text).ok()?;
        let line = text.lines().map(str::trim).find(|line| !line.is_empty())?;
        PublicKey::from_openssh(line).ok()?;
        Some((path, line.to_owned()))
    })
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn a_key_is_made_once_and_is_the_users_alone() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("host_key");
        let made = keep(&path, "shop").unwrap();
        assert_eq!(keep(&path, "another").unwrap(), made, "it is kept, with its comment");
        assert!(made.public.starts_with("ssh-ed25519 AAAA") && made.public.ends_with(" shop"));
        assert!(made.private.starts_with("-----BEGIN OPENSSH PRIVATE KEY-----\n"));
        assert!(made.private.ends_with("-----END OPENSSH PRIVATE KEY-----\n"));
        for file in [&path, &public_of(&path)] {
            assert_eq!(fs::metadata(file).unwrap().permissions().mode() & 0o777, 0o600);
        }
        let public = fs::read_to_string(public_of(&path)).unwrap();
        assert_eq!(public, format!("{}\n", made.public));
        assert!(!format!("{made:?}").contains("PRIVATE"), "a private key is not for logs");
    }

    #[test]
    fn a_lost_public_half_comes_back_and_a_damaged_private_one_is_told() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("host_key");
        let made = keep(&path, "shop").unwrap();
        fs::remove_file(public_of(&path)).unwrap();
        assert_eq!(keep(&path, "shop").unwrap(), made);
        assert!(public_of(&path).exists());
        fs::write(&path, &made.private[..100]).unwrap();
        assert!(matches!(keep(&path, "shop"), Err(KeyError::Damaged { .. })));
        assert_eq!(fs::read_to_string(&path).unwrap(), made.private[..100], "it is left as it is");
    }

    #[test]
    fn two_seeds_two_keys_and_a_comment_of_one_line() {
        let one = KeyPair::from_seed(&[1; 32], "a\nssh-rsa b");
        assert_eq!(one.public.lines().count(), 1);
        assert_ne!(one.public_bare(), KeyPair::from_seed(&[2; 32], "a").public_bare());
        assert_eq!(one.public_bare().split(' ').count(), 2);
    }

    #[test]
    fn of_the_callers_keys_the_public_halves_are_read_in_order() {
        let dir = tempfile::tempdir().unwrap();
        assert_eq!(callers_public_key(dir.path()), None);
        let [rsa, ed25519] = ["id_rsa.pub", "id_ed25519.pub"].map(|name| dir.path().join(name));
        let line = KeyPair::from_seed(&[3; 32], "me@here").public;
        fs::write(&rsa, format!("\n{line}\n")).unwrap();
        fs::write(&ed25519, "not a key").unwrap();
        fs::write(dir.path().join("id_ed25519"), "never read").unwrap();
        assert_eq!(callers_public_key(dir.path()), Some((rsa, line.clone())));
        fs::write(&ed25519, &line).unwrap();
        assert_eq!(callers_public_key(dir.path()).map(|(path, _)| path), Some(ed25519));
    }
}
