//! Podman, through its API socket.
//!
//! Vendor's words: <https://docs.podman.io/en/latest/_static/api.html> and
//! podman-system-service(1). Tried with 4.3.1, root and rootless. What has to be known about it:
//!
//! * Errors are 500 for nearly everything; the words decide (`fault`), and what counts after a
//!   failure is what is there when one looks again.
//! * A container that has just ended by itself reads `stopped` for a third of a second, which the
//!   typed client does not know; so everything is read leniently (`client`, `reply`).
//! * `create` accepts ports and addresses that are taken; `start` then fails and leaves the
//!   container `created`.
//! * The service is started on demand, see `service`.

use std::path::PathBuf;
use std::time::Duration;

use async_trait::async_trait;
use tokio::net::UnixStream;
use tokio::sync::mpsc;

use self::client::Client;
use self::socket::{Chosen, Clues};
use super::{Provider, ProviderError, Query, ShellIo};
use crate::event::Listener;
use crate::model::capability::{Capabilities, Cost, Field, ImageKind};
use crate::model::changes::{self, Change};
use crate::model::garbage::Inventory;
use crate::model::id::{InfraType, ProviderKind};
use crate::model::life::Health;
use crate::model::observed::{Instance, Observed};
use crate::model::output::{OutputPiece, OutputRequest};
use crate::model::shell::ShellRequest;
use crate::model::spec::{BaseImage, InstanceSpec};
use crate::plan::action::{Action, Outcome};

mod answer;
mod archive;
mod attach;
mod autostart;
mod build;
mod build_output;
mod carried;
mod cgroup;
mod client;
mod conf;
mod context;
mod copies;
mod credentials;
mod execute;
mod fault;
mod flow;
mod frames;
mod freeze;
mod garbage;
mod guards;
mod health;
mod ignore;
mod image;
mod import;
mod label;
mod last_words;
mod life;
mod lists;
mod local;
mod look;
mod make;
mod moved;
mod networks;
mod observe;
mod orphan;
mod output;
mod outside;
mod processes;
mod pull;
mod pump;
mod reply;
mod save;
mod service;
mod settings;
mod shell;
mod snapshot;
mod socket;
mod spec;
mod start;
mod stop;
mod upload;
mod wall;
mod watch;

pub use self::service::{ACTIVATE_VERB, activate};
pub use self::settings::Settings;
pub use self::watch::{WATCH_VERB, watch};

/// One Podman engine.
#[derive(Debug)]
pub struct Podman {
    settings: Settings,
    client: Client,
    /// The user that the engine runs as.
    engine_uid: Option<u32>,
}

/// What Podman can do, and what changes cost there.
#[must_use]
pub fn capabilities() -> Capabilities {
    Capabilities {
        costs: Field::ALL.into_iter().filter_map(|field| Some((field, cost(field)?))).collect(),
        runs: InfraType::Container,
        bridge: true,
        fixed_address: true,
        snapshots: true,
        keeps_disk: false,
        suspend: true,
        autostart: true,
        images: vec![
            ImageKind::Registry,
            ImageKind::Rootfs,
            ImageKind::OciArchive,
            ImageKind::Containerfile,
        ],
    }
}

/// What a change of `field` costs, where the table of costs leaves a choice.
fn cost(field: Field) -> Option<Cost> {
    let change = changes::of(field.key(), ProviderKind::Podman)?;
    Some(match (field, change) {
        (Field::Address, Change::LiveElse(_)) => Cost::Live,
        // Podman 4.3 changes limits live and forgets them at the next start.
        (_, change) => change.cost(),
    })
}

impl Podman {
    /// Finds the engine's socket, and starts its service where none answers. Nothing is asked of it
    /// yet: whether it is Podman shows in the first answer.
    ///
    /// # Errors
    /// Podman is not installed, cannot be started, or may not be used.
    pub async fn connect(settings: Settings) -> Result<Podman, ProviderError> {
        let own = settings.own_socket();
        let choice = socket::choose(Clues {
            container_host: settings.container_host.as_deref(),
            docker_host: settings.docker_host.as_deref(),
            runtime_dir: settings.runtime_dir.as_deref(),
            uid: settings.uid,
            own: &own,
        })?;
        let variable = match choice.chosen {
            Chosen::ByVariable(variable) => variable,
            Chosen::ByDefault => "XDG_RUNTIME_DIR",
        };
        for path in &choice.paths {
            fault::check_length(path, variable)?;
            if *path == own {
                service::check_place(path).map_err(|cause| fault::of_connect(path, cause))?;
            }
            match service::connect(path).await {
                Ok(stream) => {
                    let is_own = *path == own;
                    return Ok(Podman::at(settings, path.clone(), stream, is_own));
                }
                Err(cause) => {
                    let nobody = service::nobody_listens(&cause);
                    if choice.chosen != Chosen::ByDefault || !nobody {
                        return Err(fault::of_connect(path, cause));
                    }
                }
            }
        }
        match service::begin(&settings).await {
            Ok(stream) => Ok(Podman::at(settings, own, stream, true)),
            // The system's engine serves where it lets the user in and there is no other. It comes
            // last: what is made must not depend on who happens to answer.
            Err(error @ ProviderError::NotInstalled { .. }) => {
                let system = PathBuf::from(socket::SYSTEM);
                match service::connect(&system).await {
                    Ok(stream) => Ok(Podman::at(settings, system, stream, false)),
                    Err(_) => Err(error),
                }
            }
            Err(error) => Err(error),
        }
    }

    fn at(settings: Settings, socket: PathBuf, stream: UnixStream, is_own: bool) -> Podman {
        let engine_uid = stream.peer_cred().ok().map(|peer| peer.uid());
        let client = Client::new(socket, stream, is_own.then(|| settings.clone()));
        Podman { settings, client, engine_uid }
    }
}

#[async_trait]
impl Provider for Podman {
    fn kind(&self) -> ProviderKind {
        ProviderKind::Podman
    }

    fn capabilities(&self) -> Capabilities {
        capabilities()
    }

    async fn observe(&self, query: &Query<'_>) -> Result<Observed, ProviderError> {
        look::observe(self, query).await
    }

    async fn list(&self) -> Result<Vec<Instance>, ProviderError> {
        Ok(lists::list(self).await?.0)
    }

    async fn list_with_copies(&self) -> Result<(Vec<Instance>, Vec<String>), ProviderError> {
        lists::list(self).await
    }

    async fn inventory(&self, uid: u32) -> Result<Inventory, ProviderError> {
        garbage::inventory(self, uid).await
    }

    async fn execute(
        &self,
        action: &Action,
        listener: &dyn Listener,
    ) -> Result<Outcome, ProviderError> {
        execute::execute(self, action, listener).await
    }

    fn render(&self, spec: &InstanceSpec) -> String {
        let image = match &spec.image {
            BaseImage::Saved(name) => name.clone(),
            BaseImage::Source(source) => source.to_string(),
            BaseImage::KeptDisk => String::new(),
        };
        let around = spec::Surroundings { image, ..spec::Surroundings::default() };
        let body = spec::container(spec, &around);
        format!("{body:#}")
    }

    async fn shell(&self, request: &ShellRequest, io: ShellIo) -> Result<i32, ProviderError> {
        shell::run(self, request, io).await
    }

    async fn check_health(
        &self,
        instance: &Instance,
        limit: Duration,
    ) -> Result<Option<Health>, ProviderError> {
        health::check(self, instance, limit).await
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
        last_words::last_output(&self.client, instance, lines).await
    }
}
