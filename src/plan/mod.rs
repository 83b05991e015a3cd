//! Desired and observed → plan. Pure: no files, no clock, no provider.

pub mod action;
