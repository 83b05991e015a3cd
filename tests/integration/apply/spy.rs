//! A project in a directory of its own, and a provider that notes what it is asked.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::time::Duration;

use async_trait::async_trait;
use tempfile::TempDir;
use tokio::sync::watch;
use vagrantp::apply::{ApplyError, apply, journal_steps};
use vagrantp::config::{self, LoadRequest};
use vagrantp::event::{Listener, Silence};
use vagrantp::model::capability::Capabilities;
use vagrantp::model::code::Code;
use vagrantp::model::desired::Desired;
use vagrantp::model::garbage::Inventory;
use vagrantp::model::host::{BridgeNetwork, HostFacts, HostNetworks, Places};
use vagrantp::model::id::{InfraType, InstanceUuid, ProjectDir, ProviderKind};
use vagrantp::model::observed::{Instance, Observed};
use vagrantp::model::output::{OutputPiece, OutputRequest};
use vagrantp::model::problem::Problem;
use vagrantp::model::shell::ShellRequest;
use vagrantp::model::snapshot::SnapshotName;
use vagrantp::model::spec::InstanceSpec;
use vagrantp::model::units::Memory as MemorySize;
use vagrantp::plan::action::{Action, Fetch, Outcome};
use vagrantp::plan::machine::readiness;
use vagrantp::plan::ports::{settle, settle_ssh};
use vagrantp::plan::power::{to_restarted, to_resumed, to_suspended};
use vagrantp::plan::snapshots::{to_reverted, to_snapshot, to_snapshot_gone};
use vagrantp::plan::steps::{
    Recreate, RunningGoal, Twin, stop_mode, to_absent, to_disk, to_running, to_stopped,
};
use vagrantp::plan::{Plan, PlanError};
use vagrantp::provider::memory::{Memory, World as Everything};
use vagrantp::provider::{Depth, Provider, ProviderError, Query, ShellIo};
use vagrantp::store::{InstanceStore, Store};

use super::merge::merge;

/// A project, its provider and its store.
pub(super) struct World {
    root: TempDir,
    facts: HostFacts,
    project: ProjectDir,
    pub(super) provider: Memory,
}

impl World {
    pub(super) fn new() -> Self {
        World::of(InfraType::Container)
    }

    /// One whose provider runs these.
    pub(super) fn of(runs: InfraType) -> Self {
        // Where there is one, in memory: what is written is synced, each time.
        let root = tempfile::tempdir_in("/dev/shm").or_else(|_| tempfile::tempdir()).unwrap();
        let path = root.path().canonicalize().unwrap().join("project");
        std::fs::create_dir(&path).unwrap();
        let place = |name: &str| root.path().join(name);
        let facts = HostFacts {
            uid: 1000,
            gid: 1000,
            user: Some("dev".to_owned()),
            home: place("home"),
            machine_id: "0123456789abcdef0123456789abcdef".to_owned(),
            cpus: 8,
            memory_available: MemorySize(16384),
            memory_total: MemorySize(32768),
            first_unprivileged_port: 1024,
            bridges: vec!["br0".to_owned(), "br1".to_owned()],
            attached: HostNetworks {
                on_bridges: vec![BridgeNetwork {
                    bridge: "br0".to_owned(),
                    range: "192.168.7.0/24".parse().unwrap(),
                    gateway: Some("192.168.7.1".parse().unwrap()),
                }],
                has_name_servers: true,
            },
            places: Places {
                state: place("state"),
                data: place("data"),
                cache: place("cache"),
                runtime: place("run"),
            },
            environment: Default::default(),
            own_key: None,
            distribution: Vec::new(),
        };
        let project = ProjectDir { path, device: 1, inode: 2, mount: None };
        World { root, facts, project, provider: Memory::of(runs, Everything::default()) }
    }

    /// The project's directory.
    pub(super) fn dir(&self) -> &Path {
        &self.project.path
    }

    /// The wish of this `.env`.
    pub(super) fn desired(&self, env: &str) -> Desired {
        self.understood(env).unwrap_or_else(|errors| panic!("{env}: {errors:?}"))
    }

