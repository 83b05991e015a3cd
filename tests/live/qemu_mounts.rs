//! Directories of the host inside of a machine on plain QEMU: what may be written there, and what not.

use std::path::Path;

use vagrantp::model::mount::{Mount, MountAccess};
use vagrantp::plan::action::Action;

use crate::qemu_host::{Vm, skipped};

fn mount(host: &Path, guest: &str, access: MountAccess) -> Mount {
    Mount { guest: guest.into(), host: host.into(), access }
}

/// A machine that sees its project, with two files that it must not write, and a directory to read.
fn project(name: &str) -> Option<Vm> {
    let mut vm = Vm::new(name)?;
    let project = vm.project().to_owned();
    let other = vm.root.path().join("other, readonly=off");
    for dir in [project.join("play"), other.clone()] {
        std::fs::create_dir(dir).expect("a directory");
    }
    for file in [".env", "play/site.yml", "free"] {
        std::fs::write(project.join(file), "host\n").expect("a file");
    }
    std::fs::write(other.join("note"), "host\n").expect("a file");
    use MountAccess::{ReadOnly, ReadWrite};
    vm.spec.mounts = vec![
        mount(&project, "/work", ReadWrite),
        mount(&project.join(".env"), "/work/.env", ReadOnly),
        mount(&project.join("play"), "/work/play", ReadWrite),
        mount(&project.join("play/site.yml"), "/work/play/site.yml", ReadOnly),
        mount(&other, "/other", ReadOnly),
    ];
    Some(vm)
}

/// What is tried from inside, as root there.
fn holds(vm: &Vm) {
    let project = vm.project();
    assert_eq!(vm.inside("cat /work/.env /work/play/site.yml /other/note"), "host\nhost\nhost");
    for attack in [
        "echo x >> /work/.env",
        "echo x > /work/play/site.yml",
        "rm -f /work/.env",
        "mv /work/.env /work/env2",
        "mv /work/free /work/.env",
        "mv /work/play /work/play2",
        "rm -rf /work/play",
        "chmod 777 /work/.env",
        "ln -f /work/free /work/.env",
        "umount /work/.env",
        "echo x > /other/new",
        "rm -f /other/note",
        "mount -o remount,rw /other; echo x > /other/new",
    ] {
        let tried = vm.ssh_output(attack);
        assert!(!tried.status.success(), "{attack}: {tried:?}");
    }
    for file in [".env", "play/site.yml", "free"] {
        assert_eq!(
            std::fs::read_to_string(project.join(file)).expect("it works"),
            "host\n",
            "{file}"
        );
    }
    vm.inside("echo guest > /work/made; echo guest > /work/play/beside");
    for file in ["made", "play/beside"] {
        assert_eq!(
            std::fs::read_to_string(project.join(file)).expect("it works"),
            "guest\n",
            "{file}"
        );
    }
    assert!(!vm.root.path().join("other, readonly=off/new").exists());
    assert_eq!(vm.instance().unguarded, Vec::<std::path::PathBuf>::new());
    // An editor on the host puts a new file in its place: its protection is gone, and that is seen.
    std::fs::write(project.join("env.new"), "host\n").expect("it works");
    std::fs::rename(project.join("env.new"), project.join(".env")).expect("it works");
    assert_eq!(vm.instance().unguarded, [project.join(".env")]);
}

#[test]
fn what_decides_the_next_up_cannot_be_written_over_9p() {
    let Some(mut vm) = project("9p") else { return };
    // No server of another kind is to be found.
    vm.use_path("/usr/bin:/bin:/usr/sbin:/sbin");
    if vm.settings_have_virtiofsd() {
        return skipped("virtiofsd is installed where every PATH finds it");
    }
    vm.up();
    holds(&vm);
    let error = vm.refuses(&Action::Suspend { target: vm.target() });
    assert_eq!(error.code().as_str(), "UNSUPPORTED");
    assert!(error.to_string().contains("MOUNTS"), "{error}");
    assert_eq!(vm.inside("echo goes on"), "goes on");
    vm.inside("cd /; umount -a -t 9p");
    vm.does(&Action::Suspend { target: vm.target() });
    vm.does(&Action::Resume { target: vm.target() });
    vm.does(&vm.kill());
    vm.rm();
}

#[test]
fn what_decides_the_next_up_cannot_be_written_over_virtiofs() {
    let Some(vm) = project("virtiofs") else { return };
    if !vm.settings_have_virtiofsd() {
        return skipped("virtiofsd is not installed");
    }
    vm.up();
    assert!(vm.inside("cat /proc/mounts").contains(" /work virtiofs "));
    holds(&vm);
    vm.does(&Action::Suspend { target: vm.target() });
    vm.does(&Action::Resume { target: vm.target() });
    assert_eq!(vm.inside("cat /work/made"), "guest");
    vm.does(&vm.kill());
    vm.rm();
}
