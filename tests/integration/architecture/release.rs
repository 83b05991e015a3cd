//! What is there for tests alone is in development builds alone.

use std::path::Path;

/// The variable that orders a fault: its name stands in a program that knows it.
const MARK: &[u8] = b"VAGRANTP_FAULT";

#[test]
fn a_release_build_knows_no_faults() {
    let program = std::fs::read(env!("CARGO_BIN_EXE_vagrantp")).expect("it was built");
    let known = program.windows(MARK.len()).any(|window| window == MARK);
    // Run with `--release`, this says that it is gone; as it is mostly run, that it can be found.
    assert_eq!(known, cfg!(debug_assertions));
}

#[test]
fn no_profile_that_is_released_turns_them_on() {
    let manifest = Path::new(env!("CARGO_MANIFEST_DIR")).join("Cargo.toml");
    let text = std::fs::read_to_string(manifest).expect("it is text");
    assert!(text.contains("[profile.release]") && !text.contains("debug-assertions"), "{text}");
    let deed = include_str!("../../../src/deed.rs");
    let module = deed.split("mod point;").next().unwrap_or_default();
    assert!(module.ends_with("#[cfg(debug_assertions)]\n"), "the points are for development");
}
