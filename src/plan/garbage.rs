//! What is left over: machines that have outlived their time or their directory, and images,
//! networks and files of vagrantp's that no instance stands behind.

use std::collections::BTreeSet;
use std::path::PathBuf;

use jiff::Timestamp;

use crate::model::capability::Cost;
use crate::model::garbage::{Inventory, OwnImage};
use crate::model::id::InstanceUuid;
use crate::model::image::LocalImage;
use crate::model::lifetime::{Lifetime, Ttl};
use crate::model::observed::{Instance, Power};
use crate::model::stamp::Stamp;
use crate::model::units::Bytes;

use super::action::Action;
use super::{Cause, Step};

/// What there is where a project's directory was.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ground {
    /// The directory, or another in its place.
    There,
    /// Nothing.
    Bare {
        /// The device of the nearest directory above that is there.
        device: u64,
        /// Where the file system is mounted that the directory would be in now.
        mount: PathBuf,
    },
    /// That cannot be told: somebody may not look there, or something else is in the way.
    Unknown,
}

/// Whether the directory that an object was made for was removed, or moved, for certain: the disk
/// that it was on is where it was, and the directory is not on it.
#[must_use]
pub fn is_removed(stamp: &Stamp, ground: &Ground) -> bool {
    match ground {
        Ground::Bare { device, mount } => {
            *device == stamp.device && stamp.mount.as_ref().is_none_or(|then| then == mount)
        }
        Ground::There | Ground::Unknown => false,
    }
}

/// What is asked about an instance, or a leftover.
#[derive(Clone, Copy, Debug)]
pub struct Question {
    /// The time.
    pub now: Timestamp,
    /// Whether machines go whose directory was removed, snapshots whose machine is gone, and images
    /// that no machine is made from: `--orphans`.
    pub orphans: bool,
    /// Nothing goes that has been of no use for less than this: `--older-than`.
    pub older_than: Option<Ttl>,
}

/// What becomes of an instance.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It stays.
    Stays,
    /// It has outlived its time to live.
    Expired(Lifetime),
    /// Its directory is gone, and those were asked for.
    Orphan,
    /// Its directory is gone, and nobody asked for those.
    OrphanKept,
    /// Its directory is not to be seen, which may have another reason than that it was removed.
    Away,
}

impl Question {
    /// Decides about one instance.
    #[must_use]
    pub fn judge(
        &self,
        instance: &Instance,
        lifetime: Option<Lifetime>,
        ground: &Ground,
    ) -> Verdict {
        if let Some(lifetime) = lifetime.filter(|lifetime| lifetime.is_over(self.now))
            && self.is_old_enough(lifetime.end())
        {
            return Verdict::Expired(lifetime);
        }
        match ground {
            Ground::There => Verdict::Stays,
            ground if !is_removed(&instance.stamp, ground) => Verdict::Away,
            _ if !self.orphans => Verdict::OrphanKept,
            _ if self.is_old_enough(last_use(instance)) => Verdict::Orphan,
            _ => Verdict::Stays,
        }
    }

    /// Whether something has been of no use for long enough. What does not say since when has not.
    #[must_use]
    pub fn is_old_enough(&self, since: Option<Timestamp>) -> bool {
        let Some(older_than) = self.older_than else { return true };
        let end = since.and_then(|since| since.checked_add(older_than.duration()).ok());
        end.is_some_and(|end| end <= self.now)
    }
}

/// When an instance was last of use, as far as its provider shows: what runs was started then.
fn last_use(instance: &Instance) -> Option<Timestamp> {
    let ended = instance.finished_at.as_ref().filter(|_| instance.state != Power::Running);
    let times = [instance.created_at.as_ref(), instance.started_at.as_ref(), ended];
    times.into_iter().flatten().filter_map(|time| time.parse().ok()).max()
}

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

/// The snapshots of machines that are gone. Somebody has made each for a purpose, and nothing else
/// holds those files: they go only where such things are asked for.
pub fn lone_snapshots<'a>(
    inventory: &'a Inventory,
    living: &'a BTreeSet<InstanceUuid>,
    busy: &'a BTreeSet<InstanceUuid>,
) -> impl Iterator<Item = &'a OwnImage> {
    let is_needed = |owner: &InstanceUuid| living.contains(owner) || busy.contains(owner);
    let snapshots =
        inventory.images.iter().filter(|image| image.holds == LocalImage::Snapshot && !image.used);
    snapshots.filter(move |image| !image.owner.as_ref().is_some_and(is_needed))
}

/// The images that were imported or built whole, and that no machine is made from: the next `up` of
/// the project that they were made for, or of another, may use them. They go where such things are
/// asked for.
pub fn cached(inventory: &Inventory) -> impl Iterator<Item = &OwnImage> {
    let is_whole = |image: &&OwnImage| match image.holds {
        LocalImage::Imported | LocalImage::Built => !image.unfinished,
        LocalImage::Saved | LocalImage::Snapshot => false,
    };
    inventory.images.iter().filter(is_whole).filter(|image| !image.used)
}

