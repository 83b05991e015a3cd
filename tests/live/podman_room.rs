//! The Podman room against a real engine.

use std::time::Duration;

use vagrantp::model::code::Code;
use vagrantp::model::command::MainProcess;
use vagrantp::model::image::ImageSource;
use vagrantp::model::mount::{Mount, MountAccess};
use vagrantp::model::network::{DEFAULT_BIND, PortForward, Protocol};
use vagrantp::model::observed::Power;
use vagrantp::model::spec::BaseImage;
use vagrantp::model::units::Memory;
use vagrantp::plan::action::{Action, Fetch, Outcome, StopMode, Volumes};
use vagrantp::provider::{Depth, Provider, ProviderError};

use crate::podman_host::{Host, free_port, podman};

#[tokio::test]
async fn a_container_lives_and_every_step_can_be_done_again() {
    let Some(host) = Host::new("life").await else { return };
    let mut spec = host.spec();
    let port = PortForward {
        bind: DEFAULT_BIND,
        host: free_port(),
        guest: 80,
        protocol: Protocol::Tcp,
        auto: true,
    };
    spec.ports = vec![port];
    spec.stamp.asked.ports = vec![port];
    let read_only = Mount {
        guest: "/wo,rk sp:ace/re ad".into(),
        host: host.project.clone(),
        access: MountAccess::ReadOnly,
    };
    spec.mounts = vec![read_only.clone()];
    assert_eq!(host.observe(Depth::Full).await.instances, []);

    host.fetch().await;
    let network = host.network();
    host.done(Action::CreateNetwork { network: network.clone() }).await;
    let create = Action::Create { spec: Box::new(spec) };
    host.done(create.clone()).await;
    let target = host.target();
    let steps = [
        (Action::Start { target: target.clone() }, Power::Running),
        (Action::Suspend { target: target.clone() }, Power::Paused),
        (Action::Resume { target: target.clone() }, Power::Running),
        (Action::Suspend { target: target.clone() }, Power::Paused),
        (
            Action::Stop {
                target: target.clone(),
                mode: StopMode::Graceful { grace: Duration::from_secs(5) },
            },
            Power::Stopped,
        ),
        (Action::Start { target: target.clone() }, Power::Running),
    ];
    for (step, state) in steps {
        host.done(step.clone()).await;
        assert_eq!(host.instance().await.state, state, "{step:?}");
        assert_eq!(host.run(step).await.expect("again"), Outcome::AlreadyDone);
    }

    let again = [create, Action::CreateNetwork { network: network.clone() }];
    for step in again {
        assert_eq!(host.run(step).await.expect("again"), Outcome::AlreadyDone);
    }
    let observed = host.observe(Depth::Full).await;
    let seen = observed.instance().expect("it runs");
    assert_eq!(seen.memory, Some(Memory(256)));
    assert_eq!(seen.millicpus, Some(1000));
    assert_eq!(seen.ports, [port]);
    assert_eq!(seen.mounts, [read_only]);
    assert_eq!(seen.networks, [host.identity.network_name()]);
    assert!(seen.address.is_some() && seen.pid.is_some() && seen.written.is_some());
    let network = observed.network.as_ref();
    assert!(network.is_some_and(|network| network.ours && network.isolated));
    assert!(observed.image.is_some() && observed.stranger.is_none() && observed.moved.is_none());
    assert!(host.room.list().await.expect("a list").iter().any(|other| other.id == seen.id));

    let remove = Action::Remove { target: target.clone(), volumes: Volumes::Remove };
    assert!(matches!(host.run(remove.clone()).await, Ok(Outcome::Stale { .. })));
    host.done(Action::Stop { target, mode: StopMode::Kill }).await;
    let gone = [
        remove,
        Action::RemoveNetwork { name: host.identity.network_name(), uuid: host.identity.uuid },
    ];
    for step in gone {
        host.done(step.clone()).await;
        assert_eq!(host.run(step).await.expect("again"), Outcome::AlreadyDone);
    }
    let observed = host.observe(Depth::Full).await;
    assert!(observed.instances.is_empty() && observed.network.is_none());
}