    /// The wish of this `.env`, or why there is none.
    pub(super) fn understood(&self, env: &str) -> Result<Desired, Vec<Problem>> {
        std::fs::write(self.project.path.join(".env"), env).unwrap();
        let (dir, facts) = (&self.project.path, &self.facts);
        let loaded = config::load(&LoadRequest { dir, env_files: &[], set: &[], facts });
        let config = loaded.config.ok_or(loaded.errors)?;
        vagrantp::resolve::resolve(&config, &self.project, facts)
    }

    pub(super) async fn plan(&self, desired: &Desired) -> Plan {
        self.plan_with(&self.provider, desired).await.unwrap()
    }

    /// The plan of `up` for this wish.
    pub(super) async fn plan_with(
        &self,
        provider: &dyn Provider,
        desired: &Desired,
    ) -> Result<Plan, Vec<PlanError>> {
        self.plan_from(provider, desired, (Recreate::WhereNeeded, Twin::Refuse)).await
    }

    /// The plan of a verb with its options.
    pub(super) async fn plan_of(
        &self,
        verb: &str,
        desired: &Desired,
    ) -> Result<Plan, Vec<PlanError>> {
        let has = |option: &str| verb.split_whitespace().any(|word| word == option);
        let observed = self.observed(&self.provider, desired).await;
        let mode = stop_mode(has("--force"), Duration::from_secs(30));
        let ready = desired.vm.as_ref().map(|vm| readiness(desired, vm));
        let can = self.provider.capabilities();
        match verb.split_whitespace().next() {
            Some("rm") if has("--preserve-disk") => {
                let can = self.provider.capabilities();
                to_disk(&desired.identity, &observed, mode, &can).map_err(|error| vec![error])
            }
            Some("stop") if observed.instances.is_empty() => Ok(Plan::default()),
            Some("stop") => to_stopped(&observed, mode).map_err(|error| vec![error]),
            Some("rm") => Ok(to_absent(&desired.identity, &observed, mode)),
            Some("restart") => {
                to_restarted(&observed, mode, ready.as_ref()).map_err(|error| vec![error])
            }
            Some("suspend") => {
                let kind = self.provider.kind();
                to_suspended(&observed, kind, true).map_err(|error| vec![error])
            }
            Some("resume") => to_resumed(&observed, ready.as_ref()).map_err(|error| vec![error]),
            Some("snapshot") => {
                let (of, name) = (desired.identity.uuid, SnapshotName::new("kept").unwrap());
                let now = "2026-11-21T12:00:00Z";
                let plan = match () {
                    () if has("create") => to_snapshot(&observed, &name, None, now, &can),
                    () if has("revert") => {
                        to_reverted(&observed, of, &name, mode, now, ready.as_ref())
                    }
                    () => to_snapshot_gone(&observed, of, &name),
                };
                plan.map_err(|error| vec![error])
            }
            Some("adopt") => {
                let way = (Recreate::WhereNeeded, Twin::Adopt);
                self.plan_from(&self.provider, desired, way).await
            }
            _ => {
                let recreate =
                    if has("--recreate") { Recreate::Always } else { Recreate::WhereNeeded };
                let twin = if has("--new") { Twin::Allow } else { Twin::Refuse };
                self.plan_from(&self.provider, desired, (recreate, twin)).await
            }
        }
    }

    /// The project's directory gets another name, and is the same one.
    pub(super) fn moved(&mut self) {
        let to = self.root.path().canonicalize().unwrap().join("moved");
        std::fs::rename(&self.project.path, &to).unwrap();
        self.project.path = to;
    }

    /// All that there is of the project.
    pub(super) async fn seen(&self, desired: &Desired) -> Observed {
        self.observed(&self.provider, desired).await
    }

    pub(super) async fn observed(&self, provider: &dyn Provider, desired: &Desired) -> Observed {
        let image = Some(&desired.image.value);
        let query = Query { identity: &desired.identity, image, depth: Depth::Full };
        provider.observe(&query).await.unwrap()
    }

