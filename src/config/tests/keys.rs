//! Keys, one by one: each rule of the table with what breaks it.

use std::os::unix::fs::PermissionsExt;

use super::{Project, rules};
use crate::config::keys;
use crate::config::types::{DisplayMode, Playbook};
use crate::model::command::MainProcess;
use crate::model::image::ImageSource;
use crate::model::mount::MountAccess;
use crate::model::network::NetworkMode;

const ISO: usize = 16 * 2048 + 1;

/// The mistakes that a line makes in a container's `.env`, without their places.
fn container(line: &str) -> Vec<String> {
    names(&Project::new(&format!("INFRA_TYPE=container\n{line}\n")).errors())
}

fn vm(lines: &str) -> Vec<String> {
    names(&Project::new(&format!("INFRA_TYPE=vm\n{lines}\n")).errors())
}

fn names(found: &[String]) -> Vec<String> {
    found.iter().map(|rule| rule.split('@').next().unwrap_or_default().to_owned()).collect()
}

#[test]
fn values_out_of_bounds_are_refused() {
    for (line, rule) in [
        ("MEMORY=511", "memory_too_small"),
        ("MEMORY=0", "memory_too_small"),
        ("CPUS=0", "cpus_too_few"),
        ("CPUS=-1", "not_a_number"),
        ("DISK_SIZE=5119M", "disk_too_small"),
        ("DISK_SIZE=4G", "disk_too_small"),
        ("STOP_TIMEOUT=0", "timeout_out_of_range"),
        ("STOP_TIMEOUT=3601", "timeout_out_of_range"),
        ("SSH_PORT=22", "ssh_port_reserved"),
        ("SSH_PORT=65536", "port_out_of_range"),
        ("PORTS=80:80", "port_privileged"),
        ("PORTS=1023:80", "port_privileged"),
        ("PORTS=8080:80,0.0.0.0:8080:81", "port_twice"),
        ("PORTS=8080:80,,9090:90", "empty_item"),
        ("PORT_POOL=9000-8000", "port_range_reversed"),
        ("PORT_POOL=80-90", "port_privileged"),
        ("PORT_POOL=8000-8000\nPORTS=auto:1,auto:2", "pool_too_small"),
        ("INFRA_ID=a_b", "bad_infra_id"),
        ("INFRA_ID=$(touch pwn)", "bad_infra_id"),
        ("NETWORK_MODE=macvlan", "not_one_of"),
        ("PROVIDER=docker", "not_one_of"),
        ("PROVIDER=libvirt", "provider_of_other_type"),
        ("IP_ADDRESS=10.9.0.0", "address_not_a_host"),
        ("IP_ADDRESS=10.9.0.255", "address_not_a_host"),
        ("IP_ADDRESS=10.9.0.1", "address_is_gateway"),
        ("IP_ADDRESS=10.9.0.5\nGATEWAY=10.9.1.1", "gateway_outside"),
        ("IP_ADDRESS=10.9.0.5\nGATEWAY=10.9.0.255", "gateway_outside"),
        ("IP_ADDRESS=fe80::1", "address_is_ipv6"),
        ("DNS=9.9.9.9,dns.example", "not_an_address"),
        ("NETWORK_MODE=bridge\nBRIDGE=br9\nIP_ADDRESS=10.0.0.5/24", "unknown_bridge"),
        ("NETWORK_MODE=bridge\nIP_ADDRESS=10.0.0.5/24", "bridge_missing"),
        ("NETWORK_MODE=bridge\nBRIDGE=br0", "bridge_needs_address"),
        ("NETWORK_MODE=bridge\nBRIDGE=br0\nIP_ADDRESS=10.1.0.5", "bridge_needs_prefix"),
        ("NETWORK_MODE=bridge\nBRIDGE=br0\nIP_ADDRESS=10.1.0.5/24", "bridge_needs_gateway"),
        ("NETWORK_MODE=bridge\nBRIDGE=br0\nIP_ADDRESS=10.0.0.255", "address_not_a_host"),
        ("NETWORK_MODE=bridge\nBRIDGE=br0\nIP_ADDRESS=10.0.0.1", "address_is_gateway"),
        ("MAC_ADDRESS=zz", "not_a_mac_address"),
        ("IMAGE=Debian", "image_name_upper_case"),
        ("IMAGE=./none.tar", "file_missing"),
        ("IMAGE=.", "bad_image_reference"),
        ("IMAGE=./", "file_is_directory"),
        ("IMAGE=./.env", "file_of_wrong_kind"),
        ("MOUNTS=./none:/x", "mount_missing"),
        ("MOUNTS=.:/x,.:/x", "mount_twice"),
        ("MOUNTS=.:x", "bad_guest_path"),
        ("COMMAND=sh -c 'x", "not_a_command"),
        ("AUTOSTART=maybe", "not_one_of"),
        ("INFRA_TTL=8", "bad_duration"),
        ("SSH_USER=Root!", "bad_user"),
        ("DISPLAY_MODE=foo", "not_one_of"),
        ("PROVISIONING_PLAYBOOK=x.txt", "playbook_suffix"),
        ("PROVISIONING_PLAYBOOK=x.yml", "file_missing"),
        ("PROVISIONING_PLAYBOOK=vagrantp:../x", "bad_playbook_name"),
        ("PROVISIONING_VARS=./none.yml", "file_missing"),
        ("REQUIRE_OS=Debian", "bad_os"),
        ("SSH_AUTHORIZED_KEYS=ssh-dss AAAA", "bad_public_key"),
        ("BOX=a/b/c", "bad_box"),
        ("QEMU_ARGS='", "unterminated_quote"),
    ] {
        assert_eq!(container(line), [rule], "{line}");
    }
}

