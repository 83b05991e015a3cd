//! Containers that carry a stamp of vagrantp's and that vagrantp did not make. Pure.
//!
//! Labels travel: `podman container clone` copies them, and an image that somebody committed from a
//! container gives them to every container that is made from it. What somebody made is theirs.

use jiff::Timestamp;

use super::observe;
use super::reply::{Container, Listed};
use crate::model::observed::Instance;

/// Whether the podman program made it: that writes its own command line down, and the API, through
/// which vagrantp makes all of its own, has none.
pub(super) fn by_hand(container: &Container) -> bool {
    !container.config.create_command.is_empty()
}

/// Whether an object has another's stamp to the letter and is the later one of the two: vagrantp
/// writes no stamp twice, since the number of the replacement is in it.
pub(super) fn is_copy_of(found: &Instance, other: &Instance) -> bool {
    let made = |one: &Instance| {
        let time = one.created_at.as_deref().and_then(|time| time.parse::<Timestamp>().ok());
        (time, one.id.clone())
    };
    found.id != other.id && found.stamp == other.stamp && made(found) > made(other)
}

/// Takes those apart that are copies of others among them.
pub(super) fn apart(found: Vec<Instance>) -> (Vec<Instance>, Vec<Instance>) {
    let copied: Vec<bool> =
        found.iter().map(|one| found.iter().any(|other| is_copy_of(one, other))).collect();
    let (mut genuine, mut copies) = (Vec::new(), Vec::new());
    for (instance, is_copy) in found.into_iter().zip(copied) {
        if is_copy { copies.push(instance) } else { genuine.push(instance) }
    }
    (genuine, copies)
}

/// Of a list, those that are worth a closer look: a list does not show what made a container. They
/// share their uuid with another, or go by a name that vagrantp would not have given them.
pub(super) fn doubtful(entries: &[Listed]) -> Vec<&Listed> {
    let known: Vec<(&Listed, Instance)> =
        entries.iter().filter_map(|entry| Some((entry, observe::listed(entry)?))).collect();
    let is_doubtful = |(entry, instance): &&(&Listed, Instance)| {
        let stamp = &instance.stamp;
        let shared = |(other, theirs): &(&Listed, Instance)| {
            other.id != entry.id && theirs.stamp.uuid == stamp.uuid
        };
        let fallback = format!("{}-{}", stamp.infra_id, stamp.uuid.short(6));
        let expected = instance.name == stamp.infra_id.as_str() || instance.name == fallback;
        !expected || known.iter().any(shared)
    };
    known.iter().filter(is_doubtful).map(|(entry, _)| *entry).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn recorded() -> Container {
        let text = include_str!("../../../tests/fixtures/podman/running.json");
        serde_json::from_str(text).expect("a recorded answer")
    }

    #[test]
    fn what_the_program_made_is_nobodys_instance() {
        assert!(!by_hand(&recorded()) && observe::instance(&recorded()).is_some());
        let mut cloned = recorded();
        cloned.config.create_command = vec!["podman".to_owned(), "container".to_owned()];
        assert!(by_hand(&cloned));
        assert_eq!(observe::instance(&cloned), None);
        assert_eq!(observe::stranger("web", &cloned).stamp, None, "it is not the project's own");
    }

    #[test]
    fn of_two_with_one_stamp_the_later_is_the_copy() {
        let first = observe::instance(&recorded()).expect("ours");
        let later = Instance {
            id: "f".repeat(64),
            created_at: Some("2999-01-01T00:00:00Z".to_owned()),
            ..first.clone()
        };
        let mut replaced = Instance { id: "e".repeat(64), ..later.clone() };
        replaced.stamp.generation += 1;
        let (genuine, copies) = apart(vec![later.clone(), first.clone(), replaced.clone()]);
        assert_eq!((genuine, copies), (vec![first, replaced], vec![later]));
    }

    #[test]
    fn a_closer_look_is_for_few() {
        let list: Vec<Listed> =
            serde_json::from_str(include_str!("../../../tests/fixtures/podman/list.json"))
                .expect("a recorded answer");
        let one = list[..1].to_vec();
        assert!(doubtful(&one).is_empty(), "the only one, under its own name");
        let mut renamed = one.clone();
        renamed[0].names = vec!["other".to_owned()];
        assert_eq!(doubtful(&renamed).len(), 1);
        let mut second = one[0].clone();
        second.id = "f".repeat(64);
        assert_eq!(doubtful(&[one[0].clone(), second]).len(), 2, "which is which?");
    }
}
