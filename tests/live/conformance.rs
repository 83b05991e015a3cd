//! What every provider has to do, whichever it is: the contract of `Provider`, clause by clause.

use vagrantp::event::Silence;
use vagrantp::model::command::MainProcess;
use vagrantp::model::id::{Identity, InfraId, InfraType, InstanceUuid, ProjectDir, ProviderKind};
use vagrantp::model::image::ImageSource;
use vagrantp::model::observed::{Instance, Observed, Power};
use vagrantp::model::snapshot::{Snapshot, SnapshotName};
use vagrantp::model::spec::{BaseImage, InstanceSpec, NetworkSpec};
use vagrantp::model::stamp::{Asked, Stamp};
use vagrantp::model::units::{CpuCount, Memory};
use vagrantp::plan::action::{Action, Fetch, Outcome, StopMode, Target, Volumes};
use vagrantp::provider::{Depth, Provider, ProviderError, Query};

/// A provider with something to make on it.
struct Subject<'a> {
    provider: &'a dyn Provider,
    identity: Identity,
    image: ImageSource,
    spec: InstanceSpec,
    network: NetworkSpec,
}

impl Subject<'_> {
    async fn run(&self, action: &Action) -> Outcome {
        let outcome = self.provider.execute(action, &Silence).await;
        outcome.unwrap_or_else(|error| panic!("{}: {error}", action.name()))
    }

    /// Done, and found done when it is done again.
    async fn twice(&self, action: &Action) {
        assert_eq!(self.run(action).await, Outcome::Done, "{action:?}");
        assert_eq!(self.run(action).await, Outcome::AlreadyDone, "again: {action:?}");
    }

    async fn observe(&self) -> Observed {
        let query =
            Query { identity: &self.identity, image: Some(&self.image), depth: Depth::Full };
        self.provider.observe(&query).await.expect("it can be observed")
    }

    async fn instance(&self) -> Instance {
        self.observe().await.instance().expect("there is an instance").clone()
    }

    fn target(&self, generation: u32) -> Target {
        Target {
            name: self.spec.name.clone(),
            id: None,
            uuid: self.identity.uuid,
            generation,
            infra_type: self.identity.infra_type,
        }
    }
}

/// Every clause, on one instance from nothing to nothing.
async fn keeps_the_contract(subject: &Subject<'_>) {
    starts_from_nothing(subject).await;
    makes_what_was_asked(subject).await;
    touches_nothing_that_does_not_fit(subject).await;
    stops_and_goes_on(subject).await;
    keeps_snapshots(subject).await;
    replaces_around_the_files(subject).await;
    leaves_nothing(subject).await;
}

async fn starts_from_nothing(subject: &Subject<'_>) {
    let observed = subject.observe().await;
    assert!(observed.instances.is_empty() && observed.network.is_none(), "{observed:?}");
    let target = subject.target(1);
    let volumes = Volumes::Remove;
    let gone = [
        Action::Remove { target: target.clone(), volumes },
        Action::RemoveNetwork { name: subject.network.name.clone(), uuid: subject.identity.uuid },
        Action::RemoveImage { image: saved(subject, 9) },
    ];
    for action in gone {
        assert_eq!(subject.run(&action).await, Outcome::AlreadyDone, "{action:?}");
    }
    let outcome = subject.run(&Action::Start { target }).await;
    assert!(matches!(outcome, Outcome::Stale { .. }), "there is nothing to start: {outcome:?}");
}

async fn makes_what_was_asked(subject: &Subject<'_>) {
    let fetch = Action::FetchImage { image: subject.image.clone(), fetch: Fetch::IfMissing };
    subject.run(&fetch).await;
    assert_eq!(subject.run(&fetch).await, Outcome::AlreadyDone);
    assert!(subject.observe().await.image.is_some());
    subject.twice(&Action::CreateNetwork { network: subject.network.clone() }).await;
    let network = subject.observe().await.network.expect("the network is there");
    assert!(network.ours && network.isolated, "{network:?}");
    subject.twice(&Action::Create { spec: Box::new(subject.spec.clone()) }).await;
    let instance = subject.instance().await;
    assert_eq!(instance.state, Power::Created);
    assert_eq!(instance.stamp, subject.spec.stamp, "the stamp reads back as it was written");
    assert_eq!(instance.name, subject.spec.name);
    subject.twice(&Action::Start { target: subject.target(1) }).await;
    assert_eq!(subject.instance().await.state, Power::Running);
    let listed = subject.provider.list().await.expect("it can be listed");
    let ours = listed.iter().filter(|listed| listed.stamp.uuid == subject.identity.uuid);
    assert_eq!(ours.count(), 1);
}

