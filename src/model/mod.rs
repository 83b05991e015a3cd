//! The nouns that every room shares: plain values, no IO, no async.
//!
//! Start with [`desired`] (what the `.env` asks for), [`observed`] (what the provider has) and
//! [`spec`] (what an action makes). [`source`] says where a value was written, [`problem`] how a
//! mistake travels to the person who can mend it.

pub mod capability;
pub mod changes;
pub mod code;
pub mod command;
pub mod desired;
pub mod garbage;
pub mod host;
pub mod id;
pub mod image;
pub mod life;
pub mod lifetime;
pub mod mount;
pub mod network;
pub mod observed;
pub mod output;
pub mod plain;
pub mod problem;
pub mod rule;
pub mod shell;
pub mod snapshot;
pub mod source;
pub mod spec;
pub mod stamp;
pub mod state;
pub mod units;
pub mod vm;
