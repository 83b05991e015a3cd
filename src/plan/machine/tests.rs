//! Every state of a VM × every verb, and what becomes of each kind of change.

use std::time::Duration;

use super::super::action::{Action, StopMode};
use super::super::check::contradictions;
use super::super::fixture::{desired_vm, instance, observed, snapshot, up, written};
use super::super::power::{to_restarted, to_resumed, to_suspended};
use super::super::snapshots::{to_reverted, to_snapshot};
use super::super::steps::{to_absent, to_disk, to_stopped};
use super::super::undo::way_back_from;
use super::super::{Consent, Plan};
use super::*;
use crate::model::code::Code;
use crate::model::id::{InfraType, ProviderKind};
use crate::model::image::ImageSource;
use crate::model::network::{DEFAULT_BIND, PortForward, Protocol};
use crate::model::observed::Observed;
use crate::model::snapshot::SnapshotName;
use crate::model::units::{DiskSize, Memory};
use crate::provider::memory::capabilities_of;

const NOW: &str = "2026-11-21T12:00:00Z";

fn names(plan: &Plan) -> Vec<&'static str> {
    assert_eq!(contradictions(plan), Vec::<String>::new());
    plan.steps.iter().map(|step| step.action.name()).collect()
}

fn comes_to(plan: Result<Plan, PlanError>) -> Result<Vec<&'static str>, Code> {
    plan.map(|plan| names(&plan)).map_err(|error| error.code())
}

fn mode() -> StopMode {
    StopMode::Graceful { grace: Duration::from_secs(30) }
}

/// A state that a VM can be in, beyond what `Power` tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Is {
    Created,
    Silent,
    Running,
    OnDisk,
    Frozen,
    Full,
    Panicked,
    Stopping,
    Stopped,
    Half,
    Unknown,
}

fn seen(is: Is) -> Observed {
    let power = match is {
        Is::Created => Power::Created,
        Is::Silent | Is::Running | Is::Panicked => Power::Running,
        Is::OnDisk | Is::Frozen | Is::Full => Power::Paused,
        Is::Stopping => Power::Stopping,
        Is::Stopped => Power::Stopped,
        Is::Half => Power::Removing,
        Is::Unknown => Power::Unknown,
    };
    let wish = desired_vm();
    let mut seen = observed(&wish, power);
    seen.snapshots = vec![snapshot(&wish, "before")];
    let vm = seen.instances[0].vm.as_mut().unwrap();
    match is {
        Is::Silent => vm.answers = Some(false),
        Is::OnDisk => vm.suspended_to_disk = true,
        Is::Full => vm.trouble = Some(Trouble::DiskError),
        Is::Panicked => {
            (vm.trouble, vm.answers) = (Some(Trouble::Panicked), Some(false));
        }
        _ => {}
    }
    seen
}