#[test]
fn values_at_their_bounds_are_taken() {
    for line in [
        "MEMORY=512",
        "DISK_SIZE=5120M",
        "STOP_TIMEOUT=3600",
        "SSH_PORT=1024",
        "PORTS=1024:1,[::1]:8080:80,127.0.0.2:8080:80",
        "PORTS=8080:80,8080:80/udp",
        "PROVIDER=podman",
        "NETWORK_MODE=nat",
        "NETWORK_MODE=bridge\nBRIDGE=br0\nIP_ADDRESS=10.0.0.5",
        "NETWORK_MODE=bridge\nBRIDGE=br0\nIP_ADDRESS=10.1.0.5/24\nGATEWAY=10.1.0.1",
        "IP_ADDRESS=10.0.0.255/16",
        "AUTOSTART=YES",
        "MEMORY=2g",
    ] {
        assert_eq!(container(line), Vec::<String>::new(), "{line}");
    }
    let mut root = Project::new("INFRA_TYPE=container\nPORTS=80:80\n");
    root.facts.uid = 0;
    root.config();
}

#[test]
fn the_third_item_is_underlined() {
    let project = Project::new("INFRA_TYPE=container\nPORTS=8001:1, 8002:2 ,8003:x\n");
    assert_eq!(project.errors(), ["not_a_port@2:28"]);
}

#[test]
fn a_type_is_required_and_known() {
    assert_eq!(names(&Project::new("CPUS=1\n").errors()), ["infra_type_missing"]);
    let loaded = Project::new("INFRA_TYPE=contaner\n").load();
    assert_eq!(rules(&loaded.errors), ["not_one_of@1:12"]);
    assert_eq!(loaded.errors[0].help().as_deref(), Some("did you mean `container`?"));
    // A line that cannot be read is not a line that is missing.
    assert_eq!(names(&Project::new("INFRA_TYPE: vm\n").errors()), ["not_an_assignment"]);
}

