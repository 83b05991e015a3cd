//! The QEMU room on the real QEMU, with the small guest of scripts/test-guests.sh: a machine with
//! directories of its own, looked at from outside, and cleared away whatever the test came to.

use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::process::Output;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use tempfile::TempDir;
use tokio::runtime::Runtime;

use vagrantp::event::{Event, Listener};
use vagrantp::exec::Program;
use vagrantp::guest::ssh::{self, Access, Purpose};
use vagrantp::model::command::MainProcess;
use vagrantp::model::id::{Identity, InfraId, InfraType, InstanceUuid, ProjectDir, ProviderKind};
use vagrantp::model::image::ImageSource;
use vagrantp::model::network::MacAddress;
use vagrantp::model::observed::{Instance, Observed, Power};
use vagrantp::model::spec::{BaseImage, InstanceSpec};
use vagrantp::model::stamp::{Asked, Stamp};
use vagrantp::model::units::{CpuCount, DiskSize, Memory, Seconds};
use vagrantp::model::vm::{DisplayMode, Firmware, ObservedVm, Readiness, VmSettings, WaitFor};
use vagrantp::plan::action::{Action, Outcome, StopMode, Target, Volumes};
use vagrantp::provider::qemu::{Qemu, Settings};
use vagrantp::provider::{Depth, Provider, ProviderError, Query};

use crate::cli_support::variable;
use crate::machine::note;

/// The user inside.
pub(crate) const USER: &str = "root";

/// Says that a test has not tried anything, which whoever wants to be sure can have fail.
pub(crate) fn skipped(why: &str) {
    assert!(variable("VAGRANTP_REQUIRE_QEMU").is_none(), "skipped: {why}");
    note(&format!("skipped: {why}"));
}

/// Where the guests are that scripts/test-guests.sh builds.
pub(crate) fn guests() -> PathBuf {
    let built = Path::new(env!("CARGO_MANIFEST_DIR")).join("target/test-guests");
    variable("VAGRANTP_TEST_GUESTS").map_or(built, PathBuf::from)
}

/// Takes down what a room has to say.
#[derive(Default)]
pub(crate) struct Heard(pub(crate) Mutex<Vec<Event>>);

impl Listener for Heard {
    fn hear(&self, event: &Event) {
        self.0.lock().expect("nobody panics here").push(event.clone());
    }
}

impl Heard {
    /// The warnings that were heard.
    pub(crate) fn warnings(&self) -> Vec<String> {
        let heard = self.0.lock().expect("nobody panics here");
        let warning = |event: &Event| match event {
            Event::Warning { message } => Some(message.clone()),
            _ => None,
        };
        heard.iter().filter_map(warning).collect()
    }
}

/// One test's machine, and the room that it is in.
pub(crate) struct Vm {
    pub(crate) root: TempDir,
    pub(crate) room: Qemu,
    pub(crate) spec: InstanceSpec,
    pub(crate) heard: Heard,
    pub(crate) runtime: Runtime,
    pub(crate) settings: Settings,
}

/// A port that nobody has; for the moment.
pub(crate) fn free_port() -> u16 {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("there is a free port");
    listener.local_addr().expect("it has an address").port()
}

pub(crate) fn settings(root: &Path) -> Settings {
    Settings {
        uid: rustix::process::getuid().as_raw(),
        data: root.join("data"),
        runtime: root.join("run"),
        cache: root.join("cache"),
        config_home: root.join("config"),
        path: variable("PATH"),
        distribution: Vec::new(),
        proxies: Default::default(),
        desktop: Default::default(),
        kvm: PathBuf::from("/dev/kvm"),
        helper: variable("VAGRANTP_TEST_HELPER")
            .map_or_else(|| PathBuf::from(env!("CARGO_BIN_EXE_vagrantp")), PathBuf::from),
    }
}

