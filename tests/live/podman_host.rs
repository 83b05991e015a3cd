//! A real Podman for one test: an engine with a service of its own, a project, a small image.

use std::io::Write;
use std::net::TcpListener;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use tempfile::TempDir;
use vagrantp::event::Silence;
use vagrantp::exec::Program;
use vagrantp::model::command::MainProcess;
use vagrantp::model::id::{Identity, InfraId, InfraType, InstanceUuid, ProjectDir, ProviderKind};
use vagrantp::model::image::ImageSource;
use vagrantp::model::observed::{Instance, Observed};
use vagrantp::model::spec::{BaseImage, InstanceSpec, NetworkSpec};
use vagrantp::model::stamp::{Asked, Stamp};
use vagrantp::model::units::{CpuCount, Memory};
use vagrantp::plan::action::{Action, Fetch, Outcome, Target};
use vagrantp::provider::podman::{Podman, Settings};
use vagrantp::provider::{Depth, Provider, ProviderError, Query};

/// One test's engine and project.
pub(crate) struct Host {
    pub(crate) room: Podman,
    pub(crate) identity: Identity,
    pub(crate) settings: Settings,
    pub(crate) rootfs: PathBuf,
    pub(crate) project: PathBuf,
    image: std::sync::OnceLock<String>,
    directory: TempDir,
}

impl Host {
    /// Nothing where podman is not installed.
    pub(crate) async fn new(name: &str) -> Option<Host> {
        let path = variable("PATH");
        if Program::find("podman", path.as_deref()).is_err() {
            let _ = writeln!(std::io::stderr(), "skipped: podman is not installed");
            return None;
        }
        let directory = tempfile::tempdir().expect("a directory for the test");
        let project = directory.path().join("pro ject, it's: mine");
        std::fs::create_dir(&project).expect("a project");
        let settings = settings(directory.path(), path);
        let room = Podman::connect(settings.clone()).await.expect("podman answers");
        let rootfs = directory.path().join("rootfs.tar");
        write_rootfs(&rootfs, name);
        let identity = identity(name, &project);
        let image = std::sync::OnceLock::new();
        Some(Host { room, identity, settings, rootfs, project, image, directory })
    }

    /// The same engine, named by a variable: then the service carries all streams.
    pub(crate) async fn by_variable(&self) -> Podman {
        let socket = self.settings.sockets.join("podman.sock");
        let container_host = Some(format!("unix://{}", socket.display()));
        let settings = Settings { container_host, ..self.settings.clone() };
        Podman::connect(settings).await.expect("it answers")
    }

    pub(crate) fn spec(&self) -> InstanceSpec {
        let identity = &self.identity;
        let asked = Asked {
            image: ImageSource::Rootfs(self.rootfs.clone()),
            image_id: None,
            memory: Memory(256),
            cpus: CpuCount(1),
            command: MainProcess::Idle,
            ports: Vec::new(),
            mounts: Vec::new(),
            address: None,
            gateway: None,
            subnet: None,
            bridge: None,
            dns: Vec::new(),
            ttl: None,
        };
        InstanceSpec {
            name: identity.id.to_string(),
            hostname: identity.id.to_string(),
            image: BaseImage::Source(asked.image.clone()),
            memory: asked.memory,
            cpus: asked.cpus,
            command: asked.command.clone(),
            network: identity.network_name(),
            address: None,
            ports: Vec::new(),
            mounts: Vec::new(),
            autostart: false,
            volumes_from: None,
            vm: None,
            stamp: Stamp {
                schema: Stamp::SCHEMA,
                uuid: identity.uuid,
                uid: identity.uid,
                project: identity.project.path.clone(),
                device: identity.project.device,
                inode: identity.project.inode,
                mount: None,
                infra_type: identity.infra_type,
                provider: identity.provider,
                infra_id: identity.id.clone(),
                generation: 1,
                created_at: "2026-01-01T00:00:00Z".to_owned(),
                version: "0.1.0".to_owned(),
                asked,
            },
        }
    }

    pub(crate) fn network(&self) -> NetworkSpec {
        NetworkSpec {
            name: self.identity.network_name(),
            subnet: None,
            gateway: None,
            bridge: None,
            uuid: self.identity.uuid,
            uid: self.identity.uid,
        }
    }

    pub(crate) fn target(&self) -> Target {
        Target {
            name: self.identity.id.to_string(),
            id: None,
            uuid: self.identity.uuid,
            generation: 1,
            infra_type: self.identity.infra_type,
        }
    }