#[test]
fn every_state_and_verb_is_decided() {
    const NO: Code = Code::InvalidState;
    let wish = desired_vm();
    let ready = readiness(&wish, wish.vm.as_ref().unwrap());
    let can = capabilities_of(InfraType::Vm);
    let up_from_rest = Some(vec!["start", "await_ready"]);
    let again = vec!["stop", "start", "await_ready"];
    let woken = vec!["resume", "stop", "start", "await_ready"];
    let go_on = Some(vec!["resume", "await_ready"]);
    let rest = vec!["revert_snapshot"];
    let killed = vec!["stop", "revert_snapshot"];
    for (is, ups, stops, restarts, suspends, resumes, takes, reverts) in [
        (
            Is::Created,
            up_from_rest.clone(),
            vec![],
            Ok(again[1..].to_vec()),
            Err(NO),
            Err(NO),
            true,
            Ok(rest.clone()),
        ),
        (
            Is::Running,
            Some(vec![]),
            vec!["stop"],
            Ok(again.clone()),
            Ok(vec!["suspend"]),
            Ok(vec![]),
            true,
            Ok(vec!["stop", "revert_snapshot", "start", "await_ready"]),
        ),
        (
            Is::Silent,
            Some(vec!["await_ready"]),
            vec!["stop"],
            Ok(again.clone()),
            Ok(vec!["suspend"]),
            Ok(vec![]),
            true,
            Ok(vec!["stop", "revert_snapshot", "start", "await_ready"]),
        ),
        (
            Is::OnDisk,
            go_on.clone(),
            vec!["resume", "stop"],
            Ok(woken.clone()),
            Ok(vec![]),
            Ok(vec!["resume", "await_ready"]),
            false,
            Ok(killed.clone()),
        ),
        (
            Is::Frozen,
            go_on.clone(),
            vec!["resume", "stop"],
            Ok(woken.clone()),
            Ok(vec![]),
            Ok(vec!["resume", "await_ready"]),
            true,
            Ok(killed.clone()),
        ),
        (
            Is::Full,
            go_on,
            vec!["resume", "stop"],
            Ok(woken),
            Ok(vec![]),
            Ok(vec!["resume", "await_ready"]),
            true,
            Ok(killed.clone()),
        ),
        (
            Is::Panicked,
            Some(again.clone()),
            vec!["stop"],
            Ok(again.clone()),
            Ok(vec!["suspend"]),
            Ok(vec![]),
            true,
            Ok(vec!["stop", "revert_snapshot", "start", "await_ready"]),
        ),
        (
            Is::Stopping,
            Some(again.clone()),
            vec!["stop"],
            Ok(again.clone()),
            Err(NO),
            Err(NO),
            false,
            Ok(killed),
        ),
        (
            Is::Stopped,
            up_from_rest,
            vec![],
            Ok(again[1..].to_vec()),
            Err(NO),
            Err(NO),
            true,
            Ok(rest),
        ),
        (
            Is::Half,
            Some(vec!["remove", "create", "start", "await_ready"]),
            vec![],
            Err(NO),
            Err(NO),
            Err(NO),
            false,
            Err(NO),
        ),
        (Is::Unknown, None, vec!["stop"], Err(NO), Err(NO), Err(NO), false, Err(NO)),
    ] {
        let seen = seen(is);
        assert_eq!(up(&wish, &seen).ok().as_ref().map(names), ups, "up of {is:?}");
        assert_eq!(comes_to(to_stopped(&seen, mode())), Ok(stops), "stop of {is:?}");
        let restarted = to_restarted(&seen, mode(), Some(&ready));
        assert_eq!(comes_to(restarted), restarts, "restart of {is:?}");
        let suspended = to_suspended(&seen, ProviderKind::Qemu, true);
        assert_eq!(comes_to(suspended), suspends, "suspend of {is:?}");
        assert_eq!(comes_to(to_resumed(&seen, Some(&ready))), resumes, "resume of {is:?}");
        let name = |text| SnapshotName::new(text).unwrap();
        let taken = comes_to(to_snapshot(&seen, &name("now"), None, NOW, &can));
        assert_eq!(
            taken,
            if takes { Ok(vec!["take_snapshot"]) } else { Err(NO) },
            "snapshot of {is:?}"
        );
        let uuid = wish.identity.uuid;
        let reverted = to_reverted(&seen, uuid, &name("before"), mode(), NOW, Some(&ready));
        assert_eq!(comes_to(reverted), reverts, "revert of {is:?}");
        let removed = names(&to_absent(&wish.identity, &seen, mode()));
        let rests = matches!(is, Is::Created | Is::Stopped | Is::Half);
        assert_eq!(removed.contains(&"stop"), !rests, "rm of {is:?}");
        assert!(!removed.contains(&"resume") && removed.contains(&"remove"), "rm of {is:?}");
        let kept = comes_to(to_disk(&wish.identity, &seen, mode(), &can)).unwrap();
        assert_eq!(kept.last(), Some(&"remove"), "rm --preserve-disk of {is:?}");
        // What is asleep wakes first: what it had not written yet would be lost.
        let wakes = matches!(is, Is::OnDisk | Is::Frozen | Is::Full);
        assert_eq!(kept.contains(&"resume"), wakes, "rm --preserve-disk of {is:?}");
    }
    let nothing = Observed::default();
    let made = up(&wish, &nothing).unwrap();
    assert_eq!(names(&made), ["fetch_image", "create", "start", "await_ready"]);
    assert_eq!(to_disk(&wish.identity, &nothing, mode(), &can), Ok(Plan::default()));
}