#[test]
fn a_vm_has_rules_of_its_own() {
    let disk = "IMAGE=https://example.org/x.qcow2";
    assert_eq!(vm(disk), ["provider_missing"]);
    assert_eq!(vm("PROVIDER=qemu"), ["vm_without_image"]);
    assert_eq!(vm("PROVIDER=podman\nIMAGE=https://e.org/x"), ["provider_of_other_type"]);
    assert_eq!(vm("PROVIDER=ssh"), ["ssh_host_missing"]);
    assert_eq!(vm("PROVIDER=ssh\nSSH_HOST=a.example\nSSH_PORT=22"), Vec::<String>::new());
    assert_eq!(vm(&format!("PROVIDER=libvirt\n{disk}")), Vec::<String>::new());
    assert_eq!(vm(&format!("PROVIDER=libvirt\nBOX=a/b\n{disk}")), ["box_excludes"]);
    assert_eq!(vm(&format!("PROVIDER=qemu\n{disk}\nIP_ADDRESS=10.0.0.5")), ["address_on_qemu"]);
    assert_eq!(vm(&format!("PROVIDER=qemu\n{disk}\nAPPEND=quiet")), ["kernel_missing"]);
    assert_eq!(vm("PROVIDER=qemu\nIMAGE=ftp://x/y"), ["bad_image_reference"]);
    assert_eq!(vm("PROVIDER=qemu\nISO=.env"), ["file_of_wrong_kind"]);
    let project = Project::new("INFRA_TYPE=vm\nPROVIDER=qemu\nISO=a.iso\n");
    let mut iso = vec![0; ISO];
    iso.extend(b"CD001");
    project.write("a.iso", iso);
    project.config();
}

#[test]
fn an_iso_is_there_and_is_one() {
    let env = "INFRA_TYPE=vm\nPROVIDER=qemu\nISO=./a.iso\n";
    let project = Project::new(env);
    assert_eq!(project.errors(), ["file_missing@3:5"]);
    let mut whole = vec![0; ISO];
    whole.extend(b"CD001");
    for (content, rule) in [
        (Vec::new(), "file_empty"),
        (b"<html>404</html>".to_vec(), "file_of_wrong_kind"),
        // A download that stopped before the volume descriptor.
        (whole[..ISO].to_vec(), "file_of_wrong_kind"),
        (vec![0; ISO + 5], "file_of_wrong_kind"),
    ] {
        project.write("a.iso", content);
        assert_eq!(names(&project.errors()), [rule]);
    }
    project.write("a.iso", whole);
    assert_eq!(project.config().iso.map(|iso| iso.value), Some(project.path().join("a.iso")));
}

#[test]
fn a_vm_is_attached_and_reached_as_the_keys_say() {
    let config = Project::new(
        "INFRA_TYPE=vm\nPROVIDER=libvirt\nBOX=a/b\nNETWORK_MODE=bridge\nBRIDGE=br0\n\
         MAC_ADDRESS=52-54-00-12-34-56\nSSH_PORT=22220\nDISPLAY_MODE=spice\n",
    )
    .config();
    assert_eq!(config.network_mode.map(|mode| mode.value), Some(NetworkMode::Bridge));
    assert_eq!(config.bridge.map(|bridge| bridge.value).as_deref(), Some("br0"));
    let mac = config.mac_address.map(|mac| mac.value.to_string());
    assert_eq!(mac.as_deref(), Some("52:54:00:12:34:56"));
    assert_eq!(config.ssh_port.map(|port| port.value), Some(22220));
    assert_eq!(config.display_mode.map(|mode| mode.value), Some(DisplayMode::Spice));
}

#[test]
fn a_provider_that_is_missing_comes_with_those_installed() {
    let mut project = Project::new("INFRA_TYPE=vm\nKERNEL=.env\n");
    project.write("bin/VBoxManage", "#!/bin/sh\n");
    let program = project.path().join("bin/VBoxManage");
    std::fs::set_permissions(&program, PermissionsExt::from_mode(0o755)).expect("is ours");
    let bin = project.path().join("bin").display().to_string();
    project.facts.environment.insert("PATH".to_owned(), bin);
    let help = project.load().errors[0].help().expect("help");
    assert!(help.contains("PROVIDER=") && help.contains("virtualbox"), "{help}");
}

