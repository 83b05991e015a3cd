//! The closed set of things that can be done to the world, one typed step each.
//!
//! An action is as big as the unit that one would want to see, or undo. It carries all that its
//! room needs, and what it expects to find: a room that finds something else answers *stale*.

use std::net::Ipv4Addr;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use std::path::PathBuf;

use crate::model::id::{InfraType, InstanceUuid};
use crate::model::image::ImageSource;
use crate::model::network::PortForward;
use crate::model::snapshot::Snapshot;
use crate::model::spec::{InstanceSpec, NetworkSpec};
use crate::model::units::{CpuCount, DiskSize, Memory};
use crate::model::vm::Readiness;

/// Which object an action is about. The room looks the object up again, and checks that it carries
/// this uuid and generation before it touches it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Target {
    /// The provider's name for it.
    pub name: String,
    /// The provider's id, where the object existed when the plan was made.
    pub id: Option<String>,
    /// Whose it has to be.
    pub uuid: InstanceUuid,
    /// Which replacement of it.
    pub generation: u32,
    /// What it is: a container where a plan of an earlier version does not say.
    #[serde(default = "container", skip_serializing_if = "is_container")]
    pub infra_type: InfraType,
}

fn container() -> InfraType {
    InfraType::Container
}

fn is_container(infra_type: &InfraType) -> bool {
    *infra_type == InfraType::Container
}

/// How an instance is stopped.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StopMode {
    /// Asked to end, and killed when the time is over.
    Graceful {
        /// The time it gets.
        grace: Duration,
    },
    /// Killed.
    Kill,
}

/// Whether the image is fetched although it is there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Fetch {
    /// Only where it is missing.
    IfMissing,
    /// In any case: `up --pull`.
    Always,
}

/// One step.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "action", rename_all = "snake_case")]
pub enum Action {
    /// Brings the image to the host: pulled, imported or built.
    FetchImage {
        /// Which.
        image: ImageSource,
        /// Whether also where it is there.
        fetch: Fetch,
    },
    /// Makes the project's network.
    CreateNetwork {
        /// How.
        network: NetworkSpec,
    },
    /// Makes the instance, without starting it.
    Create {
        /// How.
        spec: Box<InstanceSpec>,
    },
    /// Starts the instance, and looks again whether it stays up.
    Start {
        /// Which.
        target: Target,
    },
    /// Waits until what runs in a VM can be reached, and tells on the way how far it is.
    AwaitReady {
        /// Which.
        target: Target,
        /// What is waited for.
        readiness: Readiness,
    },
    /// Makes a VM at rest one that is made of something else. Its disk, keys and addresses stay.
    Configure {
        /// Which.
        target: Target,
        /// What it is to be made of; its name may be another one.
        spec: Box<InstanceSpec>,
    },
    /// Forwards other ports into a VM that runs, from now on and after each start.
    ChangePorts {
        /// Which.
        target: Target,
        /// Every port that is to be forwarded.
        ports: Vec<PortForward>,
    },
    /// Makes the disk of a VM bigger, running or at rest.
    GrowDisk {
        /// Which.
        target: Target,
        /// Its size from now on.
        size: DiskSize,
    },
    /// Lets other keys into a VM that runs, through what runs in it.
    AuthorizeKeys {
        /// Which.
        target: Target,
        /// Every public key of the user's that is to be let in.
        keys: Vec<String>,
        /// How it is reached.
        readiness: Readiness,
    },
    /// Lets a frozen instance go on.
    Resume {
        /// Which.
        target: Target,
    },
    /// Freezes the instance.
    Suspend {
        /// Which.
        target: Target,
    },
    /// Stops the instance.
    Stop {
        /// Which.
        target: Target,
        /// How.
        mode: StopMode,
    },
    /// Gives the instance another name.
    Rename {
        /// Which.
        target: Target,
        /// The new name.
        to: String,
    },
    /// Saves the instance's files as a local image, for the one that replaces it.
    SaveFiles {
        /// Which.
        target: Target,
        /// The name of the local image.
        image: String,
    },
    /// Keeps the instance's files as they are now under a name.
    TakeSnapshot {
        /// Which.
        target: Target,
        /// The snapshot.
        snapshot: Snapshot,
    },
    /// Makes the files of a snapshot those of the container that will be made next.
    UseSnapshot {
        /// Which.
        snapshot: Snapshot,
        /// The name of the local image that the container is made from.
        image: String,
    },
    /// Makes the state of a VM that of a snapshot: its disk, and what ran where that was kept.
    RevertSnapshot {
        /// Which.
        target: Target,
        /// The snapshot.
        snapshot: Snapshot,
    },
    /// Removes a snapshot.
    RemoveSnapshot {
        /// Which.
        snapshot: Snapshot,
    },
    /// Makes a snapshot another instance's: that of the directory that the project moved to.
    MoveSnapshot {
        /// Which.
        snapshot: Snapshot,
        /// Whose it becomes.
        to: InstanceUuid,
    },
    /// Gives the instance another address in its network.
    ChangeAddress {
        /// Which.
        target: Target,
        /// The network.
        network: String,
        /// The address; none lets the provider pick.
        address: Option<Ipv4Addr>,
    },
    /// Brings the instance back into its network.
    JoinNetwork {
        /// Which.
        target: Target,
        /// The network.
        network: String,
        /// The address; none lets the provider pick.
        address: Option<Ipv4Addr>,
    },
    /// Takes the instance out of a network that it should not be in.
    LeaveNetwork {
        /// Which.
        target: Target,
        /// The network.
        network: String,
    },
    /// Holds the running instance to these limits again, which are those that it was made with.
    SetLimits {
        /// Which.
        target: Target,
        /// The memory limit.
        memory: Memory,
        /// The CPU limit.
        cpus: CpuCount,
    },
    /// Takes an instance at rest out of its network, removes that, makes another, and puts the
    /// instance into it. It is one action since the two networks may have the same range.
    ChangeNetwork {
        /// Which.
        target: Target,
        /// The network that goes.
        from: NetworkSpec,
        /// The network that is made.
        to: NetworkSpec,
        /// Its fixed address in the network that goes.
        former: Option<Ipv4Addr>,
        /// The address that it gets; none lets the provider pick.
        address: Option<Ipv4Addr>,
    },
    /// Sets whether the instance comes back when the host starts.
    SetAutostart {
        /// Which.
        target: Target,
        /// Whether.
        autostart: bool,
    },
    /// Removes the instance.
    Remove {
        /// Which.
        target: Target,
        /// What becomes of its volumes.
        volumes: Volumes,
    },
    /// Removes the project's network.
    RemoveNetwork {
        /// The provider's name for it.
        name: String,
        /// Whose it has to be.
        uuid: InstanceUuid,
    },
    /// Removes a local image that vagrantp made.
    RemoveImage {
        /// The name of the local image.
        image: String,
    },
    /// Removes the disk that was kept of a VM that is gone.
    RemoveDisk {
        /// Where it is.
        path: PathBuf,
        /// Whose it has to be.
        uuid: InstanceUuid,
    },
}

