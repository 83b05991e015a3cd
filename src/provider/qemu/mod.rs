//! Virtual machines on plain QEMU: `qemu-system-*` and `qemu-img`, no daemon and no root's rights.
//!
//! Vendor's words: <https://www.qemu.org/docs/master/> (invocation, QMP reference), qemu-img(1). Tried
//! with 10.0.2; 7.2 is the oldest that is meant to work. What has to be known about it:
//!
//! * A machine is a directory (`place`): what it is made of (`definition`), its disk, its keys, its
//!   logs. While it runs, it is a process besides, found by its command line and believed only with its
//!   uuid and our directory in that (`process`).
//! * What it runs with is what its process was started with, which need not be what is defined by now
//!   (`running`).
//! * A monitor serves one caller at a time: there is one to be told things at and one to look.
//! * `mapped-ram` writes memory to a file in place, from 9.0 on; left on, no snapshot can be made.
//! * Forwards that were added live are in no kept memory: they are rendered again at each start.

use std::time::Duration;

use async_trait::async_trait;
use tokio::sync::mpsc;

use super::{Provider, ProviderError, Query, ShellIo};
use crate::event::Listener;
use crate::model::capability::{Capabilities, Cost, Field, ImageKind};
use crate::model::changes;
use crate::model::garbage::Inventory;
use crate::model::id::{InfraType, ProviderKind};
use crate::model::observed::{Instance, Observed};
use crate::model::output::{OutputPiece, OutputRequest};
use crate::model::shell::ShellRequest;
use crate::model::spec::InstanceSpec;
use crate::plan::action::{Action, Outcome};

mod address;
mod agent;
mod bridge;
mod change;
mod client;
mod console;
mod create;
mod definition;
mod execute;
mod fault;
mod files;
#[cfg(test)]
mod fixture;
mod guards;
mod host;
mod image;
mod keys;
mod launch;
mod look;
mod memory;
mod observe;
mod options;
mod output;
mod place;
mod process;
mod ready;
mod remove;
mod running;
mod seed;
mod settings;
mod share;
mod snapshot;
mod spec;
mod start;
mod startup;
mod stop;
mod suspend;
mod virtiofs;

pub use self::console::console;
pub use self::launch::{LAUNCH_VERB, launch};
pub use self::settings::Settings;

/// QEMU on this host, for this user.
#[derive(Debug)]
pub struct Qemu {
    settings: Settings,
}

/// What QEMU can do, and what changes cost there.
#[must_use]
pub fn capabilities() -> Capabilities {
    let cost = |field: Field| {
        let cost = changes::of(field.key(), ProviderKind::Qemu)?.cost();
        // Through the guest, where it answers.
        Some(if field == Field::AuthorizedKeys { Cost::Live } else { cost })
    };
    Capabilities {
        costs: Field::ALL.into_iter().filter_map(|field| Some((field, cost(field)?))).collect(),
        runs: InfraType::Vm,
        bridge: true,
        fixed_address: false,
        snapshots: true,
        keeps_disk: true,
        suspend: true,
        autostart: false,
        images: vec![ImageKind::Disk],
    }
}

impl Qemu {
    /// Looks whether QEMU is there. Nothing is asked of it yet.
    ///
    /// # Errors
    /// One of its programs is not installed.
    pub fn open(settings: Settings) -> Result<Qemu, ProviderError> {
        settings.emulator()?;
        settings.disk_tool()?;
        Ok(Qemu { settings })
    }
}

#[async_trait]
impl Provider for Qemu {
    fn kind(&self) -> ProviderKind {
        ProviderKind::Qemu
    }

    fn capabilities(&self) -> Capabilities {
        capabilities()
    }

    async fn observe(&self, query: &Query<'_>) -> Result<Observed, ProviderError> {
        look::observe(self, query).await
    }

    async fn list(&self) -> Result<Vec<Instance>, ProviderError> {
        look::list(self).await
    }

    async fn inventory(&self, _uid: u32) -> Result<Inventory, ProviderError> {
        // What a machine has lies in its own directory, and what is left of one is one that is being
        // removed.
        Ok(Inventory::default())
    }

    async fn execute(
        &self,
        action: &Action,
        listener: &dyn Listener,
    ) -> Result<Outcome, ProviderError> {
        execute::execute(self, action, listener).await
    }

    fn render(&self, spec: &InstanceSpec) -> String {
        start::rendered(&self.settings, spec)
    }

    /// A shell in a VM is the system's own `ssh`, which the command line runs by itself.
    async fn shell(&self, _: &ShellRequest, _: ShellIo) -> Result<i32, ProviderError> {
        Err(fault::with(
            "open a shell",
            "a virtual machine is entered by SSH",
            "`vagrantp ssh` does that; `vagrantp console` is its serial line",
            crate::model::code::Code::Unsupported,
        ))
    }

    async fn output(
        &self,
        instance: &Instance,
        request: OutputRequest,
        to: mpsc::Sender<OutputPiece>,
    ) -> Result<(), ProviderError> {
        output::output(self, instance, request, to).await
    }

    async fn last_output(
        &self,
        instance: &Instance,
        lines: usize,
    ) -> Result<String, ProviderError> {
        Ok(output::last(&self.settings.place(instance.stamp.uuid), lines))
    }
}

/// How often something is looked at that is waited for.
const PAUSE: Duration = Duration::from_millis(10);