    /// Lets happen what a scenario's `observed.json` tells.
    pub(super) async fn happened(&self, desired: &Desired, since: &str) {
        let identity = &desired.identity;
        let since = since
            .replace("{uuid}", &identity.uuid.to_string())
            .replace("{dir}", &self.dir().to_string_lossy());
        let was = self.observed(&self.provider, desired).await;
        let mut whole = serde_json::to_value(&was).unwrap();
        merge(&mut whole, serde_json::from_str(&since).unwrap());
        let now: Observed = serde_json::from_value(whole).unwrap();
        self.provider.with(|world| {
            world.instances = now.instances;
            world.instances.extend(now.moved);
            world.strangers.extend(now.stranger.map(|stranger| stranger.name));
            let owner = |ours: bool| match ours {
                true => identity.uuid,
                false => InstanceUuid::derive("m", 7, self.dir(), InfraType::Container),
            };
            let network = now.network.into_iter();
            world.networks = network.map(|one| (one.clone(), owner(one.ours))).collect();
            if now.image.is_none() {
                world.images.clear();
            }
            world.saved = now.saved_images;
            world.disks.extend(now.kept_disk);
            world.snapshots = now.snapshots;
        });
    }

    async fn plan_from(
        &self,
        provider: &dyn Provider,
        desired: &Desired,
        (recreate, twin): (Recreate, Twin),
    ) -> Result<Plan, Vec<PlanError>> {
        let observed = self.observed(provider, desired).await;
        let own = observed.instance().map(|instance| instance.stamp.asked.ports.clone());
        let pool = desired.port_pool.value;
        let ports = settle(&desired.ports, pool, &own.unwrap_or_default(), &[])?;
        let has = observed.instance().and_then(|instance| instance.ssh_port());
        let goal = RunningGoal {
            desired,
            ports: &ports,
            ssh_port: settle_ssh(desired, has, &ports, &[]).map_err(|error| vec![error])?,
            recreate,
            fetch: Fetch::IfMissing,
            start: twin != Twin::Adopt,
            twin,
            now: "2026-11-21T12:00:00Z",
        };
        to_running(&goal, &observed, &provider.capabilities())
    }

    /// The plan of `stop`.
    pub(super) async fn stop_plan(&self, desired: &Desired) -> Plan {
        let query = Query { identity: &desired.identity, image: None, depth: Depth::Full };
        let observed = self.provider.observe(&query).await.unwrap();
        to_stopped(&observed, stop_mode(false, Duration::from_secs(30))).unwrap()
    }

    /// Makes it so, from whatever is there.
    pub(super) async fn up(&self, env: &str) -> Plan {
        let plan = self.plan(&self.desired(env)).await;
        let mut signal = watch::channel(0).1;
        self.apply(&self.provider, &plan, &Silence, &mut signal).await.unwrap();
        plan
    }

    /// Carries a plan out as `up` does: the journal is closed where all went well.
    pub(super) async fn apply(
        &self,
        provider: &dyn Provider,
        plan: &Plan,
        listener: &dyn Listener,
        signal: &mut watch::Receiver<i32>,
    ) -> Result<(), ApplyError> {
        let mut journal = self.store().begin("up", journal_steps(plan))?;
        apply(plan, provider, &mut journal, listener, signal).await?;
        Ok(journal.close()?)
    }

    pub(super) fn whole_store(&self) -> Store {
        Store::new(&self.root.path().join("state"))
    }

    pub(super) fn store(&self) -> InstanceStore {
        let (facts, path) = (&self.facts, &self.project.path);
        let uuid = InstanceUuid::derive(&facts.machine_id, facts.uid, path, InfraType::Container);
        self.whole_store().instance(uuid)
    }

    /// All that the provider has but images, which are a cache.
    pub(super) fn summary(&self) -> String {
        self.provider.with(|world| {
            let mut instances: Vec<_> = world
                .instances
                .iter()
                .map(|i| (&i.name, i.state, i.stamp.generation, &i.memory, &i.ports, &i.mounts))
                .collect();
            instances.sort_by_key(|instance| instance.0);
            format!("{instances:?} {:?} {:?}", world.networks, world.saved)
        })
    }
}

/// What happens at one step.
enum Trouble {
    Fails,
    Answers(Outcome),
    /// The signal comes while the step runs, and the step ends well.
    Signals(watch::Sender<i32>),
    /// The signal comes while the step runs, and the step never ends.
    Hangs(watch::Sender<i32>),
}

/// The provider in memory, listening in, with trouble at one step.
pub(super) struct Spy<'a> {
    world: &'a World,
    calls: Mutex<Vec<String>>,
    trouble: Option<(usize, Trouble)>,
}