/// What `up` comes to after this edit, in this state, and what has to be agreed to.
fn edited(is: Is, edit: fn(&mut Desired)) -> (Vec<&'static str>, Consent) {
    let mut wish = desired_vm();
    edit(&mut wish);
    let plan = up(&wish, &seen(is)).unwrap();
    (names(&plan), plan.consent())
}

#[test]
fn a_change_costs_what_it_has_to_and_no_more() {
    let memory: fn(&mut Desired) = |wish| wish.memory = written(Memory(4096));
    let disk: fn(&mut Desired) = |wish| wish.disk_size = written(DiskSize(40960));
    let keys: fn(&mut Desired) = |wish| {
        let vm = wish.vm.as_mut().unwrap();
        vm.authorized_keys = written(vec!["ssh-ed25519 AAAA ada".to_owned()]);
    };
    let user: fn(&mut Desired) = |wish| wish.user = written("ada".to_owned());
    let both: fn(&mut Desired) = |wish| {
        wish.memory = written(Memory(4096));
        wish.disk_size = written(DiskSize(40960));
    };
    for (is, edit, steps, consent) in [
        (Is::Running, memory, vec!["stop", "configure", "start", "await_ready"], Consent::Restart),
        (Is::Stopped, memory, vec!["configure", "start", "await_ready"], Consent::None),
        (
            Is::OnDisk,
            memory,
            vec!["resume", "stop", "configure", "start", "await_ready"],
            Consent::Restart,
        ),
        (Is::Running, disk, vec!["grow_disk"], Consent::None),
        (Is::Stopped, disk, vec!["grow_disk", "start", "await_ready"], Consent::None),
        (Is::OnDisk, disk, vec!["resume", "grow_disk", "await_ready"], Consent::None),
        (
            Is::Running,
            both,
            vec!["stop", "grow_disk", "configure", "start", "await_ready"],
            Consent::Restart,
        ),
        (Is::Running, keys, vec!["authorize_keys"], Consent::None),
        (Is::Stopped, keys, vec!["start", "await_ready", "authorize_keys"], Consent::None),
        (
            Is::Silent,
            keys,
            vec!["fetch_image", "stop", "remove", "create", "start", "await_ready"],
            Consent::Recreate,
        ),
        (
            Is::Running,
            user,
            vec!["fetch_image", "stop", "remove", "create", "start", "await_ready"],
            Consent::Recreate,
        ),
    ] {
        let (mut planned, asked) = edited(is, edit);
        // The image is on the host.
        planned.retain(|step| *step != "fetch_image");
        let wanted: Vec<_> = steps.into_iter().filter(|step| *step != "fetch_image").collect();
        assert_eq!((planned, asked), (wanted, consent), "{is:?}");
    }
}

#[test]
fn ports_are_forwarded_as_it_runs_and_configured_at_rest() {
    let port = PortForward {
        bind: DEFAULT_BIND,
        host: 8080,
        guest: 80,
        protocol: Protocol::Tcp,
        auto: false,
    };
    let wish = desired_vm();
    for (is, steps) in [
        (Is::Running, vec!["change_ports"]),
        (Is::Stopped, vec!["configure", "start", "await_ready"]),
    ] {
        let mut seen = seen(is);
        seen.instances[0].ports = vec![port];
        assert_eq!(names(&up(&wish, &seen).unwrap()), steps, "{is:?}");
    }
}

#[test]
fn a_disk_is_never_made_smaller() {
    let mut wish = desired_vm();
    wish.disk_size = written(DiskSize(10240));
    for is in [Is::Running, Is::Stopped, Is::OnDisk] {
        let refused = up(&wish, &seen(is)).unwrap_err();
        assert_eq!(refused[0].code(), Code::ConfigInvalid);
        let text = refused[0].to_string();
        assert!(text.contains("10 GiB") && text.contains("20 GiB"), "{text}");
        assert_eq!(
            refused[0].field().and_then(|(_, place)| place).map(|place| place.line),
            Some(3)
        );
    }
}

