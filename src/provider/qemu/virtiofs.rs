//! The server of shared directories beside QEMU: which of its options this version has.

use super::fault;
use crate::exec::Program;
use crate::provider::ProviderError;

/// virtiofsd, and what this version of it can.
pub(super) struct Virtiofsd {
    pub(super) program: Program,
    /// Whether it can refuse whatever would change a directory.
    pub(super) serves_read_only: bool,
    /// Whether it can go on without a file that was open when memory was kept and is gone by now.
    forgives: bool,
}

impl Virtiofsd {
    /// Asks this version what it can.
    pub(super) async fn known(program: Program) -> Result<Virtiofsd, ProviderError> {
        let output = program
            .run(&["--help"])
            .await
            .map_err(|error| fault::exec("start virtiofsd", &error))?;
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        let has = |option: &str| text.contains(option);
        let (serves_read_only, forgives) = (has("--readonly"), has("--migration-on-error"));
        Ok(Virtiofsd { program, serves_read_only, forgives })
    }

    /// What it is told beside what it serves.
    pub(super) fn options(&self, read_only: bool) -> Vec<String> {
        let readonly = (read_only && self.serves_read_only).then(|| "--readonly".to_owned());
        let forgive = self.forgives.then(|| "--migration-on-error=guest-error".to_owned());
        readonly.into_iter().chain(forgive).collect()
    }
}
