//! The files of an instance as they were at a moment, kept under a name.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::id::InstanceUuid;
use super::image::ImageSource;
use super::units::Bytes;

/// A snapshot's name: letters, digits and `_ . -`, the first one a letter or a digit.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String")]
pub struct SnapshotName(String);

impl SnapshotName {
    /// How many characters it may have.
    pub const LONGEST: usize = 64;

    /// The name, where the text is one.
    #[must_use]
    pub fn new(text: &str) -> Option<Self> {
        let fits = |c: char| c.is_ascii_alphanumeric() || "_.-".contains(c);
        let good = text.starts_with(|c: char| c.is_ascii_alphanumeric())
            && text.len() <= Self::LONGEST
            && text.chars().all(fits);
        good.then(|| SnapshotName(text.to_owned()))
    }

    /// The name of one that nobody named: its moment (RFC 3339), to the second.
    #[must_use]
    pub fn of_moment(moment: &str) -> Self {
        let digits: String = moment.chars().filter(char::is_ascii_digit).take(14).collect();
        let (day, time) = digits.split_at(digits.len().min(8));
        SnapshotName(format!("{day}-{time}"))
    }

    /// As it is typed.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for SnapshotName {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        SnapshotName::new(&text).ok_or_else(|| format!("`{text}` cannot name a snapshot"))
    }
}

impl fmt::Display for SnapshotName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A snapshot.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Snapshot {
    /// Its name; one instance has each name once.
    pub name: SnapshotName,
    /// Whose files they are.
    pub of: InstanceUuid,
    /// When it was taken (RFC 3339).
    pub created_at: String,
    /// What somebody wrote about it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// What the instance had been made from, so that going back goes back to that as well.
    pub image: ImageSource,
    /// The digest or id of that image.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub image_id: Option<String>,
    /// How much it would take by itself; the provider keeps what several have in common once.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub size: Option<Bytes>,
    /// Whether it holds what was in a VM's memory as well: going back lets that run on.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub memory: bool,
}

impl Snapshot {
    /// When it was taken, to the second, as one reads it.
    #[must_use]
    pub fn taken(&self) -> String {
        match self.created_at.split_once('.') {
            Some((seconds, _)) => format!("{seconds}Z"),
            None => self.created_at.clone(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_what_can_be_typed_and_kept_anywhere() {
        for good in ["a", "before-upgrade", "v1.2_3", "20261121-150405", &"x".repeat(64)] {
            assert_eq!(SnapshotName::new(good).unwrap().as_str(), good);
        }
        for bad in ["", "-rf", ".hidden", "_x", "a b", "a/b", "a:b", "ä", "a\n", &"x".repeat(65)] {
            assert_eq!(SnapshotName::new(bad), None, "{bad}");
        }
        assert!(serde_json::from_str::<SnapshotName>("\"../x\"").is_err());
    }

    #[test]
    fn a_snapshot_without_a_name_is_called_by_its_moment() {
        let name = SnapshotName::of_moment("2026-11-21T15:04:05.123456Z");
        assert_eq!(name.as_str(), "20261121-150405");
        assert_eq!(SnapshotName::new(name.as_str()), Some(name));
    }
}
