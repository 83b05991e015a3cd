//! Virtual machines in memory: whatever was there, in whatever state, and wherever a call was cut off,
//! the next `up` makes of it what is wanted, and nothing that was written is lost unasked.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use vagrantp::event::Silence;
use vagrantp::model::capability::Cost;
use vagrantp::model::desired::Desired;
use vagrantp::model::id::InfraType;
use vagrantp::model::observed::Power;
use vagrantp::plan::action::{Action, Outcome};
use vagrantp::plan::steps::to_disk;
use vagrantp::plan::{Consent, Plan};
use vagrantp::provider::Provider;

use super::spy::World;

const BASE: &str = "INFRA_TYPE=vm\nPROVIDER=qemu\nINFRA_ID=web\n\
                    IMAGE=https://images.example.org/debian-12.qcow2\n";
const KEYS: &str = "SSH_AUTHORIZED_KEYS='ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAABAgMEBQYHCAkKCwwNDg8QERITFBUWFxgZGhscHR4f ada'\n";

/// What may stand below that; none of it makes a disk smaller than another does.
fn wishes() -> Vec<String> {
    let lines = [
        "",
        "MEMORY=4G\n",
        "CPUS=4\nPORTS=8080:80\n",
        "PORTS=auto:443\n",
        "INFRA_ID=api\n",
        "SSH_USER=grace\n",
        "NETWORK_MODE=bridge\nBRIDGE=br0\n",
        "NETWORK_MODE=bridge\nBRIDGE=br1\nFIRMWARE=uefi\n",
        "SSH_PORT=2222\nQEMU_ARGS=-device virtio-rng-pci\n",
        KEYS,
    ];
    let with = |line: &&str| match line.strip_prefix("INFRA_ID=") {
        Some(_) => BASE.replace("INFRA_ID=web\n", line),
        None => format!("{BASE}{line}"),
    };
    lines.iter().map(with).collect()
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap()
}

async fn executed(world: &World, plan: &Plan, steps: usize) {
    for step in plan.steps.iter().take(steps) {
        let outcome = world.provider.execute(&step.action, &Silence).await.unwrap();
        assert!(!matches!(outcome, Outcome::Stale { .. }), "{:?}: {outcome:?}", step.action);
    }
}

fn in_state(world: &World, state: Power) {
    world.provider.with(|world| {
        let instance = &mut world.instances[0];
        instance.state = state;
        instance.vm.as_mut().unwrap().suspended_to_disk = state == Power::Paused;
    });
}

/// Whether anything that may hold a person's work goes, without being asked for.
fn loses_silently(plan: &Plan) -> bool {
    let loses =
        |action: &Action| matches!(action, Action::Remove { .. } | Action::RemoveDisk { .. });
    plan.steps.iter().any(|step| loses(&step.action) && step.cost < Cost::Recreate)
        || plan.steps.iter().any(|step| loses(&step.action)) && plan.consent() != Consent::Recreate
}

#[test]
fn cut_off_anywhere_the_next_up_makes_it_so() {
    let wishes = wishes();
    let mut cuts = 0;
    for before in &wishes {
        for after in wishes.iter().filter(|after| *after != before) {
            for state in [Power::Running, Power::Stopped, Power::Paused] {
                let mut cut = 0;
                // Each time from the beginning, one step further.
                while runtime().block_on(cut_off(before, after, state, cut)) {
                    (cut, cuts) = (cut + 1, cuts + 1);
                }
            }
        }
    }
    assert!(cuts > 700, "{cuts} cuts");
}

/// Whether there was a step to cut off after.
async fn cut_off(before: &str, after: &str, state: Power, cut: usize) -> bool {
    let world = World::of(InfraType::Vm);
    world.up(before).await;
    in_state(&world, state);
    let wanted = world.desired(after);
    let plan = world.plan(&wanted).await;
    let all = plan.steps.len();
    assert!(!plan.is_empty() && !loses_silently(&plan), "{before} → {after}: {plan:?}");
    executed(&world, &plan, cut.min(all)).await;
    settled(&world, &wanted, &format!("{before} → {after} from {state:?} after {cut}")).await;
    cut < all
}

/// What is left is done, and then there is nothing to do.
async fn settled(world: &World, wanted: &Desired, what: &str) {
    let rest = world.plan(wanted).await;
    executed(world, &rest, rest.steps.len()).await;
    let again = world.plan(wanted).await;
    assert!(again.is_empty(), "{what}: {again:?}");
    world.provider.with(|world| {
        assert_eq!(world.instances.len(), 1, "{what}");
        let (instance, vm) = (&world.instances[0], world.instances[0].vm.as_ref().unwrap());
        assert_eq!(instance.state, Power::Running, "{what}");
        assert_eq!(instance.name, wanted.identity.id.to_string(), "{what}");
        assert_eq!(instance.memory, Some(wanted.memory.value), "{what}");
        let keys = &wanted.vm.as_ref().unwrap().authorized_keys.value;
        assert_eq!((&vm.settings.authorized_keys, &vm.settings.user), (keys, &wanted.user.value));
    });
}

#[test]
fn a_disk_is_kept_and_taken_up_again_wherever_it_was_cut_off() {
    for state in [Power::Running, Power::Stopped, Power::Paused] {
        for cut in 0..=3 {
            runtime().block_on(async {
                let world = World::of(InfraType::Vm);
                world.up(BASE).await;
                in_state(&world, state);
                let wanted = world.desired(BASE);
                let observed = world.seen(&wanted).await;
                let mode =
                    vagrantp::plan::steps::stop_mode(false, std::time::Duration::from_secs(3));
                let can = world.provider.capabilities();
                let plan = to_disk(&wanted.identity, &observed, mode, &can).unwrap();
                executed(&world, &plan, cut.min(plan.steps.len())).await;
                let back = world.plan(&wanted).await;
                assert!(!loses_silently(&back) && back.consent() != Consent::Recreate, "{back:?}");
                settled(&world, &wanted, &format!("{state:?} after {cut}")).await;
                world.provider.with(|world| assert_eq!(world.disks, [], "it is in use again"));
            });
        }
    }
}