/// What becomes of an instance's anonymous volumes when it is removed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Volumes {
    /// They go with it.
    Remove,
    /// The replacement has them.
    Keep,
    /// The replacement has them, and none of the files that were written.
    KeepAlone,
    /// The disk of a VM stays, for the next one of the project.
    KeepDisk,
}

impl Action {
    /// The name of each kind of action, for tests that want every one of them exercised.
    pub const NAMES: [&'static str; 29] = [
        "fetch_image",
        "create_network",
        "create",
        "start",
        "await_ready",
        "configure",
        "change_ports",
        "grow_disk",
        "authorize_keys",
        "resume",
        "suspend",
        "stop",
        "rename",
        "save_files",
        "take_snapshot",
        "use_snapshot",
        "revert_snapshot",
        "remove_snapshot",
        "move_snapshot",
        "change_address",
        "join_network",
        "leave_network",
        "set_limits",
        "change_network",
        "set_autostart",
        "remove",
        "remove_network",
        "remove_image",
        "remove_disk",
    ];

    /// The action's name in JSON, in the journal and in `plan`.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Action::FetchImage { .. } => "fetch_image",
            Action::CreateNetwork { .. } => "create_network",
            Action::Create { .. } => "create",
            Action::Start { .. } => "start",
            Action::AwaitReady { .. } => "await_ready",
            Action::Configure { .. } => "configure",
            Action::ChangePorts { .. } => "change_ports",
            Action::GrowDisk { .. } => "grow_disk",
            Action::AuthorizeKeys { .. } => "authorize_keys",
            Action::Resume { .. } => "resume",
            Action::Suspend { .. } => "suspend",
            Action::Stop { .. } => "stop",
            Action::Rename { .. } => "rename",
            Action::SaveFiles { .. } => "save_files",
            Action::TakeSnapshot { .. } => "take_snapshot",
            Action::UseSnapshot { .. } => "use_snapshot",
            Action::RevertSnapshot { .. } => "revert_snapshot",
            Action::RemoveSnapshot { .. } => "remove_snapshot",
            Action::MoveSnapshot { .. } => "move_snapshot",
            Action::ChangeAddress { .. } => "change_address",
            Action::JoinNetwork { .. } => "join_network",
            Action::LeaveNetwork { .. } => "leave_network",
            Action::SetLimits { .. } => "set_limits",
            Action::ChangeNetwork { .. } => "change_network",
            Action::SetAutostart { .. } => "set_autostart",
            Action::Remove { .. } => "remove",
            Action::RemoveNetwork { .. } => "remove_network",
            Action::RemoveImage { .. } => "remove_image",
            Action::RemoveDisk { .. } => "remove_disk",
        }
    }
}

/// What came of an action.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Done now.
    Done,
    /// It had been done before.
    AlreadyDone,
    /// The world is not what the action expects; nothing was touched. The caller plans again.
    Stale {
        /// What was found instead.
        found: String,
    },
}
