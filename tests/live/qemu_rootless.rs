//! The same without root's rights: this very program runs again as the user that VAGRANTP_TEST_USER
//! names, with one of the other tests.

use std::os::unix::fs::{PermissionsExt, chown};
use std::path::Path;

use crate::cli_support::variable;
use crate::qemu_host::{guests, skipped};

/// Runs tests of this program as the user; nothing where there is none.
fn as_user(tests: &[&str]) {
    let Some(user) = variable("VAGRANTP_TEST_USER") else {
        return skipped("VAGRANTP_TEST_USER names no user to be rootless as");
    };
    if !rustix::process::getuid().is_root() {
        return skipped("only root can be somebody else");
    }
    let passwd = std::fs::read_to_string("/etc/passwd").expect("it is there");
    let entry = passwd.lines().map(|line| line.split(':').collect::<Vec<_>>());
    let Some(id) = entry.into_iter().find(|fields| fields[0] == user).map(|fields| fields[2])
    else {
        return skipped(&format!("there is no user {user}"));
    };
    let number: u32 = id.parse().expect("a number");
    let root = tempfile::Builder::new().prefix("vpu").tempdir().expect("a directory");
    let own = |path: &Path, mode| {
        chown(path, Some(number), Some(number)).expect("root may do that");
        let mode = std::fs::Permissions::from_mode(mode);
        std::fs::set_permissions(path, mode).expect("root may do that");
    };
    let bring = |from: &Path, name: &str, mode| {
        let to = root.path().join(name);
        std::fs::copy(from, &to).expect("copied");
        own(&to, mode);
        to
    };
    own(root.path(), 0o700);
    let helper = bring(Path::new(env!("CARGO_BIN_EXE_vagrantp")), "vagrantp", 0o755);
    let program = bring(&std::env::current_exe().expect("this program"), "live", 0o755);
    for guest in ["small.vmlinuz", "small.initrd", "small.qcow2"] {
        if !guests().join(guest).exists() {
            return skipped("no guest was built: scripts/test-guests.sh");
        }
        bring(&guests().join(guest), guest, 0o644);
    }
    #[expect(clippy::disallowed_methods, reason = "a test runs the program that it tests")]
    let mut command = std::process::Command::new("setpriv");
    command.args(["--reuid", id, "--regid", id, "--init-groups", "--inh-caps=-all", "--"]);
    command.arg(program).args(["--exact", "--test-threads=1"]).args(tests);
    command.env_clear().current_dir("/").env("PATH", variable("PATH").unwrap_or_default());
    command.env("TMPDIR", root.path()).env("HOME", root.path());
    command.env("VAGRANTP_TEST_GUESTS", root.path()).env("VAGRANTP_TEST_HELPER", helper);
    command.env("VAGRANTP_REQUIRE_QEMU", "1");
    let output = command.output().expect("setpriv can be run");
    let said = String::from_utf8_lossy(&output.stdout);
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}\n{errors}");
    let passed = format!("{} passed", tests.len());
    assert!(said.contains(&passed), "{said}\n{errors}");
}

#[test]
fn a_user_without_rights_has_the_same_life() {
    as_user(&["qemu_room::a_machine_is_made_entered_stopped_and_removed"]);
}

#[test]
fn a_user_without_rights_has_the_same_guards() {
    as_user(&["qemu_mounts::what_decides_the_next_up_cannot_be_written_over_9p"]);
}
