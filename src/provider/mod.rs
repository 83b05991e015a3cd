//! What runs instances, behind one trait.
//!
//! Each provider has a room of the same five files: `mod` (wiring), `spec` (pure rendering),
//! `observe` (pure parsing), `execute` (one function an action), `client` (the only IO).

use std::os::fd::OwnedFd;
use std::time::Duration;

use async_trait::async_trait;
use tokio::sync::mpsc;

use crate::event::Listener;
use crate::model::capability::Capabilities;
use crate::model::garbage::Inventory;
use crate::model::id::{Identity, ProviderKind};
use crate::model::image::ImageSource;
use crate::model::life::Health;
use crate::model::observed::{Instance, Observed};
use crate::model::output::{OutputPiece, OutputRequest};
use crate::model::shell::{ShellRequest, TerminalSize};
use crate::model::spec::InstanceSpec;
use crate::plan::action::{Action, Outcome};

pub mod error;
pub mod memory;
pub mod registry;

#[cfg(feature = "podman")]
pub mod podman;

#[cfg(feature = "qemu")]
pub mod qemu;

pub use error::{ImageFault, ProviderError};

/// What to look for.
#[derive(Clone, Debug)]
pub struct Query<'a> {
    /// Whose instance.
    pub identity: &'a Identity,
    /// The image that would be used; none where nothing will be made.
    pub image: Option<&'a ImageSource>,
    /// How thoroughly to look.
    pub depth: Depth,
}

/// How thoroughly to look.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Depth {
    /// By the expected name alone; where that is ours, nothing else is asked. For `status`, and
    /// for an `up` that finds nothing to do.
    Glance,
    /// Everything that a plan can need: leftovers, networks, images, sizes.
    Full,
}

/// Where a shell's streams come from and go to. They are descriptors, so that a room can have the
/// kernel copy between them.
#[derive(Debug)]
pub struct ShellIo {
    /// What the caller types.
    pub stdin: OwnedFd,
    /// What the caller reads.
    pub stdout: OwnedFd,
    /// What the caller reads beside it; unused with a terminal.
    pub stderr: OwnedFd,
    /// The terminal's new sizes.
    pub resizes: mpsc::Receiver<TerminalSize>,
    /// Signals to pass on, by number.
    pub signals: mpsc::Receiver<i32>,
}

/// Something that runs instances.
///
/// # Expected flow
/// `observe`, then a plan is made from the answer, then `execute` for each of its actions in
/// order, then `observe` again.
///
/// # Guarantees
/// * `observe`, `list` and `render` never change anything.
/// * `execute` is idempotent: an action whose work is done answers [`Outcome::AlreadyDone`].
/// * `execute` looks first: where the object is not the one that the action expects (another
///   uuid, another generation, another state), it answers [`Outcome::Stale`] and touches nothing.
/// * Only objects that carry the action's uuid are changed.
/// * Nothing is printed and nobody is asked.
///
/// # Assumptions
/// * One caller at a time executes for one instance: the instance's lock is held.
/// * What was observed may be out of date by the time it is acted on.
///
/// # Caveats
/// * Both survive being dropped half-way: what the provider had begun goes on without a caller,
///   and the next `observe` sees what came of it.
#[async_trait]
pub trait Provider: Send + Sync {
    /// Which one it is.
    fn kind(&self) -> ProviderKind;

    /// What it can do, and what changes cost there.
    fn capabilities(&self) -> Capabilities;

    /// Looks for one project's instance.
    ///
    /// # Errors
    /// The provider cannot be reached or does not answer in a form that is understood.
    async fn observe(&self, query: &Query<'_>) -> Result<Observed, ProviderError>;

    /// Every object with a stamp of vagrantp's, of any user that this provider shows.
    ///
    /// # Errors
    /// As for `observe`.
    async fn list(&self) -> Result<Vec<Instance>, ProviderError>;

    /// The same, and the names of objects with a stamp of this user's that vagrantp did not make.
    ///
    /// # Errors
    /// As for `observe`.
    async fn list_with_copies(&self) -> Result<(Vec<Instance>, Vec<String>), ProviderError> {
        Ok((self.list().await?, Vec::new()))
    }

    /// What vagrantp has made here for a user beside instances. Whatever may be another's is left
    /// out.
    ///
    /// # Errors
    /// As for `observe`.
    async fn inventory(&self, uid: u32) -> Result<Inventory, ProviderError>;

    /// Does one action.
    ///
    /// # Errors
    /// The provider said no, or stopped answering; what it had begun may have been done.
    async fn execute(
        &self,
        action: &Action,
        listener: &dyn Listener,
    ) -> Result<Outcome, ProviderError>;

    /// What would be handed to the provider to make this instance, for `render`.
    fn render(&self, spec: &InstanceSpec) -> String;

    /// Runs a shell or a command inside, until it ends. Returns its exit status, 128 plus the
    /// signal's number where a signal ended it.
    ///
    /// # Errors
    /// The instance cannot be entered.
    async fn shell(&self, request: &ShellRequest, io: ShellIo) -> Result<i32, ProviderError>;

    /// The instance's health, after a check that is due and that the provider does not make by
    /// itself. A check that takes longer than `limit` goes on, and shows the next time.
    ///
    /// # Errors
    /// As for `observe`.
    async fn check_health(
        &self,
        instance: &Instance,
        _limit: Duration,
    ) -> Result<Option<Health>, ProviderError> {
        Ok(instance.life.health.clone())
    }

    /// Hands over what the instance's main process wrote, as it was written and in that order,
    /// until there is no more of it; where it is followed, until the instance ends, for however
    /// long nothing comes. Where nobody takes it any more, that is the end as well.
    ///
    /// # Errors
    /// As for `observe`, or the provider keeps no output.
    async fn output(
        &self,
        instance: &Instance,
        request: OutputRequest,
        to: mpsc::Sender<OutputPiece>,
    ) -> Result<(), ProviderError>;

    /// The last lines that the instance's main process wrote.
    ///
    /// # Errors
    /// As for `observe`.
    async fn last_output(&self, instance: &Instance, lines: usize)
    -> Result<String, ProviderError>;
}
