//! A machine for the tests of this room.

use std::path::{Path, PathBuf};

use super::definition::Definition;
use super::place::Place;
use super::spec::{Beginning, Sharing, Surroundings};
use crate::model::command::MainProcess;
use crate::model::id::{InfraId, InfraType, InstanceUuid, ProviderKind};
use crate::model::image::ImageSource;
use crate::model::network::{DEFAULT_BIND, MacAddress, PortForward, Protocol};
use crate::model::spec::{BaseImage, InstanceSpec};
use crate::model::stamp::{Asked, Stamp};
use crate::model::units::{CpuCount, DiskSize, Memory};
use crate::model::vm::{Acceleration, DisplayMode, Firmware, VmSettings};

pub(super) fn uuid(project: &str) -> InstanceUuid {
    InstanceUuid::derive("m", 1000, Path::new(project), InfraType::Vm)
}

/// A small machine of `/projects/web`.
pub(super) fn definition() -> Definition {
    let project = PathBuf::from("/projects/web");
    let uuid = uuid("/projects/web");
    let image = ImageSource::DiskFile { path: "/images/debian.qcow2".into(), sha256: None };
    let port = PortForward {
        bind: DEFAULT_BIND,
        host: 8080,
        guest: 80,
        protocol: Protocol::Tcp,
        auto: false,
    };
    let (memory, cpus) = (Memory(1024), CpuCount(2));
    let vm = VmSettings {
        disk_size: DiskSize(20480),
        disk_path: None,
        iso: None,
        kernel: None,
        initrd: None,
        append: None,
        firmware: Firmware::Auto,
        cloud_init: None,
        mac: MacAddress::of_instance(uuid),
        display: DisplayMode::None,
        qemu_args: Vec::new(),
        user: "dev".to_owned(),
        authorized_keys: Vec::new(),
        ssh_port: Some(22220),
        bridge: None,
        fixed: None,
    };
    let stamp = Stamp {
        schema: Stamp::SCHEMA,
        uuid,
        uid: 1000,
        project,
        device: 1,
        inode: 2,
        mount: None,
        infra_type: InfraType::Vm,
        provider: ProviderKind::Qemu,
        infra_id: InfraId::new("web").expect("a label"),
        generation: 1,
        created_at: "2026-11-21T12:00:00Z".to_owned(),
        version: "0.1.0".to_owned(),
        asked: Asked {
            image: image.clone(),
            image_id: None,
            memory,
            cpus,
            command: MainProcess::Idle,
            ports: vec![port],
            mounts: Vec::new(),
            address: None,
            subnet: None,
            bridge: None,
            gateway: None,
            dns: Vec::new(),
            ttl: None,
        },
    };
    Definition {
        format: Definition::FORMAT,
        spec: InstanceSpec {
            name: "web".to_owned(),
            hostname: "web".to_owned(),
            image: BaseImage::Source(image),
            memory,
            cpus,
            command: MainProcess::Idle,
            network: String::new(),
            address: None,
            ports: vec![port],
            mounts: Vec::new(),
            autostart: false,
            volumes_from: None,
            vm: Some(Box::new(vm)),
            stamp,
        },
        machine: "pc-q35-10.0".to_owned(),
        disk: "/d/disk.qcow2".into(),
        instance_id: "web-1".to_owned(),
        uefi: None,
        snapshots: Vec::new(),
    }
}

pub(super) fn surroundings(place: &Place) -> Surroundings<'_> {
    Surroundings {
        place,
        acceleration: Acceleration::Emulation,
        sharing: Sharing::NineP,
        can_guard: true,
        beginning: Beginning::Boot,
        sandboxed: true,
    }
}

/// Whose a machine of this directory is.
pub(super) fn identity(project: &str) -> crate::model::id::Identity {
    crate::model::id::Identity {
        uuid: uuid(project),
        id: InfraId::new("web").expect("a label"),
        id_is_explicit: false,
        project: crate::model::id::ProjectDir {
            path: project.into(),
            device: 7,
            inode: 8,
            mount: None,
        },
        uid: 1000,
        infra_type: InfraType::Vm,
        provider: ProviderKind::Qemu,
    }
}
