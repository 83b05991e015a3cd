//! An in-memory provider: the fake of the tests, and the room to read first.
//!
//! It keeps the whole contract of [`Provider`] without a single call to the outside.

use std::sync::Mutex;

use async_trait::async_trait;
use tokio::sync::mpsc;

use crate::deed;
use crate::event::Listener;
use crate::model::capability::{Capabilities, Cost, Field, ImageKind};
use crate::model::changes::{self, Change};
use crate::model::code::Code;
use crate::model::garbage::{Inventory, OwnNetwork};
use crate::model::id::{InfraType, InstanceUuid, ProviderKind};
use crate::model::image::ImageSource;
use crate::model::observed::{Instance, Observed, ObservedImage, ObservedNetwork, Power, Stranger};
use crate::model::output::{OutputPiece, OutputRequest};
use crate::model::shell::ShellRequest;
use crate::model::snapshot::Snapshot;
use crate::model::spec::InstanceSpec;
use crate::model::vm::KeptDisk;
use crate::plan::action::{Action, Outcome, Target};

use super::{Provider, ProviderError, Query, ShellIo};

mod creation;
mod networks;
mod snapshots;
mod vm;

/// The world of one test: instances, networks and images, and faults to come.
#[derive(Default)]
pub struct Memory {
    world: Mutex<World>,
}

/// What is in it.
#[derive(Clone, Debug, Default)]
pub struct World {
    /// The instances, whoever's they are.
    pub instances: Vec<Instance>,
    /// Names that are held by something without a stamp.
    pub strangers: Vec<String>,
    /// The networks, with the uuid that owns each.
    pub networks: Vec<(ObservedNetwork, InstanceUuid)>,
    /// The images on the host.
    pub images: Vec<ImageSource>,
    /// The saved files of replaced instances.
    pub saved: Vec<String>,
    /// The snapshots.
    pub snapshots: Vec<Snapshot>,
    /// The disks that were kept of VMs that are gone.
    pub disks: Vec<KeptDisk>,
    /// What every main process has written.
    pub output: Vec<OutputPiece>,
    /// The name of the action that fails next, once.
    pub fail_next: Option<&'static str>,
    /// How many instances were ever made.
    pub made: usize,
}

impl Memory {
    /// A world to start from.
    #[must_use]
    pub fn new(world: World) -> Self {
        Memory { world: Mutex::new(world) }
    }

    /// Looks at the world, or changes it behind everybody's back.
    pub fn with<T>(&self, look: impl FnOnce(&mut World) -> T) -> T {
        let mut world = self.world.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        look(&mut world)
    }
}