impl<'a> Spy<'a> {
    pub(super) fn new(world: &'a World) -> Self {
        Spy { world, calls: Mutex::default(), trouble: None }
    }

    pub(super) fn failing(world: &'a World, at: usize) -> Self {
        Spy { trouble: Some((at, Trouble::Fails)), ..Spy::new(world) }
    }

    pub(super) fn answering(world: &'a World, at: usize, outcome: Outcome) -> Self {
        Spy { trouble: Some((at, Trouble::Answers(outcome))), ..Spy::new(world) }
    }

    pub(super) fn signalling(world: &'a World, at: usize, signal: watch::Sender<i32>) -> Self {
        Spy { trouble: Some((at, Trouble::Signals(signal))), ..Spy::new(world) }
    }

    pub(super) fn hanging(world: &'a World, at: usize, signal: watch::Sender<i32>) -> Self {
        Spy { trouble: Some((at, Trouble::Hangs(signal))), ..Spy::new(world) }
    }

    /// What it was asked, in order.
    pub(super) fn calls(&self) -> Vec<String> {
        self.calls.lock().unwrap().clone()
    }

    /// Notes a call, and says how many steps came before it.
    fn note(&self, call: String) -> usize {
        let mut calls = self.calls.lock().unwrap();
        let before = calls.iter().filter(|call| call.contains(" while ")).count();
        calls.push(call);
        before
    }
}

#[async_trait]
impl Provider for Spy<'_> {
    fn kind(&self) -> ProviderKind {
        self.world.provider.kind()
    }

    fn capabilities(&self) -> Capabilities {
        self.world.provider.capabilities()
    }

    async fn observe(&self, query: &Query<'_>) -> Result<Observed, ProviderError> {
        self.note("observe".to_owned());
        self.world.provider.observe(query).await
    }

    async fn list(&self) -> Result<Vec<Instance>, ProviderError> {
        self.note("list".to_owned());
        self.world.provider.list().await
    }

    async fn inventory(&self, uid: u32) -> Result<Inventory, ProviderError> {
        self.world.provider.inventory(uid).await
    }

    async fn execute(
        &self,
        action: &Action,
        listener: &dyn Listener,
    ) -> Result<Outcome, ProviderError> {
        let journal = self.world.store().journal().value.expect("written before it is done");
        let progress: Vec<_> = journal.steps.iter().map(|step| step.progress).collect();
        let step = self.note(format!("{} while {progress:?}", action.name()));
        match self.trouble.as_ref().filter(|(at, _)| *at == step).map(|(_, trouble)| trouble) {
            None => {}
            Some(Trouble::Answers(outcome)) => return Ok(outcome.clone()),
            Some(Trouble::Signals(signal)) => drop(signal.send(2)),
            Some(Trouble::Hangs(signal)) => {
                signal.send(2).unwrap();
                std::future::pending::<()>().await;
            }
            Some(Trouble::Fails) => {
                return Err(ProviderError::Refused {
                    provider: self.kind(),
                    operation: action.name().to_owned(),
                    message: "the test asked for it".to_owned(),
                    help: "none".to_owned(),
                    code: Code::Internal,
                });
            }
        }
        self.world.provider.execute(action, listener).await
    }

    fn render(&self, spec: &InstanceSpec) -> String {
        self.world.provider.render(spec)
    }

    async fn shell(&self, request: &ShellRequest, io: ShellIo) -> Result<i32, ProviderError> {
        self.world.provider.shell(request, io).await
    }

    async fn output(
        &self,
        of: &Instance,
        request: OutputRequest,
        to: tokio::sync::mpsc::Sender<OutputPiece>,
    ) -> Result<(), ProviderError> {
        self.world.provider.output(of, request, to).await
    }

    async fn last_output(&self, of: &Instance, lines: usize) -> Result<String, ProviderError> {
        self.world.provider.last_output(of, lines).await
    }
}

/// The scenario folders.
pub(super) fn scenarios() -> Vec<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/scenarios");
    let folders = std::fs::read_dir(root).unwrap().map(|entry| entry.unwrap().path());
    folders.filter(|folder| folder.is_dir()).collect()
}