impl Vm {
    /// A machine of the small guest that is not made yet. Nothing where the host has no QEMU or no
    /// guest was built.
    pub(crate) fn new(name: &str) -> Option<Vm> {
        let root = tempfile::Builder::new().prefix("vpq").tempdir().expect("a directory");
        let settings = settings(root.path());
        let room = match Qemu::open(settings.clone()) {
            Ok(room) => room,
            Err(error) => {
                skipped(&error.to_string());
                return None;
            }
        };
        let file = |name: &str| guests().join(name);
        for guest in ["small.vmlinuz", "small.initrd", "small.qcow2"] {
            if !file(guest).exists() {
                skipped(&format!("{} is not there: scripts/test-guests.sh", file(guest).display()));
                return None;
            }
        }
        let project = root.path().join("project");
        std::fs::create_dir(&project).expect("a project");
        let name = format!("vpq-{name}-{}", std::process::id());
        let spec = spec(&name, &project, &guests());
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .expect("a runtime");
        Some(Vm { root, room, spec, heard: Heard::default(), runtime, settings })
    }

    pub(crate) fn vm(&mut self) -> &mut VmSettings {
        self.spec.vm.as_deref_mut().expect("it is a VM")
    }

    /// Has programs looked for there alone.
    pub(crate) fn use_path(&mut self, path: &str) {
        self.settings.path = Some(path.to_owned());
        self.room = Qemu::open(self.settings.clone()).expect("it is there as well");
    }

    /// Whether there is a server of shared directories.
    pub(crate) fn settings_have_virtiofsd(&self) -> bool {
        let places = ["/usr/libexec", "/usr/lib/qemu", "/usr/lib"];
        let path = self.settings.path.iter().map(String::as_str).chain(places);
        Program::find("virtiofsd", Some(&path.collect::<Vec<_>>().join(":"))).is_ok()
    }

    pub(crate) fn uuid(&self) -> InstanceUuid {
        self.spec.stamp.uuid
    }

    pub(crate) fn dir(&self) -> PathBuf {
        self.settings.data.join(self.uuid().to_string())
    }

    pub(crate) fn run_dir(&self) -> PathBuf {
        self.settings.runtime.join(self.uuid().short(12))
    }

    pub(crate) fn project(&self) -> &Path {
        &self.spec.stamp.project
    }

    pub(crate) fn target(&self) -> Target {
        Target {
            name: self.spec.name.clone(),
            id: None,
            uuid: self.uuid(),
            generation: self.spec.stamp.generation,
            infra_type: InfraType::Vm,
        }
    }

    pub(crate) fn identity(&self) -> Identity {
        let stamp = &self.spec.stamp;
        Identity {
            uuid: stamp.uuid,
            id: stamp.infra_id.clone(),
            id_is_explicit: true,
            project: ProjectDir {
                path: stamp.project.clone(),
                device: stamp.device,
                inode: stamp.inode,
                mount: None,
            },
            uid: stamp.uid,
            infra_type: InfraType::Vm,
            provider: ProviderKind::Qemu,
        }
    }

    pub(crate) fn try_do(&self, action: &Action) -> Result<Outcome, ProviderError> {
        let done = self.runtime.block_on(self.room.execute(action, &self.heard));
        if let Err(error) = &done {
            note(&format!("{}: {error}", action.name()));
        }
        done
    }

    /// Does it, and checks that doing it again finds it done or out of place.
    pub(crate) fn does(&self, action: &Action) {
        let done = self.try_do(action).unwrap_or_else(|error| {
            panic!("{}: {error:?}\n{}", action.name(), self.log());
        });
        assert_eq!(done, Outcome::Done, "{}", action.name());
    }

    pub(crate) fn refuses(&self, action: &Action) -> ProviderError {
        match self.try_do(action) {
            Err(error) => error,
            Ok(outcome) => panic!("{}: {outcome:?}", action.name()),
        }
    }

    pub(crate) fn create(&self) -> Action {
        Action::Create { spec: Box::new(self.spec.clone()) }
    }

    pub(crate) fn start(&self) -> Action {
        Action::Start { target: self.target() }
    }

