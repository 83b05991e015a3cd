//! Where a value was written: the place travels with the value, the text waits in [`Sources`].

use std::sync::Arc;

use miette::SourceSpan;
use serde::{Deserialize, Serialize};

/// A stretch of one of the read files, `--set` options or environment variables.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Place {
    /// Which of [`Sources`] it is in; first, so that places sort by file and then by position.
    #[serde(skip, default)]
    pub source: usize,
    /// First byte of the stretch within that source.
    #[serde(skip, default)]
    pub offset: usize,
    /// Length in bytes.
    #[serde(skip, default)]
    pub length: usize,
    /// The source's name as the user would type it: `.env`, `--set`.
    pub file: Arc<str>,
    /// Line, counted from 1.
    pub line: u32,
    /// Column in characters, counted from 1.
    pub column: u32,
}

impl From<&Place> for SourceSpan {
    fn from(place: &Place) -> Self {
        SourceSpan::new(place.offset.into(), place.length)
    }
}

impl From<Place> for SourceSpan {
    fn from(place: Place) -> Self {
        SourceSpan::from(&place)
    }
}

/// Which layer of the configuration a value was written in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Layer {
    /// One of the `.env` files.
    File,
    /// `VAGRANTP_<KEY>` in the process environment.
    Environment,
    /// `--set KEY=VALUE`.
    Set,
}

/// Who said so.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Origin {
    /// Nobody: vagrantp's own default.
    Default,
    /// The user, there.
    Written {
        /// The layer that the place belongs to.
        layer: Layer,
        /// The characters that say it.
        place: Place,
    },
}

impl Origin {
    /// The place, where there is one.
    #[must_use]
    pub fn place(&self) -> Option<&Place> {
        match self {
            Origin::Default => None,
            Origin::Written { place, .. } => Some(place),
        }
    }

    /// Whether nobody wrote the value.
    #[must_use]
    pub fn is_default(&self) -> bool {
        matches!(self, Origin::Default)
    }
}

/// A value that knows who said it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sourced<T> {
    /// The value.
    pub value: T,
    /// Who said it, and where.
    pub origin: Origin,
}

impl<T> Sourced<T> {
    /// A value that nobody wrote.
    pub fn default_of(value: T) -> Self {
        Sourced { value, origin: Origin::Default }
    }

    /// A value that stands at `place` of a layer.
    pub fn written(value: T, layer: Layer, place: Place) -> Self {
        Sourced { value, origin: Origin::Written { layer, place } }
    }

    /// The same origin with another value.
    pub fn map<U>(self, to: impl FnOnce(T) -> U) -> Sourced<U> {
        Sourced { value: to(self.value), origin: self.origin }
    }

    /// The place, where there is one.
    #[must_use]
    pub fn place(&self) -> Option<&Place> {
        self.origin.place()
    }
}

/// One text that values were read from, in the form that may be shown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Source {
    /// The name as the user would type it.
    pub name: Arc<str>,
    /// The text with everything that is not vagrantp's own blanked out, byte for byte: the
    /// application's values cannot be shown, because they are not here.
    pub visible: Arc<str>,
}

/// All texts of one run; [`Place::source`] counts into it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Sources(pub Vec<Source>);

impl Sources {
    /// The source that a place points into.
    #[must_use]
    pub fn of(&self, place: &Place) -> Option<&Source> {
        self.0.get(place.source)
    }
}
