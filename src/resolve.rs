//! Config + host facts → [`Desired`]; the only place where defaults are applied.

mod guards;
mod vm;

use std::path::{Path, PathBuf};

use miette::Diagnostic;
use thiserror::Error;

use crate::config::Config;
use crate::config::rules::RuleError;
use crate::model::code::Code;
use crate::model::command::MainProcess;
use crate::model::desired::{Desired, DesiredNetwork};
use crate::model::host::HostFacts;
use crate::model::id::{Identity, InfraId, InfraType, InstanceUuid, ProjectDir, ProviderKind};
use crate::model::image::ImageSource;
use crate::model::mount::Mount;
use crate::model::network::{NetworkMode, PortPool, PortRule};
use crate::model::problem::Problem;
use crate::model::source::{Origin, Place, Sourced};
use crate::model::units::{CpuCount, DiskSize, Memory, Seconds};

/// IMAGE of a container where none is written.
const DEFAULT_IMAGE: &str = "docker.io/library/alpine:latest";
/// BOOT_TIMEOUT where none is written; then STOP_TIMEOUT and SSH_TIMEOUT.
const BOOT_TIMEOUT: Seconds = Seconds(300);
const OTHER_TIMEOUT: Seconds = Seconds(30);
/// The user of boxes, by Vagrant's convention.
const BOX_USER: &str = "vagrant";

/// What cannot be resolved by this version.
#[derive(Debug, Error, Diagnostic)]
enum ResolveError {
    #[error("this version makes no vm from a BOX")]
    #[diagnostic(
        code(vagrantp::resolve::no_boxes),
        help("write an IMAGE, such as the path of a qcow2 file, or take INFRA_TYPE=container")
    )]
    NoBoxes {
        #[label(collection, "a Vagrant box")]
        place: Option<Place>,
    },
}

/// Which instance a configuration is about.
pub fn identity(
    config: &Config,
    project: &ProjectDir,
    facts: &HostFacts,
) -> Result<Identity, Problem> {
    let infra_type =
        config.kind().ok_or_else(|| RuleError::TypeMissing { prefix: "" }.into_problem())?;
    let provider = config.provider_kind().ok_or_else(|| {
        let help =
            "add the line `PROVIDER=libvirt`, or another of qemu, virtualbox, ssh".to_owned();
        RuleError::ProviderMissing { place: None, help }.into_problem()
    })?;
    let id = match &config.infra_id {
        Some(id) => id.value.clone(),
        None => id_of_directory(&project.path)?,
    };
    Ok(Identity {
        uuid: InstanceUuid::derive(&facts.machine_id, facts.uid, &project.path, infra_type),
        id,
        id_is_explicit: config.infra_id.is_some(),
        project: project.clone(),
        uid: facts.uid,
        infra_type,
        provider,
    })
}

/// The name that a directory gives its instance.
fn id_of_directory(path: &Path) -> Result<InfraId, Problem> {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    InfraId::nearest(&name)
        .ok_or_else(|| RuleError::NoInfraId { suggestion: "my-machine".to_owned() }.into_problem())
}

/// The complete wish.
pub fn resolve(
    config: &Config,
    project: &ProjectDir,
    facts: &HostFacts,
) -> Result<Desired, Vec<Problem>> {
    let identity = identity(config, project, facts).map_err(|problem| vec![problem])?;
    let image = image(config, &identity).map_err(|problem| vec![problem])?;
    let network = network(config, facts).map_err(|problem| vec![problem])?;
    let ports = ports(config, &identity, &network);
    let mut mounts = config.mounts.clone();
    let guards = guards::over(&mut mounts, &config.guarded);
    mounts.extend(guards);
    // Outer mounts first: one made later would hide what lies beneath it.
    mounts.sort_by_key(|mount| mount.value.guest.components().count());
    Ok(Desired {
        id_origin: origin(&config.infra_id),
        infra_type_origin: origin(&config.infra_type),
        provider_origin: origin(&config.provider),
        memory: or_default(&config.memory, Memory::DEFAULT),
        cpus: or_default(&config.cpus, CpuCount::DEFAULT),
        disk_size: or_default(&config.disk_size, DiskSize::DEFAULT),
        image,
        command: or_default(&config.command, MainProcess::Idle),
        network,
        ports,
        port_pool: or_default(&config.port_pool, PortPool::DEFAULT),
        workdir: workdir(&mounts, &identity.project.path),
        mounts,
        user: or_default(&config.ssh_user, user(config, &identity, facts)),
        stop_timeout: or_default(&config.stop_timeout, OTHER_TIMEOUT),
        boot_timeout: or_default(&config.boot_timeout, BOOT_TIMEOUT),
        ssh_timeout: or_default(&config.ssh_timeout, OTHER_TIMEOUT),
        autostart: or_default(&config.autostart, false),
        ttl: config.infra_ttl.clone(),
        vm: vm::resolved(config, &identity, facts),
        found: config.found.clone(),
        identity,
    })
}