    pub(crate) fn stop(&self) -> Action {
        let mode = StopMode::Graceful { grace: Duration::from_secs(30) };
        Action::Stop { target: self.target(), mode }
    }

    pub(crate) fn kill(&self) -> Action {
        Action::Stop { target: self.target(), mode: StopMode::Kill }
    }

    pub(crate) fn remove(&self, volumes: Volumes) -> Action {
        Action::Remove { target: self.target(), volumes }
    }

    pub(crate) fn readiness(&self) -> Readiness {
        Readiness {
            wait_for: WaitFor::Ssh,
            timeout: Seconds(120),
            user: self.spec.vm.as_ref().expect("it is a VM").user.clone(),
            key: None,
        }
    }

    pub(crate) fn await_ready(&self) -> Action {
        Action::AwaitReady { target: self.target(), readiness: self.readiness() }
    }

    /// Makes it, starts it, and waits until it can be entered.
    pub(crate) fn up(&self) {
        self.does(&self.create());
        self.does(&self.start());
        self.does(&self.await_ready());
    }

    pub(crate) fn observed(&self) -> Observed {
        let identity = self.identity();
        let query = Query { identity: &identity, image: None, depth: Depth::Full };
        self.runtime.block_on(self.room.observe(&query)).expect("it can be looked at")
    }

    pub(crate) fn instance(&self) -> Instance {
        let mut observed = self.observed();
        assert_eq!(observed.instances.len(), 1, "{observed:?}");
        observed.instances.remove(0)
    }

    pub(crate) fn observed_vm(&self) -> ObservedVm {
        *self.instance().vm.expect("it is a VM")
    }

    pub(crate) fn state(&self) -> Power {
        self.instance().state
    }

    /// Whoever has the machine's directory among its arguments and lives.
    pub(crate) fn processes(&self) -> Vec<i32> {
        processes(self.root.path())
    }

    /// What QEMU and the guest wrote.
    pub(crate) fn log(&self) -> String {
        let read = |name: &str| std::fs::read_to_string(self.dir().join(name)).unwrap_or_default();
        format!("{}\n{}", read("qemu.log"), read("serial.log"))
    }

    /// Runs a line inside, by the machine's own key.
    pub(crate) fn ssh_output(&self, line: &str) -> Output {
        let vm = self.spec.vm.as_ref().expect("it is a VM");
        let fixed = vm.fixed.as_ref().filter(|_| vm.bridge.is_some());
        let access = Access {
            host: fixed.map_or(std::net::Ipv4Addr::LOCALHOST, |fixed| fixed.address).into(),
            port: fixed.map_or_else(|| vm.ssh_port.expect("a port"), |_| 22),
            user: self.spec.vm.as_ref().expect("it is a VM").user.clone(),
            known_hosts: self.dir().join("known_hosts"),
            alias: format!("vagrantp-{}", self.uuid().short(12)),
            identity: Some(self.dir().join("id_ed25519")),
            timeout: 10,
        };
        #[expect(clippy::disallowed_methods, reason = "a test looks with the system's own eyes")]
        let mut command = std::process::Command::new("ssh");
        command.args(ssh::arguments(&access, Purpose::Probe)).arg(line);
        command.output().expect("ssh can be run")
    }

    pub(crate) fn inside(&self, line: &str) -> String {
        let output = self.ssh_output(line);
        let errors = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{line}: {errors}\n{}", self.log());
        String::from_utf8_lossy(&output.stdout).trim().to_owned()
    }

