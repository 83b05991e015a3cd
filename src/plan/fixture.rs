//! A wish, and an instance that is as wished, for the tests of this room.

use std::path::PathBuf;

use crate::model::command::MainProcess;
use crate::model::desired::{Desired, DesiredNetwork};
use crate::model::id::{Identity, InfraId, InfraType, InstanceUuid, ProjectDir, ProviderKind};
use crate::model::image::ImageSource;
use crate::model::network::{NetworkMode, PortPool};
use crate::model::observed::{Instance, Observed, ObservedImage, ObservedNetwork, Power};
use crate::model::snapshot::{Snapshot, SnapshotName};
use crate::model::source::{Layer, Origin, Place, Sourced};
use crate::model::spec::InstanceSpec;
use crate::model::units::{CpuCount, DiskSize, Memory, Seconds};

use super::Plan;
use super::action::{Action, Fetch};
use super::error::PlanError;
use super::steps::{Recreate, RunningGoal, Twin, to_running};

/// The wish of `INFRA_TYPE=container` and `INFRA_ID=web`.
pub(crate) fn desired() -> Desired {
    let path = PathBuf::from("/projects/web");
    let identity = Identity {
        uuid: InstanceUuid::derive("m", 1000, &path, InfraType::Container),
        id: InfraId::new("web").unwrap(),
        id_is_explicit: true,
        project: ProjectDir { path, device: 1, inode: 2, mount: None },
        uid: 1000,
        infra_type: InfraType::Container,
        provider: ProviderKind::Memory,
    };
    let seconds = |seconds| Sourced::default_of(Seconds(seconds));
    Desired {
        identity,
        id_origin: Origin::Default,
        infra_type_origin: Origin::Default,
        provider_origin: Origin::Default,
        memory: Sourced::default_of(Memory(2048)),
        cpus: Sourced::default_of(CpuCount(2)),
        disk_size: Sourced::default_of(DiskSize(20480)),
        image: Sourced::default_of(ImageSource::Registry("docker.io/library/alpine:latest".into())),
        command: Sourced::default_of(MainProcess::Idle),
        network: DesiredNetwork {
            mode: Sourced::default_of(NetworkMode::Default),
            bridge: None,
            address: None,
            gateway: None,
            dns: Vec::new(),
        },
        ports: Vec::new(),
        port_pool: Sourced::default_of(PortPool::DEFAULT),
        mounts: Vec::new(),
        workdir: None,
        user: Sourced::default_of("root".to_owned()),
        stop_timeout: seconds(30),
        boot_timeout: seconds(300),
        ssh_timeout: seconds(30),
        autostart: Sourced::default_of(false),
        ttl: None,
        vm: None,
        found: Vec::new(),
    }
}

/// A value that stands on line 3.
pub(crate) fn written<T>(value: T) -> Sourced<T> {
    let place = Place { source: 0, offset: 30, length: 4, file: ".env".into(), line: 3, column: 8 };
    Sourced::written(value, Layer::File, place)
}

/// What `up` plans.
pub(crate) fn up(desired: &Desired, observed: &Observed) -> Result<Plan, Vec<PlanError>> {
    let goal = RunningGoal {
        desired,
        ports: &[],
        recreate: Recreate::WhereNeeded,
        fetch: Fetch::IfMissing,
        start: true,
        twin: Twin::Refuse,
        now: "2026-11-21T12:00:00Z",
    };
    to_running(&goal, observed, &crate::provider::memory::capabilities())
}

/// The spec that `up` makes an instance with.
pub(crate) fn spec(desired: &Desired) -> InstanceSpec {
    let plan = up(desired, &Observed::default()).unwrap();
    let spec = plan.steps.into_iter().find_map(|step| match step.action {
        Action::Create { spec } => Some(*spec),
        _ => None,
    });
    spec.unwrap()
}

/// An instance that is as wished, in this state.
pub(crate) fn instance(desired: &Desired, state: Power) -> Instance {
    let spec = spec(desired);
    Instance {
        id: "1".to_owned(),
        name: spec.name,
        state,
        exit_status: None,
        memory: Some(spec.memory),
        millicpus: Some(spec.cpus.0 * 1000),
        ports: spec.ports,
        mounts: spec.mounts,
        networks: vec![spec.network],
        address: spec.address,
        autostart: spec.autostart,
        pid: None,
        arch: None,
        created_at: None,
        started_at: None,
        finished_at: None,
        written: None,
        unlimited: Vec::new(),
        unguarded: Vec::new(),
        life: Default::default(),
        vm: None,
        stamp: spec.stamp,
    }
}

/// A snapshot of the wish's instance.
pub(super) fn snapshot(desired: &Desired, name: &str) -> Snapshot {
    Snapshot {
        name: SnapshotName::new(name).unwrap(),
        of: desired.identity.uuid,
        created_at: "2026-11-21T11:00:00Z".to_owned(),
        description: None,
        image: desired.image.value.clone(),
        image_id: None,
        size: None,
        memory: false,
    }
}

/// What is observed where there is nothing but this instance with its network and image.
pub(crate) fn observed(desired: &Desired, state: Power) -> Observed {
    Observed {
        instances: vec![instance(desired, state)],
        network: Some(ObservedNetwork {
            name: desired.identity.network_name(),
            ours: true,
            isolated: true,
            ..ObservedNetwork::default()
        }),
        image: Some(ObservedImage {
            id: "sha256:1".to_owned(),
            architecture: None,
            outdated: false,
        }),
        ..Observed::default()
    }
}