#[tokio::test]
async fn what_is_not_ours_is_reported_and_never_touched() {
    let Some(host) = Host::new("foreign").await else { return };
    host.fetch().await;
    let name = host.identity.id.to_string();
    let image = podman(&host.settings, &["images", "-q", "localhost/vagrantp/rootfs"]);
    let image = image.split_whitespace().next().expect("the image was imported").to_owned();
    podman(&host.settings, &["create", "--name", &name, &image, "sleep", "1"]);

    let observed = host.observe(Depth::Full).await;
    let glance = host.observe(Depth::Glance).await;
    host.done(Action::CreateNetwork { network: host.network() }).await;
    let taken = host.run(Action::Create { spec: Box::new(host.spec()) }).await;
    let target = host.target();
    let steps = [
        Action::Start { target: target.clone() },
        Action::Rename { target: target.clone(), to: "elsewhere".to_owned() },
        Action::Remove { target, volumes: Volumes::Remove },
    ];
    let mut outcomes = Vec::new();
    for step in steps {
        outcomes.push(host.run(step).await);
    }
    let left = podman(&host.settings, &["ps", "-a", "--format", "{{.Names}} {{.State}}"]);
    podman(&host.settings, &["rm", "-f", &name]);

    for observed in [observed, glance] {
        assert!(observed.instances.is_empty());
        assert_eq!(observed.stranger.map(|stranger| stranger.name), Some(name.clone()));
    }
    assert!(matches!(taken, Err(ProviderError::NameTaken { .. })), "{taken:?}");
    for outcome in outcomes {
        assert!(matches!(outcome, Ok(Outcome::Stale { .. })), "{outcome:?}");
    }
    assert!(left.lines().any(|line| line == format!("{name} Created")), "{left}");
}