fn origin<T>(written: &Option<Sourced<T>>) -> Origin {
    written.as_ref().map_or(Origin::Default, |value| value.origin.clone())
}

fn or_default<T: Clone>(written: &Option<Sourced<T>>, default: T) -> Sourced<T> {
    written.clone().unwrap_or_else(|| Sourced::default_of(default))
}

fn image(config: &Config, identity: &Identity) -> Result<Sourced<ImageSource>, Problem> {
    match (&config.image, identity.infra_type) {
        (Some(image), _) => Ok(image.clone()),
        (None, InfraType::Container) => {
            Ok(Sourced::default_of(ImageSource::Registry(DEFAULT_IMAGE.to_owned())))
        }
        (None, InfraType::Vm) => match &config.vagrant_box {
            Some(written) => {
                let place = written.place().cloned();
                let error = ResolveError::NoBoxes { place: place.clone() };
                Err(Problem::new(Code::ProviderNotAvailable, error).at("BOX", place.as_ref()))
            }
            None => Ok(Sourced::default_of(ImageSource::Blank)),
        },
    }
}

fn network(config: &Config, facts: &HostFacts) -> Result<DesiredNetwork, Problem> {
    let mode = or_default(&config.network_mode, NetworkMode::Default);
    let bridge = match (mode.value, &config.bridge, facts.only_bridge()) {
        (NetworkMode::Default, ..) => None,
        (NetworkMode::Bridge, Some(bridge), _) => Some(bridge.clone()),
        (NetworkMode::Bridge, None, Some(only)) => Some(Sourced::default_of(only.clone())),
        (NetworkMode::Bridge, None, None) => {
            let place = mode.place().cloned();
            let help = "write the bridge's name, such as `BRIDGE=br0`".to_owned();
            return Err(RuleError::BridgeMissing { place, help }.into_problem());
        }
    };
    let mut address = config.ip_address.clone();
    // Without a range of its own a network's gateway is its first address.
    let mut gateway = config.gateway.clone().filter(|_| address.is_some());
    if let (Some(bridge), Some(address)) = (&bridge, &mut address)
        && let Some(host) = facts.on_bridge(&bridge.value, address.value.address)
    {
        address.value.prefix.get_or_insert(host.range.prefix_len());
        gateway = gateway.or(host.gateway.map(Sourced::default_of));
    }
    Ok(DesiredNetwork { mode, bridge, address, gateway, dns: config.dns.clone() })
}

/// What is forwarded. On a bridge a container has an address of its own, and nothing is.
fn ports(config: &Config, identity: &Identity, network: &DesiredNetwork) -> Vec<Sourced<PortRule>> {
    let own_address = network.bridge.is_some() && identity.provider == ProviderKind::Podman;
    if own_address { Vec::new() } else { config.ports.clone() }
}

fn user(config: &Config, identity: &Identity, facts: &HostFacts) -> String {
    let own = || facts.user.clone().unwrap_or_else(|| "root".to_owned());
    match (identity.infra_type, identity.provider) {
        (InfraType::Container, _) => "root".to_owned(),
        (InfraType::Vm, ProviderKind::Virtualbox) => BOX_USER.to_owned(),
        (InfraType::Vm, _) if config.vagrant_box.is_some() => BOX_USER.to_owned(),
        (InfraType::Vm, _) => own(),
    }
}