    /// Waits until something is so.
    pub(crate) fn until(&self, what: &str, is: impl Fn() -> bool) {
        let begun = Instant::now();
        while !is() {
            assert!(begun.elapsed() < Duration::from_secs(60), "{what} never came\n{}", self.log());
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// Removes it with the room's own hand, after which there is nothing of it.
    pub(crate) fn rm(&self) {
        self.does(&self.remove(Volumes::Remove));
        self.leaves_nothing();
    }

    /// No file, no socket, no process.
    pub(crate) fn leaves_nothing(&self) {
        assert_eq!(self.processes(), [0; 0], "processes");
        let left = |dir: &Path| {
            let entries = std::fs::read_dir(dir).into_iter().flatten().flatten();
            entries.map(|entry| entry.path()).collect::<Vec<_>>()
        };
        assert_eq!(left(&self.settings.data), Vec::<PathBuf>::new());
        assert_eq!(left(&self.settings.runtime), Vec::<PathBuf>::new());
        assert!(self.observed().instances.is_empty());
    }
}

impl Drop for Vm {
    fn drop(&mut self) {
        for pid in self.processes() {
            let pid = rustix::process::Pid::from_raw(pid).expect("a number");
            let _ = rustix::process::kill_process(pid, rustix::process::Signal::KILL);
        }
        // Their files go with the directory, once nobody has them open.
        let begun = Instant::now();
        while !self.processes().is_empty() && begun.elapsed() < Duration::from_secs(5) {
            std::thread::sleep(Duration::from_millis(10));
        }
    }
}

/// The processes that have this directory among their arguments and live.
pub(crate) fn processes(root: &Path) -> Vec<i32> {
    let root = root.display().to_string();
    let entries = std::fs::read_dir("/proc").expect("the host has one").flatten();
    let pids = entries.filter_map(|entry| entry.file_name().to_str()?.parse::<i32>().ok());
    let is_ours = |pid: &i32| {
        let text = std::fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
        let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
        String::from_utf8_lossy(&text).contains(&root) && !stat.contains(") Z ")
    };
    pids.filter(|pid| *pid != std::process::id() as i32).filter(is_ours).collect()
}

fn spec(name: &str, project: &Path, guests: &Path) -> InstanceSpec {
    let facts = std::fs::metadata(project).expect("the project is there");
    let uid = rustix::process::getuid().as_raw();
    let uuid = InstanceUuid::derive("live", uid, project, InfraType::Vm);
    let image = ImageSource::DiskFile { path: guests.join("small.qcow2"), sha256: None };
    let (memory, cpus) = (Memory(256), CpuCount(1));
    let vm = VmSettings {
        disk_size: DiskSize(1024),
        disk_path: None,
        iso: None,
        kernel: Some(guests.join("small.vmlinuz")),
        initrd: Some(guests.join("small.initrd")),
        append: Some("console=ttyS0 quiet".to_owned()),
        firmware: Firmware::Auto,
        cloud_init: None,
        mac: MacAddress::of_instance(uuid),
        display: DisplayMode::None,
        qemu_args: Vec::new(),
        user: USER.to_owned(),
        authorized_keys: Vec::new(),
        ssh_port: Some(free_port()),
        bridge: None,
        fixed: None,
    };
    let stamp = Stamp {
        schema: Stamp::SCHEMA,
        uuid,
        uid,
        project: project.to_owned(),
        device: facts.dev(),
        inode: facts.ino(),
        mount: None,
        infra_type: InfraType::Vm,
        provider: ProviderKind::Qemu,
        infra_id: InfraId::new(name).expect("a hostname label"),
        generation: 1,
        created_at: jiff::Timestamp::now().to_string(),
        version: "0.0.0".to_owned(),
        asked: Asked {
            image: image.clone(),
            image_id: None,
            memory,
            cpus,
            command: MainProcess::Idle,
            ports: Vec::new(),
            mounts: Vec::new(),
            address: None,
            subnet: None,
            bridge: None,
            gateway: None,
            dns: Vec::new(),
            ttl: None,
        },
    };
    InstanceSpec {
        name: name.to_owned(),
        hostname: "small".to_owned(),
        image: BaseImage::Source(image),
        memory,
        cpus,
        command: MainProcess::Idle,
        network: String::new(),
        address: None,
        ports: Vec::new(),
        mounts: Vec::new(),
        autostart: false,
        volumes_from: None,
        vm: Some(Box::new(vm)),
        stamp,
    }
}