async fn touches_nothing_that_does_not_fit(subject: &Subject<'_>) {
    let before = subject.instance().await;
    let mode = StopMode::Kill;
    let stranger = InstanceUuid(uuid::Uuid::from_u128(7));
    let others = [
        Target { uuid: stranger, ..subject.target(1) },
        subject.target(2),
        Target { name: format!("{}-else", subject.spec.name), ..subject.target(1) },
    ];
    for target in others {
        for action in [
            Action::Stop { target: target.clone(), mode },
            Action::Suspend { target: target.clone() },
            Action::Rename { target: target.clone(), to: "vagrantp-live-stolen".to_owned() },
            Action::SaveFiles { target: target.clone(), image: saved(subject, 9) },
        ] {
            let outcome = subject.run(&action).await;
            assert!(matches!(outcome, Outcome::Stale { .. }), "{action:?}: {outcome:?}");
        }
        let remove = Action::Remove { target: target.clone(), volumes: Volumes::Remove };
        let outcome = subject.run(&remove).await;
        assert_ne!(outcome, Outcome::Done, "{remove:?}");
    }
    let network = Action::RemoveNetwork { name: subject.network.name.clone(), uuid: stranger };
    assert!(matches!(subject.run(&network).await, Outcome::Stale { .. }));
    let mut twin = subject.spec.clone();
    twin.stamp.uuid = stranger;
    let outcome =
        subject.provider.execute(&Action::Create { spec: Box::new(twin) }, &Silence).await;
    assert!(matches!(outcome, Err(ProviderError::NameTaken { .. })), "{outcome:?}");
    let after = subject.instance().await;
    assert_eq!((after.id, after.state), (before.id, Power::Running), "nothing was touched");
}

async fn stops_and_goes_on(subject: &Subject<'_>) {
    let target = subject.target(1);
    subject.twice(&Action::Suspend { target: target.clone() }).await;
    assert_eq!(subject.instance().await.state, Power::Paused);
    subject.twice(&Action::Resume { target: target.clone() }).await;
    assert_eq!(subject.instance().await.state, Power::Running);
    let grace = std::time::Duration::from_secs(10);
    subject
        .twice(&Action::Stop { target: target.clone(), mode: StopMode::Graceful { grace } })
        .await;
    assert_eq!(subject.instance().await.state, Power::Stopped);
    let before = subject.instance().await.id;
    subject.twice(&Action::Start { target: target.clone() }).await;
    assert_eq!(subject.instance().await.id, before, "started again, not made again");
    subject.twice(&Action::Stop { target, mode: StopMode::Kill }).await;
}

async fn keeps_snapshots(subject: &Subject<'_>) {
    let of = subject.identity.uuid;
    let snapshot = Snapshot {
        name: SnapshotName::new("before").expect("a name"),
        of,
        created_at: "2026-11-21T12:00:00Z".to_owned(),
        description: Some("two words, a \"quote\" and = $HOME".to_owned()),
        image: subject.image.clone(),
        image_id: None,
        size: None,
        memory: false,
    };
    let target = subject.target(1);
    let nothing = Action::UseSnapshot { snapshot: snapshot.clone(), image: saved(subject, 8) };
    assert!(matches!(subject.run(&nothing).await, Outcome::Stale { .. }));
    subject
        .twice(&Action::TakeSnapshot { target: target.clone(), snapshot: snapshot.clone() })
        .await;
    let seen = subject.observe().await.snapshots;
    let bare: Vec<_> = seen.iter().map(|seen| Snapshot { size: None, ..seen.clone() }).collect();
    assert_eq!(bare, std::slice::from_ref(&snapshot), "it reads back as it was taken");
    let twin = Snapshot { created_at: "2026-11-21T13:00:00Z".to_owned(), ..snapshot.clone() };
    let again = subject.run(&Action::TakeSnapshot { target, snapshot: twin.clone() }).await;
    assert!(matches!(again, Outcome::Stale { .. }), "a name is there once: {again:?}");
    subject.twice(&nothing).await;
    assert!(subject.observe().await.saved_images.contains(&saved(subject, 8)));
    let to = InstanceUuid(uuid::Uuid::from_u128(9));
    subject.twice(&Action::MoveSnapshot { snapshot: snapshot.clone(), to }).await;
    assert_eq!(subject.observe().await.snapshots, []);
    let moved = Snapshot { of: to, ..snapshot.clone() };
    subject.twice(&Action::MoveSnapshot { snapshot: moved, to: of }).await;
    subject.twice(&Action::RemoveSnapshot { snapshot }).await;
    assert_eq!(subject.observe().await.snapshots, []);
    let image = saved(subject, 8);
    assert!(subject.observe().await.saved_images.contains(&image), "its files are used still");
    subject.twice(&Action::RemoveImage { image }).await;
}