#[tokio::test]
async fn a_start_that_cannot_last_says_why() {
    let Some(host) = Host::new("short").await else { return };
    host.fetch().await;
    host.done(Action::CreateNetwork { network: host.network() }).await;
    for (argv, word) in [
        (["sh", "-c", "echo last words; exit 3"], "last words"),
        (["no-such-program", "", ""], "no-such-program"),
    ] {
        let mut spec = host.spec();
        spec.command = MainProcess::Argv(argv.map(str::to_owned).to_vec());
        spec.stamp.asked.command = spec.command.clone();
        host.done(Action::Create { spec: Box::new(spec) }).await;
        match host.run(Action::Start { target: host.target() }).await {
            Err(ProviderError::EndedAtOnce { output, help, .. }) => {
                assert!(format!("{output} {help}").contains(word), "{output} {help}");
            }
            other => panic!("{other:?}"),
        }
        host.done(Action::Remove { target: host.target(), volumes: Volumes::Remove }).await;
    }

    let busy = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = busy.local_addr().expect("an address").port();
    let mut spec = host.spec();
    spec.ports = vec![PortForward {
        bind: DEFAULT_BIND,
        host: port,
        guest: 80,
        protocol: Protocol::Tcp,
        auto: false,
    }];
    host.done(Action::Create { spec: Box::new(spec) }).await;
    let failure = host.run(Action::Start { target: host.target() }).await;
    match failure {
        Err(ProviderError::PortConflict { port: found, .. }) => assert_eq!(found, Some(port)),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_replacement_keeps_the_files_and_nothing_of_the_owner() {
    let Some(host) = Host::new("replace").await else { return };
    let base = format!("localhost/vagrantp/{}:1", host.identity.uuid);
    let rootfs = host.rootfs.display().to_string();
    let changes = ["--change", "VOLUME /data", "--change", "CMD [\"sleep\", \"9\"]"];
    podman(&host.settings, &[&["import"], &changes[..], &[&rootfs, &base]].concat());
    let mut spec = host.spec();
    spec.image = BaseImage::Saved(base);
    host.up(spec).await;
    let old = host.instance().await;
    podman(&host.settings, &["exec", &old.name, "touch", "/root/kept", "/data/kept"]);
    let target = host.target();
    let image = format!("localhost/vagrantp/{}:2", host.identity.uuid);
    let save = Action::SaveFiles { target: target.clone(), image: image.clone() };
    assert!(matches!(host.run(save.clone()).await, Ok(Outcome::Stale { .. })), "it runs");
    host.done(Action::Stop { target: target.clone(), mode: StopMode::Kill }).await;
    host.done(save.clone()).await;
    assert_eq!(host.run(save).await.expect("again"), Outcome::AlreadyDone);
    let labels =
        podman(&host.settings, &["inspect", "--format", "{{json .Config.Labels}}", &image]);
    assert!(!labels.contains(&host.identity.uuid.to_string()), "{labels}");

    let aside = format!("{}-old", old.name);
    host.done(Action::Rename { target: target.clone(), to: aside.clone() }).await;
    let again = Action::Rename { target, to: aside.clone() };
    assert_eq!(host.run(again).await.expect("again"), Outcome::AlreadyDone);
    let mut spec = host.spec();
    spec.stamp.generation = 2;
    spec.image = BaseImage::Saved(image.clone());
    spec.volumes_from = Some(aside.clone());
    host.done(Action::Create { spec: Box::new(spec) }).await;
    let mut target = host.target();
    let early = host.run(Action::Start { target: target.clone() }).await;
    assert!(matches!(early, Ok(Outcome::Stale { .. })), "another generation: {early:?}");
    target.generation = 2;
    host.done(Action::Start { target }).await;
    let listed = podman(&host.settings, &["exec", &old.name, "ls", "/root/kept", "/data/kept"]);
    assert_eq!(listed, "/data/kept\n/root/kept\n");

    let observed = host.observe(Depth::Full).await;
    assert_eq!(observed.instance().map(|found| found.stamp.generation), Some(2));
    let leftover = observed.leftovers().next().expect("the old one").clone();
    assert_eq!(leftover.name, aside);
    assert_eq!(observed.saved_images.last(), Some(&image));
    let mut target = host.target();
    target.id = Some(leftover.id);
    target.name = aside;
    host.done(Action::Remove { target, volumes: Volumes::Keep }).await;
    let in_use = host.run(Action::RemoveImage { image }).await;
    assert!(in_use.is_err(), "the replacement is made from it: {in_use:?}");
    let listed = podman(&host.settings, &["exec", &old.name, "ls", "/data"]);
    assert_eq!(listed.trim(), "kept", "the volume outlives the container that it was made for");
}

#[tokio::test]
async fn an_image_that_cannot_be_had_says_why() {
    let Some(host) = Host::new("image").await else { return };
    let fetch = |image| Action::FetchImage { image, fetch: Fetch::IfMissing };
    let port = free_port();
    let unreachable = ImageSource::Registry(format!("localhost:{port}/team/web:latest"));
    let missing = ImageSource::Rootfs(host.project.join("none.tar"));
    let torn = host.project.join("torn.tar");
    std::fs::write(&torn, "this is not a tarball").expect("writable");
    for (image, words) in [
        (unreachable, "cannot be reached"),
        (missing, "cannot be read"),
        (ImageSource::Rootfs(torn), "no tarball"),
        (ImageSource::OciArchive(host.rootfs.clone()), "holds no image"),
        (ImageSource::Containerfile("/nowhere/Containerfile".into()), "cannot be sent"),
    ] {
        let failure = host.run(fetch(image)).await.expect_err(words);
        assert_eq!(failure.code(), Code::ImageUnavailable, "{failure:?}");
        assert!(failure.to_string().contains(words), "{failure}");
    }
    let disk =
        ImageSource::DiskUrl { url: "https://example.test/a.qcow2".to_owned(), sha256: None };
    let disk = host.run(fetch(disk)).await.expect_err("a VM's");
    assert_eq!(disk.code(), Code::Unsupported);
}

#[tokio::test]
async fn an_address_changes_live_and_survives_a_refusal() {
    let Some(host) = Host::new("address").await else { return };
    host.up(host.spec()).await;
    let observed = host.observe(Depth::Full).await;
    let subnet = observed.network.and_then(|network| network.subnet).expect("it has a range");
    let wanted = subnet.hosts().nth(76).expect("a /24");
    let change = |address| Action::ChangeAddress {
        target: host.target(),
        network: host.identity.network_name(),
        address: Some(address),
    };
    host.done(change(wanted)).await;
    assert_eq!(host.instance().await.address, Some(wanted));
    assert_eq!(host.run(change(wanted)).await.expect("again"), Outcome::AlreadyDone);
    let outside = std::net::Ipv4Addr::new(192, 0, 2, 7);
    let refusal = host.run(change(outside)).await.expect_err("not in its range");
    assert!(matches!(refusal.code(), Code::AddressConflict | Code::NetworkFailed), "{refusal:?}");
    assert_eq!(host.instance().await.address, Some(wanted));
}
