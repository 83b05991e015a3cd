//! A machine on a bridge of the host's, which this test makes, and what keeps one from it.

use std::path::Path;
use std::process::Command;

use vagrantp::model::vm::FixedAddress;

use crate::qemu_host::{Vm, skipped};

/// Which bridges QEMU's helper may attach to.
const ALLOWED: &str = "/etc/qemu/bridge.conf";

fn ip(arguments: &[&str]) -> bool {
    #[expect(clippy::disallowed_methods, reason = "a test makes the bridge that it needs")]
    let mut command = Command::new("ip");
    command.args(arguments).output().is_ok_and(|output| output.status.success())
}

/// A bridge that goes with the test, and a rule where there were none.
struct Bridge {
    name: String,
    made_directory: bool,
}

impl Drop for Bridge {
    fn drop(&mut self) {
        ip(&["link", "del", &self.name]);
        let _ = std::fs::remove_file(ALLOWED);
        if self.made_directory {
            let _ = std::fs::remove_dir("/etc/qemu");
        }
    }
}

#[test]
fn a_machine_is_on_a_bridge_where_the_host_allows_it() {
    let Some(mut vm) = Vm::new("bridge") else { return };
    if !rustix::process::getuid().is_root() {
        return skipped("only root can make a bridge");
    }
    if Path::new(ALLOWED).exists() {
        return skipped("this host has rules of its own for QEMU's bridges");
    }
    let name = format!("vpq{}", std::process::id());
    let subnet = 16 + std::process::id() % 200;
    let gateway = format!("10.231.{subnet}.1/24");
    if !ip(&["link", "add", &name, "type", "bridge"]) {
        return skipped("this host makes no bridges");
    }
    let made_directory = !Path::new("/etc/qemu").exists();
    let bridge = Bridge { name: name.clone(), made_directory };
    assert!(ip(&["address", "add", &gateway, "dev", &name]) && ip(&["link", "set", &name, "up"]));

    let address = format!("10.231.{subnet}.2").parse().expect("an address");
    vm.vm().bridge = Some(name.clone());
    vm.vm().ssh_port = None;
    vm.vm().fixed = Some(FixedAddress { address, prefix: 24, gateway: None, dns: Vec::new() });
    vm.does(&vm.create());
    let error = vm.refuses(&vm.start());
    assert_eq!(error.code().as_str(), "NETWORK_FAILED");
    let help = miette::Diagnostic::help(&error).expect("it has one").to_string();
    assert!(
        error.to_string().contains(ALLOWED) && help.contains(&format!("allow {name}")),
        "{help}"
    );

    std::fs::create_dir_all("/etc/qemu").expect("root may do that");
    std::fs::write(ALLOWED, format!("allow {name}\n")).expect("root may do that");
    vm.does(&vm.start());
    vm.does(&vm.await_ready());
    assert!(vm.inside("ip -4 address").contains(&address.to_string()));
    let instance = vm.instance();
    assert_eq!((instance.address, instance.ports.len()), (Some(address), 0));
    assert!(!vm.observed_vm().pending);
    vm.does(&vm.kill());
    vm.rm();
    drop(bridge);
}
