//! The keys that say what the machine is and how it is attached.

use std::path::PathBuf;

use super::form::{Form, words};
use super::{
    ALL, ANY_VM, Default, HYPERVISOR, Key, MADE, MADE_VM, NoMistake, key, list, one, text,
};
use crate::config::files;
use crate::config::host_name;
use crate::config::mistake::FileMistake;
use crate::config::path::absolute;
use crate::config::reader::{Reader, Surroundings, Wrong};
use crate::config::types::{Config, DisplayMode, Firmware, Ttl};
use crate::config::values;
use crate::config::warning::Doubt;
use crate::model::command::{MainProcess, split_words};
use crate::model::id::{InfraType, ProviderKind};
use crate::model::image::{DiskReference, ImageSource, is_path, normalise_reference};
use crate::model::mount::WrittenMount;
use crate::model::network::{
    HostAddress, HostPort, MacAddress, NetworkMode, PortPool, PortRule, parse_ipv4, parse_port,
};
use crate::model::source::Sourced;
use crate::model::units::{CpuCount, Memory};
use crate::model::vm::CloudInit;

pub(super) const KEYS: &[Key] = &[
    key!("INFRA_TYPE": Form::Words(words::<InfraType>), "`vm` or `container`", Default::Required, ALL,
        "Which kind of machine the project wants.", eg "container",
        read |r, c| c.infra_type = r.word(), show |c| one(&c.infra_type)),
    key!("INFRA_ID": Form::Label, "a hostname label: 1 to 63 lower-case letters, digits and hyphens",
        Default::Depends("the directory's name, made a hostname label"), ALL,
        "The machine's name, and its host name.", eg "web",
        read |r, c| c.infra_id = r.one(values::infra_id), show |c| one(&c.infra_id)),
    key!("PROVIDER": Form::Words(words::<ProviderKind>), "for a vm `libvirt`, `qemu`, `virtualbox` or `ssh` (a machine that exists); for a container `podman`",
        Default::Depends("`podman` for a container; required for a vm"), ALL,
        "What runs the machine.", eg "podman",
        read |r, c| c.provider = r.word(), show |c| one(&c.provider)),
    key!("MEMORY": Form::Memory { least: 512 }, "a size; a bare number counts MiB; at least 512M", Default::Value("2048M"), MADE,
        "How much memory the machine has at most.", eg "2G",
        read |r, c| c.memory = r.one(Memory::parse), show |c| one(&c.memory)),
    key!("CPUS": Form::Count, "a whole number, at least 1", Default::Value("2"), MADE,
        "How many CPUs the machine has at most.", eg "2",
        read |r, c| c.cpus = r.one(CpuCount::parse), show |c| one(&c.cpus)),
    key!("DISK_SIZE": Form::Disk { least: 5120 }, "a size; a bare number counts GiB, with a warning; at least 5G",
        Default::Value("20G"), MADE_VM,
        "How large the disk is. It can grow and never shrinks.", eg "40G",
        read |r, c| c.disk_size = super::disk_size(r), show |c| one(&c.disk_size)),
    key!("DISK_PATH": Form::Path, "a path", Default::Depends("vagrantp's own data directory, or libvirt's pool"), HYPERVISOR,
        "Where the disk goes. A file that vagrantp has not made is never overwritten.", eg "./disk.qcow2",
        read |r, c| c.disk_path = path(r), show |c| one(&c.disk_path)),
    key!("IMAGE": Form::Image, "for a container a registry reference, or a path (it starts with `./`, `../`, `/` or `~/`) to a Containerfile, a tarball of a root file system or an OCI archive; for libvirt and qemu a path or an `http`, `https` or `file` URL of a disk image, with `#sha256:…` after it where it shall be checked",
        Default::Depends("`docker.io/library/alpine:latest` for a container; a vm needs one of IMAGE, BOX, ISO and KERNEL"),
        &[ProviderKind::Podman, ProviderKind::Libvirt, ProviderKind::Qemu],
        "What the machine is made from.", eg "docker.io/library/debian:12",
        read |r, c| c.image = image(r, c), show |c| text(&c.image)),
    key!("BOX": Form::Box, "a Vagrant box, with `@version` after it where one is meant", Default::None,
        &[ProviderKind::Libvirt, ProviderKind::Virtualbox],
        "The Vagrant box that the vm is made from; excludes IMAGE and ISO.", eg "debian/bookworm64@12.20240905.1",
        read |r, c| c.vagrant_box = r.one(values::vagrant_box), show |c| one(&c.vagrant_box)),
    key!("ISO": Form::Path, "a path to an ISO 9660 image", Default::None, MADE_VM,
        "The image of an installation or live system to boot from.", eg "./debian-12.iso",
        read |r, c| c.iso = file(r, files::iso), show |c| one(&c.iso)),
    key!("KERNEL": Form::Path, "a path", Default::None, HYPERVISOR,
        "The kernel to boot directly.", eg "./vmlinuz",
        read |r, c| c.kernel = file(r, files::existing), show |c| one(&c.kernel)),
    key!("INITRD": Form::Path, "a path", Default::None, HYPERVISOR,
        "The initial ram disk for KERNEL.", eg "./initrd.img",
        read |r, c| c.initrd = file(r, files::existing), show |c| one(&c.initrd)),
    key!("APPEND": Form::Text, "any text", Default::None, HYPERVISOR,
        "The command line for KERNEL.", eg "console=ttyS0",
        read |r, c| c.append = verbatim(r), show |c| one(&c.append)),
    key!("FIRMWARE": Form::Words(words::<Firmware>), "`auto`, `bios` or `uefi`", Default::Value("auto"), MADE_VM,
        "What starts the machine.", eg "uefi",
        read |r, c| c.firmware = r.word(), show |c| one(&c.firmware)),
    key!("CLOUD_INIT": Form::Path, "a path to a file of YAML", Default::None, HYPERVISOR,
        "User data for cloud-init, merged into vagrantp's own.", eg "./user-data.yaml",
        read |r, c| c.cloud_init = cloud_init(r), show |c| c.cloud_init.as_ref().map(|file| file.value.path.display().to_string().into())),
    key!("NETWORK_MODE": Form::Words(words::<NetworkMode>), "`default` (also written `nat`) or `bridge`", Default::Value("default"), MADE,
        "Whether the machine is behind the host, or on one of the host's bridges.", eg "default",
        read |r, c| c.network_mode = r.word(), show |c| one(&c.network_mode)),
    key!("BRIDGE": Form::Interface, "the name of a bridge of this host", Default::Depends("the only bridge there is"), MADE,
        "The bridge for NETWORK_MODE=bridge. It is never created.", eg "br0",
        read |r, c| c.bridge = r.one(values::bridge), show |c| one(&c.bridge)),
    key!("IP_ADDRESS": Form::HostAddress, "an IPv4 address, with its network's prefix where that is not given", Default::Depends("one is picked"), MADE,
        "The machine's fixed address. With podman's default network it fixes the project's /24.", eg "192.168.77.10",
        read |r, c| c.ip_address = r.one(HostAddress::parse), show |c| text(&c.ip_address)),
    key!("GATEWAY": Form::Address, "an IPv4 address of IP_ADDRESS's network", Default::Depends("on a bridge the host's own, else the first address of the network"), MADE,
        "The machine's gateway.", eg "192.168.77.1",
        read |r, c| c.gateway = r.one(parse_ipv4), show |c| one(&c.gateway)),
    key!("DNS": Form::Addresses, "IPv4 addresses, with commas between", Default::Depends("on a bridge the host's own, else the provider's"), MADE,
        "The machine's name servers.", eg "192.168.77.1,9.9.9.9",
        read |r, c| c.dns = r.list(parse_ipv4), show |c| list(&c.dns, |dns| dns.to_string().into())),
    key!("MAC_ADDRESS": Form::Mac, "a unicast MAC address", Default::Depends("made once, then kept"), MADE_VM,
        "The address of the vm's network card.", eg "52:54:00:12:34:56",
        read |r, c| c.mac_address = r.one(MacAddress::parse), show |c| text(&c.mac_address)),
    key!("PORTS": Form::PortRules, "`[bind:]host:guest[/tcp|udp]` with commas between; `auto` as host takes a free port; IPv6 addresses stand in brackets", Default::None, MADE,
        "Ports of the host that lead into the machine. They listen on 127.0.0.1 unless an address says otherwise.", eg "8080:80,auto:443",
        read |r, c| c.ports = r.list(PortRule::parse), show |c| list(&c.ports, show_port)),
    key!("PORT_POOL": Form::PortRange, "the first and the last port, with `-` between", Default::Value("8100-8900"), MADE,
        "Where `auto` in PORTS picks; the pick is kept.", eg "8100-8900",
        read |r, c| c.port_pool = r.one(PortPool::parse), show |c| text(&c.port_pool)),
    key!("MOUNTS": Form::Mounts, "`host:guest[:ro]` with commas between; the host's path starts at the project, the guest's at `/`", Default::None, MADE,
        "Directories of the host inside the machine. `.env*`, `vagrantp.env` and playbooks beneath a writable one are mounted read-only over it.", eg ".:/work,./data:/data:ro",
        read mounts, show |c| list(&c.mounts, |mount| mount.to_string().into())),
    key!("COMMAND": Form::Command, "`image`, or a program and its arguments, split as a shell would and run without one", Default::Depends("a process that stays up"), &[ProviderKind::Podman],
        "The container's main process; `image` is what the image itself would run.", eg "nginx -g 'daemon off;'",
        read |r, c| c.command = command(r), show |c| one(&c.command), multiline),
    key!("QEMU_ARGS": Form::Command, "arguments, split as a shell would and handed over without one", Default::None, &[ProviderKind::Qemu],
        "More arguments for QEMU.", eg "-device virtio-rng-pci",
        read |r, c| c.qemu_args = r.one(split_words), show |c| one(&c.qemu_args)),
    key!("DISPLAY_MODE": Form::Words(words::<DisplayMode>), "`none`, `gtk` or `spice`", Default::Value("none"), HYPERVISOR,
        "Where the vm's screen is.", eg "none",
        read |r, c| c.display_mode = r.word(), show |c| one(&c.display_mode)),
    key!("AUTOSTART": Form::Words(words::<bool>), "`true` or `false`", Default::Value("false"),
        &[ProviderKind::Podman, ProviderKind::Libvirt, ProviderKind::Qemu, ProviderKind::Virtualbox],
        "Whether the machine starts with the host.", eg "true",
        read |r, c| c.autostart = r.word(), show |c| one(&c.autostart)),
    key!("INFRA_TTL": Form::Duration, "a whole number and `m`, `h` or `d`", Default::None, MADE,
        "How long after its last `up` the machine may live.", eg "8h",
        read |r, c| c.infra_ttl = r.one(Ttl::parse),
        show |c| text(&c.infra_ttl)),
    key!("SSH_HOST": Form::Host, "a name or an address", Default::Depends("required with PROVIDER=ssh"), &[ProviderKind::Ssh],
        "The machine that exists.", eg "build.example.org",
        read |r, c| c.ssh_host = r.one(host_name::parse), show |c| one(&c.ssh_host)),
    key!("SSH_USER": Form::User, "a user's name", Default::Depends("`root` in a container, the caller's own name in a made vm, a box's own user, else what `ssh` would take"), ALL,
        "Who `vagrantp ssh` is inside.", eg "debian",
        read |r, c| c.ssh_user = r.one(values::user), show |c| one(&c.ssh_user)),
    key!("SSH_KEY": Form::Path, "a path to a private key that nobody else may read", Default::Depends("the caller's ed25519, ecdsa or rsa key in `~/.ssh`, else one made for the machine"), ANY_VM,
        "The key that `ssh` shall use. vagrantp does not copy it.", eg "~/.ssh/id_ed25519",
        read |r, c| c.ssh_key = file(r, files::private_key), show |c| one(&c.ssh_key)),
    key!("SSH_AUTHORIZED_KEYS": Form::PublicKeys, "public keys, one a line in quotes, or a file of them", Default::Depends("the public half of SSH_KEY"), MADE_VM,
        "Who may log in.", eg "~/.ssh/id_ed25519.pub",
        read super::work::authorized_keys, show |c| one(&c.ssh_authorized_keys), secret, multiline),
    key!("SSH_PORT": Form::Port, "a port; 1024 to 65535 where it is forwarded", Default::Depends("the first free one from 22220, then kept; 22 with PROVIDER=ssh"), ANY_VM,
        "The port of the vm's SSH.", eg "22220",
        read |r, c| c.ssh_port = r.one(parse_port), show |c| one(&c.ssh_port)),
];

