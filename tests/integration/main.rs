//! Tests of the whole: one program, so that there is one thing to link.

mod apply;
mod architecture;
mod cli;
mod docs;
mod hostile;
mod ports;
#[cfg(feature = "podman")]
mod regressions;
mod requirements;
mod versions;
