//! What goes wrong at the start of a machine on plain QEMU, and what is kept and what is not.

use std::net::TcpListener;
use std::path::Path;

use vagrantp::model::mount::{Mount, MountAccess};
use vagrantp::model::observed::Power;
use vagrantp::model::snapshot::{Snapshot, SnapshotName};
use vagrantp::model::spec::BaseImage;
use vagrantp::model::units::{DiskSize, Memory};
use vagrantp::model::vm::Firmware;
use vagrantp::plan::action::{Action, Outcome, Volumes};
use vagrantp::provider::qemu::Qemu;

use crate::qemu_host::{Vm, settings, skipped};

#[test]
fn each_failure_at_the_start_says_what_to_do_and_leaves_no_process() {
    let Some(mut vm) = Vm::new("failures") else { return };
    let taken = TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = taken.local_addr().expect("an address").port();
    let good = vm.spec.clone();
    let project = vm.project().to_owned();
    std::fs::write(project.join("file"), "").expect("written");
    vm.does(&vm.create());
    let configure =
        |vm: &Vm| Action::Configure { target: vm.target(), spec: Box::new(vm.spec.clone()) };
    type Change<'a> = &'a dyn Fn(&mut Vm);
    let cases: [(&str, Change<'_>, &str, &str); 5] = [
        ("a port", &|vm| vm.vm().ssh_port = Some(port), "PORT_CONFLICT", "cannot listen"),
        (
            "an option",
            &|vm| vm.vm().qemu_args = vec!["-device".into(), "no-such-device".into()],
            "CONFIG_INVALID",
            "no-such-device",
        ),
        ("no option", &|vm| vm.vm().qemu_args = vec!["-nope".into()], "CONFIG_INVALID", "-nope"),
        ("memory", &|vm| vm.spec.memory = Memory(1 << 24), "INSUFFICIENT_RESOURCES", "memory"),
        (
            "a file",
            &|vm| {
                let host = vm.project().join("file");
                let access = MountAccess::ReadOnly;
                vm.spec.mounts = vec![Mount { guest: "/f".into(), host, access }];
            },
            "UNSUPPORTED",
            "no directory",
        ),
    ];
    for (what, change, code, words) in cases {
        vm.spec = good.clone();
        change(&mut vm);
        vm.does(&configure(&vm));
        let error = vm.refuses(&vm.start());
        assert_eq!(error.code().as_str(), code, "{what}: {error}\n{}", vm.log());
        assert!(error.to_string().contains(words), "{what}: {error}");
        assert_eq!((vm.processes().len(), vm.state()), (0, Power::Stopped), "{what}");
    }
    vm.spec = good;
    vm.does(&configure(&vm));
    assert_eq!(vm.try_do(&configure(&vm)).expect("it works"), Outcome::AlreadyDone);
    vm.does(&vm.start());
    let running = vm.try_do(&configure(&vm)).expect("it works");
    assert!(matches!(running, Outcome::Stale { .. }), "{running:?}");
    vm.does(&vm.kill());
    // Somebody else's file in our directory stays, whatever becomes of the machine.
    let strange = vm.dir().join("mine");
    std::fs::write(&strange, "").expect("written");
    vm.does(&vm.remove(Volumes::Remove));
    assert!(strange.exists());
    assert_eq!(vm.refuses(&vm.create()).code().as_str(), "INFRA_EXISTS");
    std::fs::remove_dir_all(vm.dir()).expect("removed");
    vm.leaves_nothing();
}

#[test]
fn hostile_values_are_values_and_nothing_else() {
    let Some(mut vm) = Vm::new("hostile") else { return };
    let odd = vm.root.path().join("a,readonly=off,path=,x=$(id)`id`;%s'\" -uuid");
    std::fs::create_dir(&odd).expect("a directory");
    let host = odd.clone();
    vm.spec.mounts = vec![Mount { guest: "/o".into(), host, access: MountAccess::ReadOnly }];
    vm.vm().append = Some("console=ttyS0 quiet,, -snapshot -S".to_owned());
    vm.vm().disk_path = Some(odd.join("disk,file.locking=off.qcow2"));
    vm.does(&vm.create());
    vm.does(&vm.start());
    let seen = vm.observed_vm();
    assert!(!seen.pending, "{seen:?}");
    assert_eq!(seen.settings, *vm.spec.vm.clone().expect("it is a VM"));
    assert_eq!(vm.instance().mounts, vm.spec.mounts);
    assert!(odd.join("disk,file.locking=off.qcow2").exists());
    vm.does(&vm.kill());
    vm.rm();
    assert!(!odd.join("disk,file.locking=off.qcow2").exists());
}

#[test]
fn a_disk_is_kept_and_taken_up_again_and_a_strangers_is_not_touched() {
    let Some(mut vm) = Vm::new("kept") else { return };
    let path = vm.root.path().join("somebodys.qcow2");
    std::fs::write(&path, "precious").expect("written");
    vm.vm().disk_path = Some(path.clone());
    assert_eq!(vm.refuses(&vm.create()).code().as_str(), "INFRA_EXISTS");
    assert_eq!(std::fs::read_to_string(&path).expect("it is there"), "precious");
    vm.vm().disk_path = None;
    vm.does(&vm.create());
    // Snapshots of a machine at rest.
    let snapshot = Snapshot {
        name: SnapshotName::new("empty").expect("a name"),
        of: vm.uuid(),
        created_at: jiff::Timestamp::now().to_string(),
        description: None,
        image: vm.spec.stamp.asked.image.clone(),
        image_id: None,
        size: None,
        memory: false,
    };
    let target = vm.target();
    vm.does(&Action::TakeSnapshot { target: target.clone(), snapshot: snapshot.clone() });
    vm.does(&Action::RevertSnapshot { target, snapshot });
    assert_eq!(vm.observed().snapshots.len(), 1);
    vm.does(&vm.remove(Volumes::KeepDisk));
    let observed = vm.observed();
    let kept = observed.kept_disk.expect("its disk is kept");
    assert!(observed.instances.is_empty() && kept.size == DiskSize(1024), "{kept:?}");
    assert!(matches!(vm.try_do(&vm.create()).expect("it works"), Outcome::Stale { .. }));
    vm.spec.image = BaseImage::KeptDisk;
    vm.vm().disk_size = DiskSize(1536);
    vm.does(&vm.create());
    assert_eq!(vm.observed_vm().settings.disk_size, DiskSize(1536));
    assert_eq!(vm.observed().snapshots.len(), 1, "it has what it had");
    vm.does(&vm.remove(Volumes::KeepDisk));
    let disk = Action::RemoveDisk { path: kept.path, uuid: vm.uuid() };
    vm.does(&disk);
    assert_eq!(vm.try_do(&disk).expect("it works"), Outcome::AlreadyDone);
    vm.leaves_nothing();
    assert_eq!(std::fs::read_to_string(&path).expect("it is there"), "precious");
}

#[test]
fn what_uefi_keeps_stays_over_a_stop_and_goes_with_the_machine() {
    let Some(mut vm) = Vm::new("uefi") else { return };
    if !Path::new("/usr/share/qemu/firmware").exists() || !Path::new("/usr/share/OVMF").exists() {
        return skipped("there is no UEFI firmware");
    }
    vm.vm().firmware = Firmware::Uefi;
    (vm.vm().kernel, vm.vm().initrd, vm.vm().append) = (None, None, None);
    vm.does(&vm.create());
    vm.does(&vm.start());
    let nvram = vm.dir().join("nvram.fd");
    let read = || std::fs::read(&nvram).expect("it is there");
    let fresh = read();
    vm.until("what the firmware writes", || read() != fresh);
    vm.does(&vm.kill());
    let kept = read();
    assert_ne!(kept, fresh);
    vm.does(&vm.start());
    assert_ne!(read(), fresh, "it is not begun anew");
    vm.does(&vm.kill());
    vm.rm();
    assert!(!nvram.exists());
}

#[test]
fn what_is_missing_is_named_with_its_package() {
    let root = tempfile::tempdir().expect("a directory");
    let mut settings = settings(root.path());
    settings.path = Some("/nonexistent".to_owned());
    settings.distribution = vec!["debian".to_owned()];
    let error = Qemu::open(settings).expect_err("there is none");
    assert_eq!(error.code().as_str(), "DEPENDENCY_MISSING");
    let help = miette::Diagnostic::help(&error).expect("it has one").to_string();
    assert!(help.contains("apt-get install qemu-system"), "{help}");
}
