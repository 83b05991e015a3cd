//! vagrantp: the machine that a project's `.env` asks for.
//!
//! ```text
//! .env ─▶ Config ─▶ Desired ──┐
//!  spans    typed    complete ├─▶ Plan ─▶ Apply* ─▶ Provision* ─▶ Report*
//! provider* ─────▶ Observed ──┘  pure      │ events ─────────────▲
//!             normalised, read-only        └──────────────────────┘
//! ```
//!
//! Each arrow is a function from values to values; only the starred stages touch the world. Start
//! reading at [`model`], then [`plan`], then [`provider`]; `docs/architecture.md` follows one
//! `.env` through all of it.

pub mod apply;
pub mod cli;
pub mod config;
pub mod deed;
pub mod event;
pub mod exec;
pub mod exit;
pub mod guest;
pub mod model;
pub mod plan;
pub mod private;
pub mod provider;
pub mod report;
pub mod resolve;
pub mod store;