async fn replaces_around_the_files(subject: &Subject<'_>) {
    let image = saved(subject, 2);
    let old = subject.target(1);
    subject.twice(&Action::SaveFiles { target: old.clone(), image: image.clone() }).await;
    assert!(subject.observe().await.saved_images.contains(&image));
    let aside = format!("{}-replaced-1", subject.spec.name);
    let to = aside.clone();
    assert_eq!(subject.run(&Action::Rename { target: old.clone(), to }).await, Outcome::Done);
    let old = Target { name: aside.clone(), ..old };
    let to = aside;
    assert_eq!(
        subject.run(&Action::Rename { target: old.clone(), to }).await,
        Outcome::AlreadyDone
    );
    let mut spec = subject.spec.clone();
    spec.image = BaseImage::Saved(image);
    spec.stamp.generation = 2;
    spec.volumes_from = Some(subject.instance().await.id);
    subject.twice(&Action::Create { spec: Box::new(spec) }).await;
    assert_eq!(subject.observe().await.instances.len(), 2);
    subject.twice(&Action::Start { target: subject.target(2) }).await;
    let counts = subject.instance().await;
    assert_eq!(counts.stamp.generation, 2, "of two with one uuid the running one counts");
    subject.twice(&Action::Remove { target: old, volumes: Volumes::Keep }).await;
    assert_eq!(subject.observe().await.instances.len(), 1);
}

async fn leaves_nothing(subject: &Subject<'_>) {
    let target = subject.target(2);
    subject.twice(&Action::Stop { target: target.clone(), mode: StopMode::Kill }).await;
    subject.twice(&Action::Remove { target, volumes: Volumes::Remove }).await;
    subject.twice(&Action::RemoveImage { image: saved(subject, 2) }).await;
    let (name, uuid) = (subject.network.name.clone(), subject.identity.uuid);
    subject.twice(&Action::RemoveNetwork { name, uuid }).await;
    let observed = subject.observe().await;
    assert!(observed.instances.is_empty() && observed.network.is_none(), "{observed:?}");
    assert!(observed.saved_images.is_empty(), "{observed:?}");
}

fn saved(subject: &Subject<'_>, generation: u32) -> String {
    format!("localhost/vagrantp/{}:{generation}", subject.identity.uuid)
}

fn spec(identity: &Identity, image: &ImageSource) -> InstanceSpec {
    let asked = Asked {
        image: image.clone(),
        image_id: None,
        memory: Memory(512),
        cpus: CpuCount(1),
        command: MainProcess::Idle,
        ports: Vec::new(),
        mounts: Vec::new(),
        address: None,
        subnet: None,
        bridge: None,
        gateway: None,
        dns: Vec::new(),
        ttl: None,
    };
    InstanceSpec {
        name: identity.id.to_string(),
        hostname: identity.id.to_string(),
        image: BaseImage::Source(image.clone()),
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
            created_at: "2026-11-21T12:00:00Z".to_owned(),
            version: "0.1.0".to_owned(),
            asked,
        },
    }
}

fn subject<'a>(provider: &'a dyn Provider, identity: Identity, image: ImageSource) -> Subject<'a> {
    let network = NetworkSpec {
        name: identity.network_name(),
        subnet: None,
        gateway: None,
        bridge: None,
        uuid: identity.uuid,
        uid: identity.uid,
    };
    Subject { provider, spec: spec(&identity, &image), network, identity, image }
}

#[tokio::test]
async fn the_provider_in_memory_keeps_the_contract() {
    let provider = vagrantp::provider::memory::Memory::default();
    let path = std::path::PathBuf::from("/projects/web");
    let identity = Identity {
        uuid: InstanceUuid::derive("m", 1000, &path, InfraType::Container),
        id: InfraId::new("web").expect("a hostname label"),
        id_is_explicit: true,
        project: ProjectDir { path, device: 1, inode: 2, mount: None },
        uid: 1000,
        infra_type: InfraType::Container,
        provider: ProviderKind::Memory,
    };
    let image = ImageSource::Registry("docker.io/library/alpine:latest".to_owned());
    keeps_the_contract(&subject(&provider, identity, image)).await;
}

#[cfg(feature = "podman")]
#[tokio::test]
async fn podman_keeps_the_contract() {
    let Some(host) = super::podman_host::Host::new("contract").await else { return };
    let image = ImageSource::Rootfs(host.rootfs.clone());
    keeps_the_contract(&subject(&host.room, host.identity.clone(), image)).await;
}