#[test]
fn keys_without_use_are_doubted() {
    let doubts = |env: &str| names(&Project::new(env).warnings());
    assert_eq!(
        doubts("INFRA_TYPE=container\nDISK_SIZE=20G\nDISPLAY_MODE=none\n"),
        ["unused_key"; 2]
    );
    assert_eq!(doubts("INFRA_TYPE=container\nDISK_SIZE=20\n"), ["bare_disk_size", "unused_key"]);
    assert_eq!(doubts("INFRA_TYPE=container\nBRIDGE=br0\n"), ["without_effect"]);
    assert_eq!(doubts("INFRA_TYPE=container\nGATEWAY=10.0.0.1\n"), ["without_effect"]);
    let vm = "INFRA_TYPE=vm\nPROVIDER=qemu\nIMAGE=https://example.org/x\n";
    assert_eq!(doubts(&format!("{vm}MEMORY=1G\nCPUS=9\nDISK_SIZE=501G\n")), ["unusual_size"; 3]);
    assert_eq!(doubts(&format!("{vm}COMMAND=x\n")), ["unused_key"]);
}

#[test]
fn images_are_references_or_files_by_their_start_alone() {
    let image = |project: &Project| project.config().image.expect("is written").value;
    let project = Project::new("INFRA_TYPE=container\nIMAGE=a/b\n");
    project.write("a/b", "x");
    assert_eq!(image(&project), ImageSource::Registry("docker.io/a/b:latest".to_owned()));
    assert_eq!(names(&project.warnings()), ["image_is_also_file"]);
    type Kind = fn(std::path::PathBuf) -> ImageSource;
    let digest = "0a".repeat(32);
    let layer = format!("{digest}.tar");
    let kinds: [(&str, Vec<u8>, Kind); 11] = [
        ("Containerfile", b"FROM x".to_vec(), ImageSource::Containerfile),
        ("dev.containerfile", b"FROM x".to_vec(), ImageSource::Containerfile),
        ("a.tar.gz", vec![0x1f, 0x8b, 8], ImageSource::Rootfs),
        ("a.tar.xz", b"\xfd7zXZ\0".to_vec(), ImageSource::Rootfs),
        ("rootfs.tar", tar(&["./", "./bin/", "./bin/sh"]), ImageSource::Rootfs),
        (
            "oci.tar",
            tar(&["blobs/", "blobs/sha256/ab", "index.json", "oci-layout"]),
            ImageSource::OciArchive,
        ),
        ("saved.tar", tar(&[&layer, "manifest.json", "repositories"]), ImageSource::OciArchive),
        ("saved.tar.gz", gzip(&tar(&[&layer, "manifest.json"])), ImageSource::OciArchive),
        ("rootfs.tar.gz", gzip(&tar(&["./", "./bin/", "blobs/x"])), ImageSource::Rootfs),
        ("rootfs.tar.bz2", b"BZh91AY".to_vec(), ImageSource::Rootfs),
        ("blobs.tar", tar(&["blobs/", "blobs/x"]), ImageSource::Rootfs),
    ];
    for (name, content, kind) in kinds {
        project.write(".env", format!("INFRA_TYPE=container\nIMAGE=./{name}\n"));
        project.write(name, content);
        assert_eq!(image(&project), kind(project.path().join(name)), "{name}");
    }
}

fn gzip(content: &[u8]) -> Vec<u8> {
    use std::io::Write;
    let mut packer = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    packer.write_all(content).expect("a vector takes it");
    packer.finish().expect("a vector takes it")
}

/// A tarball of files with one byte each.
fn tar(names: &[&str]) -> Vec<u8> {
    let mut out = Vec::new();
    for name in names {
        let mut header = [0; 512];
        header[..name.len()].copy_from_slice(name.as_bytes());
        let size = u8::from(!name.ends_with('/'));
        header[124..136].copy_from_slice(format!("{size:011o}\0").as_bytes());
        header[257..263].copy_from_slice(b"ustar\0");
        out.extend(header);
        out.extend([size; 512].iter().take(512 * usize::from(size)));
    }
    out.resize(out.len() + 1024, 0);
    out
}