    pub(crate) async fn run(&self, action: Action) -> Result<Outcome, ProviderError> {
        self.room.execute(&action, &Silence).await
    }

    pub(crate) async fn done(&self, action: Action) {
        let said = format!("{action:?}");
        assert_eq!(self.run(action).await.expect(&said), Outcome::Done, "{said}");
    }

    pub(crate) async fn fetch(&self) {
        let image = ImageSource::Rootfs(self.rootfs.clone());
        self.run(Action::FetchImage { image, fetch: Fetch::IfMissing }).await.expect("imported");
        let observed = self.observe(Depth::Full).await;
        let id = observed.image.expect("it is there now").id;
        let _ = self.image.set(id);
    }

    /// Image, network, container: made and started.
    pub(crate) async fn up(&self, spec: InstanceSpec) {
        self.fetch().await;
        self.run(Action::CreateNetwork { network: self.network() }).await.expect("a network");
        self.done(Action::Create { spec: Box::new(spec) }).await;
        self.done(Action::Start { target: self.target() }).await;
    }

    pub(crate) async fn observe(&self, depth: Depth) -> Observed {
        let image = ImageSource::Rootfs(self.rootfs.clone());
        let query = Query { identity: &self.identity, image: Some(&image), depth };
        self.room.observe(&query).await.expect("podman can be observed")
    }

    pub(crate) async fn instance(&self) -> Instance {
        let observed = self.observe(Depth::Glance).await;
        observed.instance().expect("there is an instance").clone()
    }
}

impl Drop for Host {
    /// By podman's own hand, so that a test that failed half-way leaves nothing either.
    fn drop(&mut self) {
        let uuid = self.identity.uuid;
        let label = format!("label=io.vagrantp.uuid={uuid}");
        for arguments in [
            format!("rm -f -v -t 0 --filter {label}"),
            // Not `prune`, which gives up where another test removes a network meanwhile.
            format!("network rm -f {}", self.identity.network_name()),
            format!("rmi -f {}", self.saved_images().join(" ")),
            format!("rmi -f {}", self.image.get().map_or("", String::as_str)),
        ] {
            if !arguments.ends_with("-f ") {
                podman(&self.settings, &arguments.split(' ').collect::<Vec<_>>());
            }
        }
        end_service(self.directory.path());
    }
}

impl Host {
    fn saved_images(&self) -> Vec<String> {
        let filter = format!("reference=localhost/vagrantp/{}", self.identity.uuid);
        let said = podman(
            &self.settings,
            &["images", "--filter", &filter, "--format", "{{.Repository}}:{{.Tag}}"],
        );
        said.split_whitespace().map(str::to_owned).collect()
    }
}

