//! The life of a machine on plain QEMU, through the room.

use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};
use vagrantp::model::network::{DEFAULT_BIND, PortForward, Protocol};
use vagrantp::model::observed::Power;
use vagrantp::model::snapshot::{Snapshot, SnapshotName};
use vagrantp::model::units::DiskSize;
use vagrantp::model::vm::Acceleration;
use vagrantp::plan::action::{Action, Outcome, Volumes};

use crate::qemu_host::{Vm, free_port};

fn signal(pid: i32, signal: Signal) {
    kill_process(Pid::from_raw(pid).expect("a number"), signal).expect("it is there");
}

#[test]
fn a_machine_is_made_entered_stopped_and_removed() {
    let Some(mut vm) = Vm::new("life") else { return };
    vm.vm().user = "ada".to_owned();
    vm.does(&vm.create());
    assert_eq!(vm.try_do(&vm.create()).expect("it works"), Outcome::AlreadyDone);
    assert_eq!(vm.state(), Power::Created);
    vm.does(&vm.start());
    assert_eq!(vm.try_do(&vm.start()).expect("it works"), Outcome::AlreadyDone);
    let software = vm.observed_vm().acceleration == Some(Acceleration::Emulation);
    assert_eq!(vm.heard.warnings().iter().any(|text| text.contains("software")), software);
    vm.does(&vm.await_ready());
    assert_eq!(vm.inside("hostname; id -un"), "small\nada");
    let instance = vm.instance();
    assert_eq!(
        (instance.state, instance.pid.map(|pid| pid as i32)),
        (Power::Running, vm.processes().first().copied())
    );
    let seen = vm.observed_vm();
    assert!(!seen.pending, "{seen:?}");
    assert_eq!(seen.settings, *vm.spec.vm.clone().expect("it works"));
    assert_eq!(instance.memory, Some(vm.spec.memory));
    // It is the user's alone, down to each socket.
    use std::os::unix::fs::MetadataExt;
    for artifact in &seen.artifacts {
        let mode = std::fs::metadata(&artifact.path)
            .unwrap_or_else(|e| panic!("{artifact:?}: {e}"))
            .mode();
        assert_eq!(mode & 0o077, 0, "{artifact:?} {mode:o}");
    }
    for dir in [vm.dir(), vm.run_dir()] {
        assert_eq!(std::fs::metadata(&dir).expect("it works").mode() & 0o777, 0o700);
    }
    // Nobody's terminal, and a session of its own.
    let pid = vm.processes()[0];
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).expect("it works");
    let fields: Vec<&str> = stat.rsplit_once(')').expect("it works").1.split_whitespace().collect();
    assert_eq!((fields[3], fields[4]), (pid.to_string().as_str(), "0"), "session and terminal");
    vm.inside("echo kept > /home/ada/note; sync");
    vm.does(&vm.stop());
    assert_eq!(vm.try_do(&vm.stop()).expect("it works"), Outcome::AlreadyDone);
    assert_eq!((vm.state(), vm.processes().len()), (Power::Stopped, 0));
    vm.does(&vm.start());
    vm.does(&vm.await_ready());
    assert_eq!(vm.inside("cat /home/ada/note"), "kept");
    let removing = vm.try_do(&vm.remove(Volumes::Remove)).expect("it works");
    assert!(matches!(removing, Outcome::Stale { .. }), "it runs");
    vm.does(&vm.kill());
    vm.rm();
}

