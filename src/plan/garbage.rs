//! What is left over: images, networks and files of vagrantp's that no instance stands behind.

use std::collections::BTreeSet;

use crate::model::garbage::Inventory;
use crate::model::id::InstanceUuid;
use crate::model::units::Bytes;

use super::action::Action;
use super::{Cause, Step};

/// Something that can go.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Leftover {
    /// What removes it.
    pub step: Step,
    /// Whose it was, where it was one instance's.
    pub owner: Option<InstanceUuid>,
    /// How much comes free at most.
    pub size: Option<Bytes>,
}

/// What can go, the images first: those that hold saved files are made from others.
///
/// `living` are the instances that the provider has, `busy` those that somebody is at work on:
/// what belongs to either is never left over.
#[must_use]
pub fn leftovers(
    inventory: &Inventory,
    living: &BTreeSet<InstanceUuid>,
    busy: &BTreeSet<InstanceUuid>,
) -> Vec<Leftover> {
    let is_needed = |owner: &InstanceUuid| living.contains(owner) || busy.contains(owner);
    let mut images: Vec<_> = inventory
        .images
        .iter()
        .filter(|image| !image.used && !image.owner.as_ref().is_some_and(is_needed))
        .collect();
    images.sort_by_key(|image| (image.owner.is_none(), &image.name));
    let images = images.into_iter().map(|image| Leftover {
        step: Step::free(
            Action::RemoveImage { image: image.name.clone() },
            Cause::found(match image.owner {
                Some(_) => "its machine is gone",
                None => "no machine is made from it",
            }),
        ),
        owner: image.owner,
        size: Some(image.size),
    });
    let networks = inventory.networks.iter();
    let networks = networks.filter(|network| !network.used && !is_needed(&network.owner));
    let networks = networks.map(|network| Leftover {
        step: Step::free(
            Action::RemoveNetwork { name: network.name.clone(), uuid: network.owner },
            Cause::found("its machine is gone"),
        ),
        owner: Some(network.owner),
        size: None,
    });
    images.chain(networks).collect()
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::model::garbage::{OwnImage, OwnNetwork};
    use crate::model::id::InfraType;

    fn uuid(path: &str) -> InstanceUuid {
        InstanceUuid::derive("m", 0, Path::new(path), InfraType::Container)
    }

    #[test]
    fn only_what_nobody_stands_behind_is_left_over() {
        let (alive, busy, gone) = (uuid("/alive"), uuid("/busy"), uuid("/gone"));
        let image = |name: &str, used, owner| OwnImage {
            name: name.to_owned(),
            size: Bytes(1),
            used,
            owner,
        };
        let network = |owner, used| OwnNetwork { name: "n".to_owned(), owner, used };
        let inventory = Inventory {
            images: vec![
                image("unused", false, None),
                image("used", true, None),
                image("of-alive", false, Some(alive)),
                image("of-busy", false, Some(busy)),
                image("of-gone", false, Some(gone)),
                image("of-gone-and-used", true, Some(gone)),
            ],
            networks: vec![
                network(alive, false),
                network(busy, false),
                network(gone, false),
                network(gone, true),
            ],
        };
        let found = leftovers(&inventory, &[alive].into(), &[busy].into());
        let names: Vec<_> = found
            .iter()
            .map(|leftover| match &leftover.step.action {
                Action::RemoveImage { image } => image.as_str(),
                Action::RemoveNetwork { uuid, .. } if *uuid == gone => "network of gone",
                other => panic!("{other:?}"),
            })
            .collect();
        assert_eq!(names, ["of-gone", "unused", "network of gone"]);
    }
}
