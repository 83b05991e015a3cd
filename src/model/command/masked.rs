//! A command that holds what stands at other keys: run as it is meant, shown as it is written.

use std::fmt;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

/// The words to run, which nothing prints and nothing keeps.
///
/// What a `${…}` stands for is the application's. On its way out of the process a command has the
/// text that the user wrote, and a digest by which a later call can tell whether it is the same.
#[derive(Clone, Serialize, Deserialize)]
pub struct Masked {
    written: String,
    digest: String,
    #[serde(skip)]
    argv: Vec<String>,
}

impl Masked {
    /// A command that was written as `written` and means `argv`.
    #[must_use]
    pub fn new(written: String, argv: Vec<String>) -> Self {
        Masked { written, digest: digest(&argv), argv }
    }

    /// What to run; empty where the command was read back from an object's stamp.
    #[must_use]
    pub fn argv(&self) -> &[String] {
        &self.argv
    }

    /// The text that the user wrote.
    #[must_use]
    pub fn written(&self) -> &str {
        &self.written
    }

    pub(super) fn means(&self, argv: &[String]) -> bool {
        self.digest == digest(argv)
    }
}

/// Two commands are the same where they mean the same, however they are written.
impl PartialEq for Masked {
    fn eq(&self, other: &Self) -> bool {
        self.digest == other.digest
    }
}

impl Eq for Masked {}

impl fmt::Debug for Masked {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Masked").field(&self.written).finish()
    }
}

fn digest(argv: &[String]) -> String {
    let mut hash = Sha256::new();
    for word in argv {
        // With its length in front, so that no two lists of words come to the same bytes.
        hash.update(word.len().to_le_bytes());
        hash.update(word);
    }
    hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect()
}