#[test]
fn memory_disk_and_ports_change_while_it_runs() {
    let Some(vm) = Vm::new("live-changes") else { return };
    vm.up();
    // A process that would not survive a boot, and counts.
    vm.inside(
        "(while :; do echo tick; sleep 1; done) >/tmp/ticks 2>&1 </dev/null & echo $! >/tmp/pid",
    );
    let pid = vm.inside("cat /tmp/pid");
    let goes_on = || vm.inside(&format!("kill -0 {pid} && echo lives"));

    let suspend = Action::Suspend { target: vm.target() };
    let resume = Action::Resume { target: vm.target() };
    vm.does(&suspend);
    assert_eq!(vm.try_do(&suspend).expect("it works"), Outcome::AlreadyDone);
    assert_eq!((vm.state(), vm.processes().len()), (Power::Paused, 0));
    assert!(vm.observed_vm().suspended_to_disk);
    assert!(matches!(vm.try_do(&vm.start()).expect("it works"), Outcome::Stale { .. }));
    std::thread::sleep(Duration::from_secs(3));
    vm.does(&resume);
    assert_eq!(vm.try_do(&resume).expect("it works"), Outcome::AlreadyDone);
    assert_eq!((vm.state(), goes_on().as_str()), (Power::Running, "lives"));
    assert!(!vm.dir().join("memory").exists() && !vm.dir().join("memory.used").exists());
    let clock: i64 = vm.inside("date +%s").parse().expect("it works");
    let off = (jiff::Timestamp::now().as_second() - clock).abs();
    assert!(off <= 2, "the guest's clock is {off} s off");

    let port = PortForward {
        bind: DEFAULT_BIND,
        host: free_port(),
        guest: 8080,
        protocol: Protocol::Tcp,
        auto: true,
    };
    vm.inside("mkdir -p /tmp/www; echo served >/tmp/www/x; httpd -p 8080 -h /tmp/www");
    let ports = |ports: Vec<PortForward>| Action::ChangePorts { target: vm.target(), ports };
    vm.does(&ports(vec![port]));
    assert_eq!(vm.try_do(&ports(vec![port])).expect("it works"), Outcome::AlreadyDone);
    assert_eq!(vm.instance().ports, [port]);
    assert!(fetch(port.host).contains("served"));
    let taken = std::net::TcpListener::bind("127.0.0.1:0").expect("it works");
    let other = PortForward { host: taken.local_addr().expect("it works").port(), ..port };
    let error = vm.refuses(&ports(vec![other]));
    assert_eq!(error.code().as_str(), "PORT_CONFLICT");
    assert_eq!(vm.instance().ports, [port], "it is as it was");

    let grow = |size| Action::GrowDisk { target: vm.target(), size: DiskSize(size) };
    vm.does(&grow(2048));
    assert_eq!(vm.observed_vm().settings.disk_size, DiskSize(2048));
    assert_eq!(vm.inside("cat /sys/block/vda/size"), (2048_u64 << 11).to_string());
    assert_eq!(vm.refuses(&grow(1024)).code().as_str(), "CONFIG_INVALID");

    let snapshot = snapshot(&vm, "before");
    let take = Action::TakeSnapshot { target: vm.target(), snapshot: snapshot.clone() };
    vm.inside("echo first > /root/marker; sync");
    vm.does(&take);
    assert_eq!(vm.try_do(&take).expect("it works"), Outcome::AlreadyDone);
    let listed = vm.observed().snapshots;
    assert_eq!(listed.len(), 1);
    assert!(listed[0].memory && listed[0].size.is_some(), "{listed:?}");
    vm.inside(&format!("echo second > /root/marker; sync; kill {pid}"));
    let revert = Action::RevertSnapshot { target: vm.target(), snapshot: snapshot.clone() };
    vm.does(&revert);
    assert_eq!(vm.inside("cat /root/marker"), "first");
    assert_eq!(goes_on(), "lives");
    // At rest as well: what ran then runs again.
    vm.does(&vm.kill());
    vm.does(&revert);
    assert_eq!((vm.state(), goes_on().as_str()), (Power::Running, "lives"));
    assert_eq!(vm.instance().ports, [port], "forwards are rendered again");
    // Suspending works after a snapshot, and the other way round.
    vm.does(&suspend);
    vm.does(&resume);
    vm.does(&Action::RemoveSnapshot { snapshot });
    assert!(vm.observed().snapshots.is_empty());
    vm.does(&vm.kill());
    vm.rm();
}

/// What a server says on a port of the host's.
fn fetch(port: u16) -> String {
    use std::io::{Read, Write};
    let mut stream = std::net::TcpStream::connect(("127.0.0.1", port)).expect("it listens");
    stream.set_read_timeout(Some(Duration::from_secs(20))).expect("it works");
    stream.write_all(b"GET /x HTTP/1.0\r\n\r\n").expect("it works");
    let mut said = String::new();
    stream.read_to_string(&mut said).expect("it works");
    said
}

fn snapshot(vm: &Vm, name: &str) -> Snapshot {
    Snapshot {
        name: SnapshotName::new(name).expect("it works"),
        of: vm.uuid(),
        created_at: jiff::Timestamp::now().to_string(),
        description: None,
        image: vm.spec.stamp.asked.image.clone(),
        image_id: None,
        size: None,
        memory: false,
    }
}

#[test]
fn a_process_that_is_killed_or_powers_itself_off_is_seen_at_once() {
    let Some(vm) = Vm::new("killed") else { return };
    vm.up();
    // What the guest has not written yet is lost to it, as by any power cut.
    vm.inside("sync");
    signal(vm.processes()[0], Signal::KILL);
    vm.until("the end", || vm.processes().is_empty());
    assert_eq!(vm.state(), Power::Stopped);
    // What is written down is of no use any more, or lost.
    let launch = vm.dir().join("launch.json");
    let text = std::fs::read_to_string(&launch).expect("it works");
    let me = std::process::id();
    let pid = text.lines().find(|line| line.contains("\"pid\"")).expect("it works").to_owned();
    std::fs::write(&launch, text.replace(&pid, &format!("  \"pid\": {me},"))).expect("it works");
    assert_eq!(vm.state(), Power::Stopped, "a recycled number is nobody's");
    vm.does(&vm.start());
    std::fs::remove_file(&launch).expect("it works");
    assert_eq!(vm.state(), Power::Running, "it is found without");
    vm.does(&vm.await_ready());
    // It hangs: nothing is waited for.
    let pid = vm.processes()[0];
    signal(pid, Signal::STOP);
    assert_eq!(vm.state(), Power::Unknown);
    signal(pid, Signal::CONT);
    vm.until("its answer", || vm.state() == Power::Running);
    let off = vm.ssh_output("poweroff");
    assert!(off.status.success() || off.status.code() == Some(255));
    vm.until("its end", || vm.processes().is_empty());
    // Nothing says any more that it was ever started: that was lost above.
    assert_eq!(vm.state(), Power::Created);
    vm.rm();
}