/// Runs podman's own program with the test's configuration.
pub(crate) fn podman(settings: &Settings, arguments: &[&str]) -> String {
    #[expect(clippy::disallowed_methods, reason = "a test looks with podman's own eyes")]
    let mut command = std::process::Command::new("podman");
    if let Some(conf) = &settings.containers_conf {
        command.env("CONTAINERS_CONF", conf);
    }
    let output = command.args(arguments).output().expect("podman can be run");
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// The service goes on for minutes; a test's own is known by the files that it was started with.
pub(crate) fn services(directory: &Path) -> Vec<rustix::process::Pid> {
    let ours = directory.as_os_str().as_encoded_bytes();
    let holds = |file: PathBuf, part: &[u8]| {
        std::fs::read(file).is_ok_and(|text| text.windows(part.len()).any(|window| window == part))
    };
    let entries = std::fs::read_dir("/proc").expect("there is /proc").flatten();
    let found = entries.filter_map(|entry| {
        let pid = entry.file_name().to_str()?.parse::<i32>().ok()?;
        let process = entry.path();
        let is_one = holds(process.join("cmdline"), b"\0system\0service\0")
            && holds(process.join("environ"), ours);
        rustix::process::Pid::from_raw(pid).filter(|_| is_one)
    });
    found.collect()
}

/// Ends a test's own service.
pub(crate) fn end_service(directory: &Path) {
    for pid in services(directory) {
        let _ = rustix::process::kill_process(pid, rustix::process::Signal::TERM);
    }
}

/// The configuration that the engine is to have, where it is not the host's own.
pub(crate) fn containers_conf(directory: &Path) -> Option<String> {
    let odd = !Path::new("/sys/fs/cgroup/cgroup.controllers").exists();
    variable("CONTAINERS_CONF").or_else(|| {
        // What a host with version 1 of cgroups and without the right to raise limits needs.
        odd.then(|| {
            let conf = directory.join("containers.conf");
            let text = "[containers]\n\
                        default_ulimits = [\"nofile=1024:1024\", \"nproc=4096:4096\"]\n\
                        [engine]\nruntime = \"runc\"\n[network]\nnetwork_backend = \"netavark\"\n";
            std::fs::write(&conf, text).expect("a configuration for the test");
            conf.display().to_string()
        })
    })
}

pub(crate) fn settings(directory: &Path, path: Option<String>) -> Settings {
    let conf = containers_conf(directory);
    let sockets = directory.join("run");
    // The image outlives the test's files, and its processes end a little after their container.
    Settings {
        uid: rustix::process::getuid().as_raw(),
        user: None,
        container_host: None,
        docker_host: None,
        // Not the host's own service: what is tested is one that vagrantp starts.
        runtime_dir: Some(directory.display().to_string()),
        containers_conf: conf,
        has_containers_conf_override: false,
        config_home: directory.join("config"),
        auth_files: vec![directory.join("auth.json")],
        path,
        distribution: Vec::new(),
        storage: PathBuf::from("/var/lib/containers/storage"),
        sockets,
        helper: PathBuf::from(env!("CARGO_BIN_EXE_vagrantp")),
    }
}

pub(crate) fn identity(name: &str, project: &Path) -> Identity {
    let facts = std::fs::metadata(project).expect("the project is there");
    let uid = rustix::process::getuid().as_raw();
    Identity {
        uuid: InstanceUuid::derive("live", uid, project, InfraType::Container),
        id: InfraId::new(&format!("vagrantp-live-{name}-{}", std::process::id()))
            .expect("a hostname label"),
        id_is_explicit: false,
        project: ProjectDir {
            path: project.to_owned(),
            device: facts.dev(),
            inode: facts.ino(),
            mount: None,
        },
        uid,
        infra_type: InfraType::Container,
        provider: ProviderKind::Podman,
    }
}

/// A port that nobody has; for the moment.
pub(crate) fn free_port() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").expect("there is a free port");
    listener.local_addr().expect("it has an address").port()
}

/// A root file system of one static program that is many.
pub(crate) fn write_rootfs(path: &Path, name: &str) {
    const APPLETS: [&str; 26] = [
        "sh",
        "sleep",
        "cat",
        "id",
        "env",
        "ps",
        "stty",
        "tty",
        "dd",
        "httpd",
        "true",
        "false",
        "kill",
        "wc",
        "sha256sum",
        "yes",
        "ls",
        "echo",
        "touch",
        "test",
        "ip",
        "hostname",
        "head",
        "pwd",
        "mkdir",
        "nc",
    ];
    let file = std::fs::File::create(path).expect("a file for the image");
    let mut tar = tar::Builder::new(file);
    let entry = |kind: tar::EntryType, mode: u32, size: usize| {
        let mut header = tar::Header::new_gnu();
        header.set_entry_type(kind);
        header.set_mode(mode);
        header.set_size(size as u64);
        header
    };
    for directory in ["bin", "etc", "tmp", "root", "home", "dev", "proc", "sys", "run", "work"] {
        let mode = if matches!(directory, "tmp" | "home") { 0o1777 } else { 0o755 };
        let mut header = entry(tar::EntryType::Directory, mode, 0);
        tar.append_data(&mut header, directory, std::io::empty()).expect("written");
    }
    let program = std::fs::read("/bin/busybox").or_else(|_| std::fs::read("/usr/bin/busybox"));
    let program = program.expect("busybox-static is installed");
    let mut header = entry(tar::EntryType::Regular, 0o755, program.len());
    tar.append_data(&mut header, "bin/busybox", program.as_slice()).expect("written");
    for applet in APPLETS {
        let mut header = entry(tar::EntryType::Symlink, 0o777, 0);
        tar.append_link(&mut header, format!("bin/{applet}"), "busybox").expect("written");
    }
    for (name, text) in [
        ("etc/passwd", "root:x:0:0:root:/root:/bin/sh\ndev:x:1000:1000::/home:/bin/sh\n"),
        ("etc/group", "root:x:0:\ndev:x:1000:\n"),
        // So that a test's image is its own.
        ("etc/issue", &format!("{name} {}", std::process::id())),
    ] {
        let mut header = entry(tar::EntryType::Regular, 0o644, text.len());
        tar.append_data(&mut header, name, text.as_bytes()).expect("written");
    }
    tar.finish().expect("written");
}

#[expect(clippy::disallowed_methods, reason = "a test takes its PATH from who runs it")]
pub(crate) fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}