/// COMMAND: what of it stands at other keys is run, and never shown.
fn command(reader: &mut Reader<'_>) -> Option<Sourced<MainProcess>> {
    let command = reader.one(MainProcess::parse)?;
    Some(match reader.as_written() {
        Some(written) => command.map(|command| command.masked(written)),
        None => command,
    })
}

fn verbatim(reader: &mut Reader<'_>) -> Option<Sourced<String>> {
    reader.one(|text| Ok::<_, NoMistake>(text.to_owned()))
}

fn path(reader: &mut Reader<'_>) -> Option<Sourced<PathBuf>> {
    let around = reader.surroundings;
    reader.one(|text| Ok::<_, NoMistake>(absolute(around, text)))
}

pub(super) fn file<T>(
    reader: &mut Reader<'_>,
    parse: fn(&Surroundings<'_>, &str) -> Result<T, FileMistake>,
) -> Option<Sourced<T>> {
    let around = reader.surroundings;
    reader.one(|text| parse(around, text))
}

/// A file of YAML.
pub(super) fn yaml(reader: &mut Reader<'_>) -> Option<Sourced<PathBuf>> {
    let path = file(reader, files::yaml_file)?;
    reader.yaml(&path.value, path.place());
    Some(path)
}

/// A file of YAML, with what it says at this moment: it is merged into what a machine is made with.
fn cloud_init(reader: &mut Reader<'_>) -> Option<Sourced<CloudInit>> {
    let path = yaml(reader)?;
    let sha256 = files::sha256(&path.value).ok()?;
    Some(Sourced { value: CloudInit { path: path.value, sha256 }, origin: path.origin })
}

/// What IMAGE may be follows from INFRA_TYPE, which stands further up in the table.
fn image(reader: &mut Reader<'_>, config: &Config) -> Option<Sourced<ImageSource>> {
    let around = reader.surroundings;
    match config.kind()? {
        InfraType::Container if is_path(&reader.value.text) => {
            reader.one(|text| files::container_image(around, text))
        }
        InfraType::Container => {
            let image = reader.one(normalise_reference)?;
            if absolute(around, &reader.value.text).is_file() {
                let (place, reference) = (reader.whole(), image.value.clone());
                reader.doubt(Doubt::ImageIsAlsoFile { place, reference });
            }
            Some(image.map(ImageSource::Registry))
        }
        InfraType::Vm => reader.one(|text| -> Result<_, Wrong> {
            Ok(files::disk_image(around, DiskReference::parse(text)?)?)
        }),
    }
}

fn mounts(reader: &mut Reader<'_>, config: &mut Config) {
    let around = reader.surroundings;
    config.mounts = reader.list(|item| -> Result<_, Wrong> {
        Ok(files::mount(around, &WrittenMount::parse(item)?)?)
    });
}

/// A rule in the shape that programs read: 0 stands for `auto`.
fn show_port(rule: &PortRule) -> serde_json::Value {
    let host_port = match rule.host {
        HostPort::Fixed(port) => port,
        HostPort::Auto => 0,
    };
    serde_json::json!({
        "bind": rule.bind, "host_port": host_port, "container_port": rule.guest,
        "protocol": rule.protocol, "auto": rule.host == HostPort::Auto,
    })
}
