//! What others have done to an instance that runs on as it was made: limits that hold until its
//! next start, networks that it was taken out of or brought into. All of it is put right live.

use crate::model::capability::{Cost, Field};
use crate::model::desired::Desired;
use crate::model::life::Limits;
use crate::model::observed::Instance;

use super::action::{Action, Target};
use super::diff::{Change, cpus_text};

/// Every such difference. Those between the wish and what the instance was made with are not among
/// them: they are more than this can put right.
pub(super) fn changes(desired: &Desired, instance: &Instance) -> Vec<Change> {
    let mut changes = limits(desired, instance);
    changes.extend(networks(desired, instance));
    changes
}

fn limits(desired: &Desired, instance: &Instance) -> Vec<Change> {
    let Some(Limits { memory, millicpus }) = instance.life.limits else { return Vec::new() };
    let none = || "no limit".to_owned();
    let until = |text: String| format!("{text} until it is started again");
    let mut changes = Vec::new();
    let wanted = desired.memory.value;
    if instance.memory == Some(wanted) && memory != Some(wanted) {
        changes.push(Change {
            field: Field::Memory,
            found: until(memory.map_or_else(none, |memory| memory.to_string())),
            wanted: wanted.to_string(),
            place: desired.memory.place().cloned(),
            cost: Cost::Live,
        });
    }
    let wanted = desired.cpus.value.0.saturating_mul(1000);
    if instance.millicpus == Some(wanted) && millicpus != Some(wanted) {
        changes.push(Change {
            field: Field::Cpus,
            found: until(millicpus.map_or_else(none, cpus_text)),
            wanted: cpus_text(wanted),
            place: desired.cpus.place().cloned(),
            cost: Cost::Live,
        });
    }
    changes
}

fn networks(desired: &Desired, instance: &Instance) -> Option<Change> {
    let identity = &desired.identity;
    let own = instance.networks.iter().find(|name| identity.names_network(name));
    if own.is_some() && instance.networks.len() == 1 {
        return None;
    }
    let found = match instance.networks.is_empty() {
        true => "no network".to_owned(),
        false => instance.networks.join(", "),
    };
    let wanted = own.cloned().unwrap_or_else(|| identity.network_name());
    let place = desired.network.mode.place().cloned();
    Some(Change { field: Field::Network, found, wanted, place, cost: Cost::Live })
}

/// The actions that put a change of this kind right; `own` is the network that it is to be in.
pub(super) fn mend(
    field: Field,
    desired: &Desired,
    instance: &Instance,
    target: &Target,
    own: &str,
) -> Vec<Action> {
    if field != Field::Network {
        let (memory, cpus) = (desired.memory.value, desired.cpus.value);
        return vec![Action::SetLimits { target: target.clone(), memory, cpus }];
    }
    let mut actions = Vec::new();
    if !instance.networks.iter().any(|network| network == own) {
        actions.push(Action::JoinNetwork {
            target: target.clone(),
            network: own.to_owned(),
            address: desired.network.address.as_ref().map(|address| address.value.address),
        });
    }
    // Joined before it leaves: it is never cut off from everything.
    for network in instance.networks.iter().filter(|network| *network != own) {
        actions.push(Action::LeaveNetwork { target: target.clone(), network: network.clone() });
    }
    actions
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::observed::Power;
    use crate::model::units::Memory;
    use crate::plan::fixture::{desired, instance, observed, up, written};

    fn says(instance: Instance) -> Vec<String> {
        let wish = desired();
        let mut seen = observed(&wish, Power::Running);
        seen.instances = vec![instance];
        let plan = up(&wish, &seen).unwrap();
        assert!(plan.cost() <= Cost::Live, "{plan:?}");
        plan.steps.iter().map(|step| crate::plan::describe::says(&step.action)).collect()
    }

    #[test]
    fn limits_are_set_again_in_one_step() {
        let mut found = instance(&desired(), Power::Running);
        found.life.limits = Some(Limits { memory: Some(Memory(64)), millicpus: None });
        assert_eq!(says(found), ["Limit the container web to 2 GiB and 2 CPUs again"]);
    }

    #[test]
    fn an_edit_of_memory_is_more_than_this_puts_right() {
        let mut wish = desired();
        let mut seen = observed(&wish, Power::Running);
        let limits = Limits { memory: Some(Memory(64)), millicpus: Some(2000) };
        seen.instances[0].life.limits = Some(limits);
        wish.memory = written(Memory(4096));
        let plan = up(&wish, &seen).unwrap();
        assert_eq!(plan.cost(), Cost::Replace);
        assert!(plan.steps.iter().all(|step| step.action.name() != "set_limits"), "{plan:?}");
    }

    #[test]
    fn it_is_in_its_own_network_and_in_no_other() {
        let own = desired().identity.network_name();
        let found = |networks: &[&str]| Instance {
            networks: networks.iter().map(|name| (*name).to_owned()).collect(),
            ..instance(&desired(), Power::Running)
        };
        let join = format!("Connect the container web with its network {own}");
        let leave = "Disconnect the container web from the network other";
        assert_eq!(says(found(&[&own])), [""; 0]);
        assert_eq!(says(found(&[])), [join.as_str()]);
        assert_eq!(says(found(&["other"])), [join.as_str(), leave]);
        assert_eq!(says(found(&["other", &own])), [leave]);
    }
}