/// What the in-memory provider can do: its costs are those of the table.
#[must_use]
pub fn capabilities() -> Capabilities {
    let cost = |field: Field| {
        let change = changes::of(field.key(), ProviderKind::Memory)?;
        Some(match (field, change) {
            // The address is changed in the network that stays.
            (Field::Address, Change::LiveElse(_)) => Cost::Live,
            (_, change) => change.cost(),
        })
    };
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

#[async_trait]
impl Provider for Memory {
    fn kind(&self) -> ProviderKind {
        ProviderKind::Memory
    }

    fn capabilities(&self) -> Capabilities {
        capabilities()
    }

    async fn observe(&self, query: &Query<'_>) -> Result<Observed, ProviderError> {
        let identity = query.identity;
        self.with(|world| {
            let ours = |instance: &&Instance| instance.stamp.uuid == identity.uuid;
            let name = identity.id.as_str();
            let stranger = world
                .instances
                .iter()
                .find(|instance| instance.name == name && !ours(instance))
                .map(|instance| Stranger {
                    name: instance.name.clone(),
                    stamp: Some(instance.stamp.clone()),
                })
                .or_else(|| {
                    let held = world.strangers.iter().any(|held| held == name);
                    held.then(|| Stranger { name: name.to_owned(), stamp: None })
                });
            let directory = (identity.project.device, identity.project.inode);
            let moved = world.instances.iter().find(|instance| {
                !ours(instance)
                    && instance.stamp.uid == identity.uid
                    && (instance.stamp.device, instance.stamp.inode) == directory
            });
            let seen = |(network, owner): &(ObservedNetwork, InstanceUuid)| ObservedNetwork {
                ours: *owner == identity.uuid,
                ..network.clone()
            };
            let (network, networks): (Vec<_>, Vec<_>) = world
                .networks
                .iter()
                .map(seen)
                .partition(|network| network.name == identity.network_name());
            let image = query.image.filter(|image| world.images.contains(image));
            let saved_of = |uuid: InstanceUuid| -> Vec<String> {
                let uuid = uuid.to_string();
                world.saved.iter().filter(|saved| saved.contains(&uuid)).cloned().collect()
            };
            Ok(Observed {
                instances: world.instances.iter().filter(ours).cloned().collect(),
                copies: Vec::new(),
                newer: None,
                stranger,
                moved: moved.cloned(),
                network: network.into_iter().next(),
                networks,
                image: image.map(|image| ObservedImage {
                    id: image.to_string(),
                    architecture: None,
                    outdated: false,
                }),
                saved_images: saved_of(identity.uuid),
                former_images: moved.map(|moved| saved_of(moved.stamp.uuid)).unwrap_or_default(),
                snapshots: world
                    .snapshots
                    .iter()
                    .filter(|snapshot| {
                        let moved = moved.map(|moved| moved.stamp.uuid);
                        snapshot.of == identity.uuid || Some(snapshot.of) == moved
                    })
                    .cloned()
                    .collect(),
                built_images: Vec::new(),
                kept_disk: world
                    .disks
                    .iter()
                    .find(|disk| disk.stamp.uuid == identity.uuid)
                    .cloned(),
                engine: Default::default(),
            })
        })
    }

    async fn list(&self) -> Result<Vec<Instance>, ProviderError> {
        Ok(self.with(|world| world.instances.clone()))
    }

    async fn inventory(&self, _: u32) -> Result<Inventory, ProviderError> {
        Ok(self.with(|world| Inventory {
            images: Vec::new(),
            copies: Vec::new(),
            networks: world
                .networks
                .iter()
                .map(|(network, owner)| OwnNetwork {
                    name: network.name.clone(),
                    made_at: None,
                    owner: *owner,
                    used: world.instances.iter().any(|i| i.networks.contains(&network.name)),
                })
                .collect(),
        }))
    }

    async fn execute(
        &self,
        action: &Action,
        _listener: &dyn Listener,
    ) -> Result<Outcome, ProviderError> {
        let done = async {
            self.with(|world| {
                if world.fail_next == Some(action.name()) {
                    world.fail_next = None;
                    return Err(refused(action.name(), "the test asked for it"));
                }
                world.execute(action)
            })
        };
        deed::around("memory.execute", done).await
    }

    fn render(&self, spec: &InstanceSpec) -> String {
        serde_json::to_string_pretty(spec).expect("a spec holds nothing that JSON cannot")
    }

    async fn shell(&self, _: &ShellRequest, _: ShellIo) -> Result<i32, ProviderError> {
        Err(refused("shell", "there is nothing behind an instance in memory"))
    }

    async fn output(
        &self,
        _: &Instance,
        _: OutputRequest,
        to: mpsc::Sender<OutputPiece>,
    ) -> Result<(), ProviderError> {
        for piece in self.with(|world| world.output.clone()) {
            if to.send(piece).await.is_err() {
                break;
            }
        }
        Ok(())
    }

    async fn last_output(&self, _: &Instance, _: usize) -> Result<String, ProviderError> {
        Ok(String::new())
    }
}

fn refused(operation: &str, message: &str) -> ProviderError {
    ProviderError::Refused {
        provider: ProviderKind::Memory,
        operation: operation.to_owned(),
        message: message.to_owned(),
        help: "this provider is for tests".to_owned(),
        code: Code::Internal,
    }
}

fn stale(found: &str) -> Result<Outcome, ProviderError> {
    Ok(Outcome::Stale { found: found.to_owned() })
}

impl World {
    fn execute(&mut self, action: &Action) -> Result<Outcome, ProviderError> {
        match action {
            Action::FetchImage { image, .. } => {
                if self.images.contains(image) {
                    return Ok(Outcome::AlreadyDone);
                }
                self.images.push(image.clone());
            }
            Action::CreateNetwork { .. }
            | Action::RemoveNetwork { .. }
            | Action::ChangeNetwork { .. }
            | Action::JoinNetwork { .. }
            | Action::LeaveNetwork { .. } => return self.networks_action(action),
            Action::RemoveImage { image } => {
                let before = self.saved.len();
                self.saved.retain(|saved| saved != image);
                if self.saved.len() == before {
                    return Ok(Outcome::AlreadyDone);
                }
            }
            Action::Create { spec } => return self.create(spec),
            Action::Start { target } => {
                return self.set_power(target, Power::Running, &[Power::Created, Power::Stopped]);
            }
            Action::Stop { target, .. } => {
                let from = [Power::Running, Power::Paused, Power::Stopping, Power::Unknown];
                if self.find(target).is_some_and(|at| self.instances[at].state == Power::Created) {
                    return Ok(Outcome::AlreadyDone);
                }
                return self.set_power(target, Power::Stopped, &from);
            }
            Action::Suspend { target } => {
                return self.set_power(target, Power::Paused, &[Power::Running]);
            }
            Action::Resume { target } => {
                return self.set_power(target, Power::Running, &[Power::Paused]);
            }
            Action::Rename { target, to } => {
                let Some(at) = self.find(target) else { return stale("there is no such instance") };
                if self.instances[at].name == *to {
                    return Ok(Outcome::AlreadyDone);
                }
                if self.name_taken(to) {
                    return Err(ProviderError::NameTaken { name: to.clone() });
                }
                self.instances[at].name.clone_from(to);
            }
            Action::SaveFiles { target, image } => {
                if self.find(target).is_none() {
                    return stale("there is no such instance");
                }
                if self.saved.contains(image) {
                    return Ok(Outcome::AlreadyDone);
                }
                self.saved.push(image.clone());
            }
            Action::TakeSnapshot { .. }
            | Action::UseSnapshot { .. }
            | Action::RemoveSnapshot { .. }
            | Action::MoveSnapshot { .. } => return self.snapshots(action),
            Action::ChangeAddress { target, address, .. } => {
                let Some(at) = self.find(target) else { return stale("there is no such instance") };
                if self.instances[at].address == *address {
                    return Ok(Outcome::AlreadyDone);
                }
                self.instances[at].address = *address;
            }
            Action::SetLimits { target, .. } => {
                let Some(at) = self.find(target) else { return stale("there is no such instance") };
                if self.instances[at].life.limits.take().is_none() {
                    return Ok(Outcome::AlreadyDone);
                }
            }
            Action::SetAutostart { target, autostart } => {
                let Some(at) = self.find(target) else { return stale("there is no such instance") };
                self.instances[at].autostart = *autostart;
            }
            Action::AwaitReady { .. }
            | Action::Configure { .. }
            | Action::ChangePorts { .. }
            | Action::GrowDisk { .. }
            | Action::AuthorizeKeys { .. }
            | Action::RevertSnapshot { .. }
            | Action::RemoveDisk { .. } => return self.vm_action(action),
            Action::Remove { target, .. } => {
                let Some(at) = self.find(target) else { return Ok(Outcome::AlreadyDone) };
                if self.instances[at].state.is_up() {
                    return stale("it is running");
                }
                self.instances.remove(at);
            }
        }
        Ok(Outcome::Done)
    }

    fn name_taken(&self, name: &str) -> bool {
        self.instances.iter().any(|instance| instance.name == name)
            || self.strangers.iter().any(|held| held == name)
    }

    fn find(&self, target: &Target) -> Option<usize> {
        self.instances.iter().position(|instance| {
            instance.name == target.name
                && instance.stamp.uuid == target.uuid
                && instance.stamp.generation == target.generation
        })
    }

    fn set_power(
        &mut self,
        target: &Target,
        to: Power,
        from: &[Power],
    ) -> Result<Outcome, ProviderError> {
        let Some(at) = self.find(target) else { return stale("there is no such instance") };
        let state = self.instances[at].state;
        if state == to {
            return Ok(Outcome::AlreadyDone);
        }
        if !from.contains(&state) {
            return Ok(Outcome::Stale { found: format!("it is {state:?}") });
        }
        self.instances[at].state = to;
        Ok(Outcome::Done)
    }
}