#[test]
fn mounts_stay_in_the_project_unless_they_say_otherwise() {
    let outside = tempfile::tempdir().expect("a directory");
    let real = outside.path().canonicalize().expect("is there");
    let project = Project::new("INFRA_TYPE=container\nMOUNTS=.:/work, ./link:/out\n");
    std::os::unix::fs::symlink(&real, project.path().join("link")).expect("a symlink");
    assert_eq!(project.errors(), ["mount_leads_out@2:17"]);
    let env = format!("INFRA_TYPE=container\nMOUNTS={}:/out:ro,.:/work//x/\n", real.display());
    project.write(".env", env);
    let mounts = project.config().mounts;
    assert_eq!((&mounts[0].value.host, mounts[0].value.access), (&real, MountAccess::ReadOnly));
    assert_eq!(mounts[1].value.host, project.path());
    assert_eq!(mounts[1].value.guest.to_str(), Some("/work/x"));
}

#[test]
fn private_keys_are_private() {
    let project = Project::new("INFRA_TYPE=vm\nPROVIDER=ssh\nSSH_HOST=h\nSSH_KEY=./id\n");
    project.write("id", "ssh-ed25519 AAAA me\n");
    assert_eq!(names(&project.errors()), ["file_of_wrong_kind"]);
    project.write("id", "-----BEGIN OPENSSH PRIVATE KEY-----\nx\n");
    let id = project.path().join("id");
    std::fs::set_permissions(&id, PermissionsExt::from_mode(0o640)).expect("is ours");
    assert_eq!(names(&project.errors()), ["key_readable"]);
    std::fs::set_permissions(&id, PermissionsExt::from_mode(0o600)).expect("is ours");
    assert_eq!(project.config().ssh_key.map(|key| key.value), Some(id));
}

#[test]
fn playbooks_are_read_before_anything_is_made() {
    let project =
        Project::new("INFRA_TYPE=container\nPROVISIONING_PLAYBOOK=a.yml,vagrantp:base,b.yaml\n");
    project.write("a.yml", "- hosts: all\n");
    project.write("b.yaml", "- hosts: [\n");
    assert_eq!(project.errors(), ["bad_yaml@2:43"]);
    project.write("b.yaml", "- hosts: all\n  vars:\n    x: !vault y\n");
    let playbooks = project.config().playbooks;
    assert_eq!(playbooks[1].value, Playbook::Shipped("base".to_owned()));
    assert_eq!(playbooks.len(), 3);
}

#[test]
fn commands_are_words() {
    let project = Project::new("INFRA_TYPE=container\nCOMMAND=\"sh -c 'a; b'\"\n");
    let argv = ["sh", "-c", "a; b"].map(str::to_owned).to_vec();
    assert_eq!(project.config().command.map(|c| c.value), Some(MainProcess::Argv(argv)));
}

#[test]
fn every_example_of_the_table_is_right_in_form() {
    for key in keys::all() {
        let kind = if key.used_by.contains(&crate::model::id::ProviderKind::Podman) {
            "container"
        } else {
            "vm"
        };
        let quoted = format!("\"{}\"", key.example);
        let env = match key.name {
            "INFRA_TYPE" => "INFRA_TYPE=container\n".to_owned(),
            name => format!("INFRA_TYPE={kind}\n{name}={quoted}\n"),
        };
        let errors = Project::new(&env).load().errors;
        let about_it = errors.iter().filter(|error| error.field.as_deref() == Some(key.name));
        for error in about_it {
            let rule = error.rule().unwrap_or_default();
            let missing = ["file_missing", "mount_missing", "bridge_missing", "port_privileged"];
            let expected = missing.iter().any(|name| rule.ends_with(name));
            let unfinished = ["provider_of_other_type", "vm_without_image", "kernel_missing"];
            let alone = unfinished.iter().any(|name| rule.ends_with(name));
            assert!(expected || alone, "{}: {error:?}", key.name);
        }
    }
}