/// The world after `rm --preserve-disk`.
fn kept() -> Observed {
    let wish = desired_vm();
    let stamp = instance(&wish, Power::Stopped).stamp;
    let (path, size) = ("/assets/disk.qcow2".into(), wish.disk_size.value);
    Observed { kept_disk: Some(KeptDisk { path, size, used: None, stamp }), ..Observed::default() }
}

#[test]
fn a_disk_that_was_kept_is_taken_up_again_or_asked_about() {
    let mut wish = desired_vm();
    let plan = up(&wish, &kept()).unwrap();
    assert_eq!(names(&plan), ["fetch_image", "create", "start", "await_ready"]);
    assert_eq!(plan.consent(), Consent::None);
    let Action::Create { spec } = &plan.steps[1].action else { panic!("{plan:?}") };
    assert_eq!((&spec.image, spec.stamp.generation), (&BaseImage::KeptDisk, 2));
    // Whatever fails, it is not this that deletes it.
    let back = way_back_from(&plan, 2);
    let removed = back.iter().find(|action| action.name() == "remove").unwrap();
    assert!(matches!(removed, Action::Remove { volumes: Volumes::KeepDisk, .. }), "{removed:?}");
    wish.disk_size = written(DiskSize(10240));
    assert_eq!(up(&wish, &kept()).unwrap_err()[0].code(), Code::ConfigInvalid);
    wish.disk_size = desired_vm().disk_size;
    wish.image = written(ImageSource::DiskFile { path: "/images/x.qcow2".into(), sha256: None });
    let plan = up(&wish, &kept()).unwrap();
    assert_eq!(names(&plan), ["remove_disk", "fetch_image", "create", "start", "await_ready"]);
    assert_eq!(plan.consent(), Consent::Recreate);
    let gone = to_absent(&wish.identity, &kept(), mode());
    assert_eq!(names(&gone), ["remove_disk"]);
    assert_eq!(gone.cost(), Cost::Destroy);
}

#[test]
fn what_was_picked_for_it_stays() {
    let mut wish = desired_vm();
    let mut world = seen(Is::Running);
    let vm = world.instances[0].vm.as_mut().unwrap();
    vm.settings.mac = crate::model::network::MacAddress([2, 0, 0, 0, 0, 7]);
    assert_eq!(up(&wish, &world).unwrap(), Plan::default());
    wish.memory = written(Memory(4096));
    let plan = up(&wish, &world).unwrap();
    let Some(Action::Configure { spec, .. }) = plan.steps.get(1).map(|step| &step.action) else {
        panic!("{plan:?}")
    };
    assert_eq!(spec.vm.as_ref().unwrap().mac, world.instances[0].vm.as_ref().unwrap().settings.mac);
}

#[test]
fn what_was_stopped_to_be_changed_and_was_not_is_started_again() {
    let mut wish = desired_vm();
    wish.memory = written(Memory(4096));
    let plan = up(&wish, &seen(Is::Running)).unwrap();
    assert_eq!(names(&plan)[..2], ["stop", "configure"]);
    let way = |failed| way_back_from(&plan, failed).iter().map(Action::name).collect::<Vec<_>>();
    assert_eq!(way(0), [""; 0], "it could not be stopped");
    assert_eq!(way(1), ["start"]);
    assert_eq!(way(2), [""; 0], "it is another one by now");
}

#[test]
fn keys_that_wait_for_a_start_are_told_of() {
    let mut wish = desired_vm();
    let vm = wish.vm.as_mut().unwrap();
    vm.authorized_keys = written(vec!["ssh-ed25519 AAAA ada".to_owned()]);
    let goal = super::super::steps::RunningGoal {
        desired: &wish,
        ports: &[],
        ssh_port: Some(22220),
        recreate: Recreate::WhereNeeded,
        fetch: super::super::action::Fetch::IfMissing,
        start: false,
        twin: super::super::steps::Twin::Refuse,
        now: NOW,
    };
    let can = capabilities_of(InfraType::Vm);
    let plan = super::super::steps::to_running(&goal, &seen(Is::Stopped), &can).unwrap();
    assert!(plan.is_empty() && plan.warnings[0].contains("SSH_AUTHORIZED_KEYS"), "{plan:?}");
}