/// What can go, the images first: those that hold saved files are made from others.
///
/// `living` are the instances that the provider has, `busy` those that somebody is at work on:
/// what belongs to either is never left over. `cache` are the images that nobody used before
/// anything was removed; none where nothing was: what only the removed were made from goes with them.
#[must_use]
pub fn leftovers(
    inventory: &Inventory,
    living: &BTreeSet<InstanceUuid>,
    busy: &BTreeSet<InstanceUuid>,
    question: &Question,
    cache: Option<&BTreeSet<String>>,
) -> Vec<Leftover> {
    let stays = |image: &OwnImage| cache.is_none_or(|names| names.contains(&image.name));
    let spared: BTreeSet<&str> = cached(inventory)
        .filter(|image| !question.orphans && stays(image))
        .map(|image| image.name.as_str())
        .collect();
    let is_needed = |owner: &InstanceUuid| living.contains(owner) || busy.contains(owner);
    let mut images: Vec<_> = inventory
        .images
        .iter()
        .filter(|image| !image.used && !image.owner.as_ref().is_some_and(is_needed))
        .filter(|image| !image.unfinished || busy.is_empty())
        .filter(|image| question.orphans || image.holds != LocalImage::Snapshot)
        .filter(|image| !spared.contains(image.name.as_str()))
        .filter(|image| question.is_old_enough(image.made_at))
        .collect();
    images.sort_by_key(|image| (image.owner.is_none(), &image.name));
    let images = images.into_iter().map(|image| Leftover {
        step: removal(image),
        owner: image.owner,
        size: Some(image.size),
    });
    let networks = inventory.networks.iter();
    let networks = networks
        .filter(|network| !network.used && !is_needed(&network.owner))
        .filter(|network| question.is_old_enough(network.made_at));
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

fn removal(image: &OwnImage) -> Step {
    let (cost, why) = match image.holds {
        _ if image.unfinished => (Cost::None, "its build came to no end"),
        LocalImage::Saved => (Cost::None, "its machine is gone"),
        LocalImage::Snapshot => (Cost::Destroy, "its machine is gone"),
        LocalImage::Imported | LocalImage::Built => (Cost::None, "no machine is made from it"),
    };
    let action = Action::RemoveImage { image: image.name.clone() };
    Step { action, cost, cause: Cause::found(why) }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::model::garbage::OwnNetwork;
    use crate::model::id::InfraType;

    fn uuid(path: &str) -> InstanceUuid {
        InstanceUuid::derive("m", 0, Path::new(path), InfraType::Container)
    }

    #[test]
    fn only_what_nobody_stands_behind_is_left_over() {
        let (alive, busy, gone) = (uuid("/alive"), uuid("/busy"), uuid("/gone"));
        let image = |name: &str, used, owner| OwnImage {
            name: name.to_owned(),
            holds: match name {
                name if name.starts_with("snapshot") => LocalImage::Snapshot,
                "unused" | "used" => LocalImage::Imported,
                name => LocalImage::of(name),
            },
            made_at: Some(at("2026-01-01T00:00:00Z")),
            unfinished: name == "built@part",
            size: Bytes(1),
            used,
            owner,
        };
        let network = |owner, used| OwnNetwork { name: "n".to_owned(), made_at: None, owner, used };
        let inventory = Inventory {
            images: vec![
                image("unused", false, None),
                image("used", true, None),
                image("built@part", false, None),
                image("of-alive", false, Some(alive)),
                image("of-busy", false, Some(busy)),
                image("of-gone", false, Some(gone)),
                image("of-gone-and-used", true, Some(gone)),
                image("snapshot of alive", false, Some(alive)),
                image("snapshot of busy", false, Some(busy)),
                image("snapshot of gone", false, Some(gone)),
                image("snapshot of gone and used", true, Some(gone)),
            ],
            copies: Vec::new(),
            networks: vec![
                network(alive, false),
                network(busy, false),
                network(gone, false),
                network(gone, true),
            ],
        };
        let names_after = |question: &Question, cache: Option<BTreeSet<String>>| -> Vec<String> {
            let found =
                leftovers(&inventory, &[alive].into(), &[busy].into(), question, cache.as_ref());
            let name = |leftover: &Leftover| match &leftover.step.action {
                Action::RemoveImage { image } => image.clone(),
                Action::RemoveNetwork { uuid, .. } if *uuid == gone => "network of gone".to_owned(),
                other => panic!("{other:?}"),
            };
            found.iter().map(name).collect()
        };
        let names = |question: &Question| names_after(question, None);
        assert_eq!(names(&question()), ["of-gone", "network of gone"]);
        // What became free by what was removed goes with it, and what was free before stays.
        let before = |names: &[&str]| Some(names.iter().map(|name| (*name).to_owned()).collect());
        let freed = names_after(&question(), before(&[]));
        assert_eq!(freed, ["of-gone", "unused", "network of gone"]);
        let kept = names_after(&question(), before(&["unused"]));
        assert_eq!(kept, ["of-gone", "network of gone"]);
        let spared: Vec<_> = cached(&inventory).map(|image| image.name.as_str()).collect();
        assert_eq!(spared, ["unused"]);
        let with_orphans = Question { orphans: true, ..question() };
        assert_eq!(
            names(&with_orphans),
            ["of-gone", "snapshot of gone", "unused", "network of gone"]
        );
        let (living, at_work) = ([alive].into(), [busy].into());
        let lone = lone_snapshots(&inventory, &living, &at_work);
        assert_eq!(lone.map(|image| image.name.as_str()).collect::<Vec<_>>(), ["snapshot of gone"]);
        // What does not say how old it is, is not old enough.
        let old = Question { older_than: Some(Ttl(60)), ..question() };
        assert_eq!(names(&old), ["of-gone"]);
        // With nobody at work, a build that came to no end is not going on.
        let all = leftovers(&inventory, &[alive].into(), &BTreeSet::new(), &question(), None);
        assert!(all.iter().any(
            |one| matches!(&one.step.action, Action::RemoveImage { image } if image == "built@part")
        ));
        let older = Question { older_than: Some(Ttl::LONGEST), ..question() };
        assert_eq!(names(&older), [""; 0]);
    }

    fn at(text: &str) -> Timestamp {
        text.parse().expect("a time")
    }

    fn question() -> Question {
        Question { now: at("2026-02-01T00:00:00Z"), orphans: false, older_than: None }
    }

    #[test]
    fn a_disk_that_is_not_there_is_no_directory_that_was_removed() {
        let wish = crate::plan::fixture::desired();
        let seen = crate::plan::fixture::observed(&wish, Power::Running);
        let mut stamp = seen.instance().expect("one").stamp.clone();
        (stamp.device, stamp.mount) = (7, Some("/mnt/disk".into()));
        let bare = |device, mount: &str| Ground::Bare { device, mount: mount.into() };
        assert!(is_removed(&stamp, &bare(7, "/mnt/disk")));
        for (ground, why) in [
            (Ground::There, "it is there"),
            (Ground::Unknown, "nobody may look"),
            (bare(1, "/"), "unmounted"),
            (bare(1, "/mnt/disk"), "another disk is mounted there"),
            (bare(7, "/"), "a bind mount of the same disk is gone"),
        ] {
            assert!(!is_removed(&stamp, &ground), "{why}");
        }
        // A stamp of before says nothing of mounts.
        stamp.mount = None;
        assert!(is_removed(&stamp, &bare(7, "/")) && !is_removed(&stamp, &bare(1, "/")));
    }

    #[test]
    fn machines_go_for_their_time_or_their_directory_and_for_nothing_else() {
        let wish = crate::plan::fixture::desired();
        let seen = crate::plan::fixture::observed(&wish, Power::Stopped);
        let mut machine = seen.instance().expect("one").clone();
        (machine.stamp.device, machine.stamp.mount) = (7, Some("/".into()));
        machine.created_at = Some("2026-01-01T00:00:00Z".to_owned());
        machine.finished_at = Some("2026-01-31T12:00:00+00:00".to_owned());
        let life = |since| Some(Lifetime { ttl: Ttl(60), since: at(since) });
        let (over, fresh) = (life("2026-01-31T00:00:00Z"), life("2026-01-31T23:30:00Z"));
        let gone = Ground::Bare { device: 7, mount: "/".into() };
        let away = Ground::Bare { device: 1, mount: "/".into() };
        let (plain, asked) = (question(), Question { orphans: true, ..question() });
        let old = |hours: u32| Question { older_than: Some(Ttl(60 * hours)), ..asked };
        let expired = Verdict::Expired(over.expect("a life"));
        for (question, lifetime, ground, verdict) in [
            (&plain, None, &Ground::There, Verdict::Stays),
            (&plain, fresh, &Ground::There, Verdict::Stays),
            (&plain, over, &Ground::There, expired.clone()),
            (&plain, over, &away, expired.clone()),
            (&plain, None, &gone, Verdict::OrphanKept),
            (&plain, None, &away, Verdict::Away),
            (&asked, None, &away, Verdict::Away),
            (&asked, None, &Ground::Unknown, Verdict::Away),
            (&asked, fresh, &gone, Verdict::Orphan),
            // It ended twelve hours ago, and its time was over 23 hours ago.
            (&old(12), None, &gone, Verdict::Orphan),
            (&old(13), None, &gone, Verdict::Stays),
            (&old(23), over, &Ground::There, expired),
            (&old(24), over, &Ground::There, Verdict::Stays),
        ] {
            let found = question.judge(&machine, lifetime, ground);
            assert_eq!(found, verdict, "{question:?} {lifetime:?} {ground:?}");
        }
    }
}
