//! Parse, run, exit.

use std::process::ExitCode;

fn main() -> ExitCode {
    let arguments: Vec<std::ffi::OsString> = std::env::args_os().skip(1).collect();
    hidden(&arguments).unwrap_or(ExitCode::SUCCESS)
}

/// The verbs that vagrantp calls itself by.
#[cfg(feature = "podman")]
fn hidden(arguments: &[std::ffi::OsString]) -> Option<ExitCode> {
    use std::io::Write;
    use vagrantp::provider::podman;

    let (verb, rest) = arguments.split_first()?;
    if verb == podman::ACTIVATE_VERB {
        let error = podman::activate(rest);
        // Its stderr is the log of the service that did not start.
        let _ = writeln!(std::io::stderr(), "vagrantp: {error}");
        return Some(ExitCode::FAILURE);
    }
    None
}

#[cfg(not(feature = "podman"))]
fn hidden(_: &[std::ffi::OsString]) -> Option<ExitCode> {
    None
}
