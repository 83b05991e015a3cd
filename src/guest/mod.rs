//! What the rooms for virtual machines share: keys, seeds, disks, images, the way in by SSH, and
//! waiting until it is there. Nothing here knows a room, or which machine is wanted: plain values
//! come in, files and values go out.
//!
//! - [`keys`]: a host key and a key of the instance's own, made once
//! - [`seed`]: what a guest is told at its start, as cloud-init reads it
//! - [`disk`]: what a disk image is, which are refused, and how disks are made
//! - [`image`]: images from paths and URLs, kept once for all projects
//! - [`ssh`]: the arguments that lead into a guest
//! - [`readiness`]: from the start of the machine to a login, told as it goes

#[cfg(feature = "guest")]
pub mod disk;
pub mod error;
mod file;
#[cfg(feature = "guest")]
pub mod image;
#[cfg(feature = "guest")]
pub mod keys;
pub mod readiness;
#[cfg(feature = "guest")]
pub mod seed;

pub mod ssh;

pub use error::GuestError;

#[cfg(test)]
mod tests {
    /// Says why a test looked at nothing.
    #[cfg(feature = "guest")]
    pub(super) fn skipped(why: &str) {
        use std::io::Write;
        let _ = writeln!(std::io::stderr(), "skipped: {why}");
    }
}