/// Where the project lies inside: of the mounts that hold it, the one that holds least besides.
fn workdir(mounts: &[Sourced<Mount>], project: &Path) -> Option<PathBuf> {
    mounts
        .iter()
        .filter_map(|mount| {
            let within = project.strip_prefix(&mount.value.host).ok()?;
            let guest = &mount.value.guest;
            Some(match within.as_os_str().is_empty() {
                true => (0, guest.clone()),
                false => (within.components().count(), guest.join(within)),
            })
        })
        .min_by_key(|(above, _)| *above)
        .map(|(_, path)| path)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::keys::{self, Default};
    use crate::config::tests::Project;
    use crate::model::network::HostPort;

    fn dir(project: &Project) -> ProjectDir {
        ProjectDir { path: project.path(), device: 1, inode: 2, mount: None }
    }

    fn desired(project: &Project) -> Desired {
        resolve(&project.config(), &dir(project), &project.facts).expect("resolves")
    }

    #[test]
    fn a_container_of_one_line_has_every_default() {
        let project = Project::new("INFRA_TYPE=container\n");
        let desired = desired(&project);
        assert_eq!(desired.image.value.to_string(), "docker.io/library/alpine:latest");
        assert_eq!((desired.memory.value, desired.cpus.value), (Memory(2048), CpuCount(2)));
        assert_eq!(
            (desired.user.value.as_str(), &desired.command.value),
            ("root", &MainProcess::Idle)
        );
        assert!(desired.memory.origin.is_default() && desired.id_origin.is_default());
        assert!(!desired.infra_type_origin.is_default());
        assert_eq!(desired.identity.provider, ProviderKind::Podman);
        assert_eq!((desired.workdir, desired.mounts), (None, Vec::new()));
    }

    #[test]
    fn the_defaults_are_those_of_the_table() {
        let project = Project::new("INFRA_TYPE=container\n");
        let found = desired(&project);
        let mut env = "INFRA_TYPE=container\n".to_owned();
        for key in keys::all() {
            if let Default::Value(value) = key.default {
                env.push_str(&format!("{}={value}\n", key.name));
            }
        }
        project.write(".env", env);
        let written = desired(&project);
        assert_eq!(found.memory.value, written.memory.value);
        assert_eq!(found.cpus.value, written.cpus.value);
        assert_eq!(found.disk_size.value, written.disk_size.value);
        assert_eq!(found.port_pool.value, written.port_pool.value);
        assert_eq!(found.network.mode.value, written.network.mode.value);
        assert_eq!(found.stop_timeout.value, written.stop_timeout.value);
        assert_eq!(found.boot_timeout.value, written.boot_timeout.value);
        assert_eq!(found.ssh_timeout.value, written.ssh_timeout.value);
        assert_eq!(found.autostart.value, written.autostart.value);
        let image = keys::find("IMAGE").expect("a key");
        assert!(matches!(image.default, Default::Depends(words) if words.contains(DEFAULT_IMAGE)));
    }

    #[test]
    fn what_was_written_is_what_is_wanted() {
        let project = Project::new(
            "INFRA_TYPE=container\nINFRA_ID=web\nIMAGE=debian:12\nPORTS=8080:80,auto:443\nSSH_USER=app\n",
        );
        let desired = desired(&project);
        assert_eq!(desired.identity.id.as_str(), "web");
        assert!(desired.identity.id_is_explicit);
        assert_eq!(desired.image.place().map(|place| place.line), Some(3));
        let hosts: Vec<_> = desired.ports.iter().map(|port| port.value.host).collect();
        assert_eq!(hosts, [HostPort::Fixed(8080), HostPort::Auto]);
        assert_eq!(desired.user.value, "app");
    }

    #[test]
    fn the_directory_gives_its_name_or_is_told() {
        let project = Project::new("INFRA_TYPE=container\n");
        let named = |name: &str| {
            let dir = ProjectDir { path: PathBuf::from(name), device: 0, inode: 0, mount: None };
            identity(&project.config(), &dir, &project.facts)
        };
        assert_eq!(named("/src/My_App").expect("a name").id.as_str(), "my-app");
        for path in ["/src/___", "/"] {
            let problem = named(path).expect_err("no name is left");
            assert_eq!(problem.code, Code::ConfigInvalid);
            assert!(problem.help().expect("help").contains("INFRA_ID=my-machine"));
        }
        let uuid = |name: &str| named(name).expect("a name").uuid;
        assert_eq!(uuid("/a"), uuid("/a"));
        assert_ne!(uuid("/a"), uuid("/b"));
    }

    #[test]
    fn writable_mounts_get_guards_over_what_decides_the_next_up() {
        let project = Project::new(
            "INFRA_TYPE=container\nMOUNTS=./play:/work/play,.:/work,./sub:/data,.:/ro:ro,./.env:/e\n\
             PROVISIONING_PLAYBOOK=play/site.yml,sub/b.yml\n",
        );
        project.write("play/site.yml", "- hosts: all\n");
        project.write("sub/b.yml", "- hosts: all\n");
        let desired = desired(&project);
        let shown: Vec<String> = desired
            .mounts
            .iter()
            .map(|mount| {
                mount.value.to_string().replace(project.path().to_str().expect("UTF-8"), "")
            })
            .collect();
        assert_eq!(
            shown,
            [
                ":/work",
                "/sub:/data",
                ":/ro:ro",
                "/.env:/e:ro",
                "/play:/work/play",
                "/.env:/work/.env:ro",
                "/sub:/work/sub",
                "/sub/b.yml:/data/b.yml:ro",
                "/play/site.yml:/work/play/site.yml:ro",
                "/sub/b.yml:/work/sub/b.yml:ro",
            ]
        );
        assert_eq!(desired.workdir, Some(PathBuf::from("/work")));
    }

    #[test]
    fn the_shell_starts_where_the_project_is() {
        let project = Project::new("INFRA_TYPE=container\nMOUNTS=..:/all\n");
        let name = project.path().file_name().expect("a name").to_owned();
        assert_eq!(desired(&project).workdir, Some(Path::new("/all").join(name)));
        project.write(".env", "INFRA_TYPE=container\nMOUNTS=./sub:/sub\n");
        project.write("sub/x", "");
        assert_eq!(desired(&project).workdir, None);
    }

    #[test]
    fn the_only_bridge_is_taken() {
        let mut project =
            Project::new("INFRA_TYPE=container\nNETWORK_MODE=bridge\nIP_ADDRESS=10.0.0.5/24\n");
        // Podman's own are nobody's to join.
        project.facts.bridges = vec!["br0".to_owned(), "podman0".to_owned(), "podman12".to_owned()];
        let bridge = desired(&project).network.bridge.expect("a bridge");
        assert_eq!((bridge.value.as_str(), bridge.origin), ("br0", Origin::Default));
    }

    #[test]
    fn on_a_bridge_the_hosts_own_network_fills_the_gaps() {
        let bridged = "INFRA_TYPE=container\nNETWORK_MODE=bridge\nBRIDGE=br0\nPORTS=8080:80\n";
        let project = Project::new(&format!("{bridged}IP_ADDRESS=10.0.0.5\n"));
        let found = desired(&project);
        let address = found.network.address.expect("an address").value;
        assert_eq!(address.to_string(), "10.0.0.5/24");
        let gateway = found.network.gateway.expect("the host's");
        assert_eq!((gateway.value.to_string().as_str(), gateway.place()), ("10.0.0.1", None));
        assert_eq!(found.ports, [], "it has an address of its own");
        project.write(".env", format!("{bridged}IP_ADDRESS=10.0.0.5/16\nGATEWAY=10.0.9.9\n"));
        let network = desired(&project).network;
        let (address, gateway) = (network.address.expect("one"), network.gateway.expect("one"));
        assert_eq!(address.value.to_string(), "10.0.0.5/16");
        assert_eq!(gateway.value.to_string(), "10.0.9.9");
        project.write(".env", "INFRA_TYPE=container\nGATEWAY=10.0.9.9\n");
        assert_eq!(desired(&project).network.gateway, None, "of which network?");
    }

    #[test]
    fn a_vm_without_a_disk_image_is_not_built_yet() {
        let project = Project::new("INFRA_TYPE=vm\nPROVIDER=libvirt\nBOX=a/b\n");
        let problems = resolve(&project.config(), &dir(&project), &project.facts)
            .expect_err("no provider for it");
        assert_eq!(problems[0].code, Code::ProviderNotAvailable);
    }
}
