//! What vagrantp has made at a provider beside its instances, and whether something needs it.

use jiff::Timestamp;

use super::id::InstanceUuid;
use super::image::LocalImage;
use super::units::Bytes;

/// Everything of one user's that could be left over.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Inventory {
    /// The images with a name of vagrantp's.
    pub images: Vec<OwnImage>,
    /// The networks with this user's mark.
    pub networks: Vec<OwnNetwork>,
    /// The names of instances that carry this user's stamp and that vagrantp did not make.
    pub copies: Vec<String>,
}

/// An image that vagrantp imported, built, or saved.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OwnImage {
    /// Its name.
    pub name: String,
    /// What it holds.
    pub holds: LocalImage,
    /// When it was made, where the provider shows that.
    pub made_at: Option<Timestamp>,
    /// Whether it is a part of a build that came to no end: it is still needed where that goes on.
    pub unfinished: bool,
    /// How much it takes, with what it may share with others.
    pub size: Bytes,
    /// Whether a container is made from it, or an instance would be again.
    pub used: bool,
    /// The instance whose files it holds.
    pub owner: Option<InstanceUuid>,
}

/// A network that was made for an instance.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OwnNetwork {
    /// Its name.
    pub name: String,
    /// When it was made, where the provider shows that.
    pub made_at: Option<Timestamp>,
    /// Whose it is.
    pub owner: InstanceUuid,
    /// Whether a container is attached to it.
    pub used: bool,
}
