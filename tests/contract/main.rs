//! The contract of the `.env`, from the outside: generated files, places to the character, what is
//! never shown, every mistake at once. The grammar's cases are in `tests/conformance.rs`.

mod canaries;
mod fuzzed;
mod generate;
mod generated;
mod mistakes;
mod project;
mod spans;
mod told;
mod typed;
mod whatever;
