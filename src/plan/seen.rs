//! What a plan was made for: as much of what was observed as agreeing to the plan was about.
//!
//! What passes by itself (addresses, process ids, when it was started) is left out. Of what was
//! written inside, only the order of magnitude counts: a log that grows changes no plan, and a copy
//! that would take much longer is another one.

use serde::{Deserialize, Serialize};

use crate::model::life::Limits;
use crate::model::mount::Mount;
use crate::model::network::PortForward;
use crate::model::observed::{Instance, Observed, ObservedNetwork, Power};
use crate::model::units::{Bytes, Memory};

use super::ASK_ABOVE;

/// What was there.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Seen {
    /// The objects of the project's, by the provider's id.
    pub instances: Vec<SeenInstance>,
    /// What has the wanted name and is not the project's.
    pub stranger: Option<String>,
    /// The project's network.
    pub network: Option<ObservedNetwork>,
    /// The provider's id of the image.
    pub image: Option<String>,
    /// The file that the image is made from, where it is one.
    pub image_file: Option<FileFacts>,
    /// The saved files of replaced instances.
    pub saved_images: Vec<String>,
}

/// One object.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SeenInstance {
    /// The provider's id.
    pub id: String,
    /// The provider's name for it.
    pub name: String,
    /// What it was doing.
    pub state: Power,
    /// Which replacement it is.
    pub generation: u32,
    /// A bound of what was written in it; none where nobody knows.
    pub written_at_most: Option<Bytes>,
    /// Its memory limit.
    pub memory: Option<Memory>,
    /// Its CPU limit.
    pub millicpus: Option<u32>,
    /// The limits that hold until it is started again.
    pub limits: Option<Limits>,
    /// Its ports.
    pub ports: Vec<PortForward>,
    /// Its mounts.
    pub mounts: Vec<Mount>,
    /// Its networks.
    pub networks: Vec<String>,
    /// Whether it comes back with the host.
    pub autostart: bool,
}

/// What tells one version of a file from another without reading it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileFacts {
    /// The file system.
    pub device: u64,
    /// The file.
    pub inode: u64,
    /// Its size in bytes.
    pub size: u64,
    /// When it was last written, in seconds since 1970.
    pub modified: i64,
    /// And the nanoseconds of that.
    pub modified_nanos: i64,
}

impl Seen {
    /// What of this look a plan was made for.
    #[must_use]
    pub fn of(observed: &Observed, image_file: Option<FileFacts>) -> Self {
        let mut instances: Vec<_> = observed.instances.iter().map(SeenInstance::of).collect();
        instances.sort_by(|a, b| a.id.cmp(&b.id));
        let mut saved_images = observed.saved_images.clone();
        saved_images.sort();
        Seen {
            instances,
            stranger: observed.stranger.as_ref().map(|stranger| stranger.name.clone()),
            network: observed.network.clone(),
            image: observed.image.as_ref().map(|image| image.id.clone()),
            image_file,
            saved_images,
        }
    }

    /// What has become of the project's objects since; none where all is as it was.
    #[must_use]
    pub fn difference(&self, now: &Seen) -> Option<String> {
        for then in &self.instances {
            let Some(now) = now.instances.iter().find(|now| now.id == then.id) else {
                return Some(format!("the container {} is gone", then.name));
            };
            if let Some(difference) = then.difference(now) {
                return Some(difference);
            }
        }
        let known = |new: &&SeenInstance| self.instances.iter().all(|then| then.id != new.id);
        if let Some(new) = now.instances.iter().find(known) {
            return Some(format!("there is a container {} that was not there then", new.name));
        }
        if self.stranger != now.stranger {
            return Some("who has the name of the container is another than then".to_owned());
        }
        if self.network != now.network {
            let became = match (&self.network, &now.network) {
                (None, Some(_)) => "was made since",
                (Some(_), None) => "is gone",
                _ => "is another one than then",
            };
            return Some(format!("the project's network {became}"));
        }
        (self.saved_images != now.saved_images)
            .then(|| "the saved files of replaced containers are others than then".to_owned())
    }

    /// What has become of the image since; none where it is the same.
    #[must_use]
    pub fn difference_of_image(&self, now: &Seen) -> Option<String> {
        if self.image_file != now.image_file {
            return Some("the file that IMAGE names was changed since".to_owned());
        }
        (self.image != now.image).then(|| "the image is another one than then".to_owned())
    }
}

impl SeenInstance {
    fn of(instance: &Instance) -> Self {
        SeenInstance {
            id: instance.id.clone(),
            name: instance.name.clone(),
            state: instance.state,
            generation: instance.stamp.generation,
            written_at_most: instance.written.map(at_most),
            memory: instance.memory,
            millicpus: instance.millicpus,
            limits: instance.life.limits,
            ports: instance.ports.clone(),
            mounts: instance.mounts.clone(),
            networks: instance.networks.clone(),
            autostart: instance.autostart,
        }
    }

    fn difference(&self, now: &SeenInstance) -> Option<String> {
        let name = &self.name;
        if self.name != now.name {
            return Some(format!("the container {name} is called {} now", now.name));
        }
        if self.state != now.state {
            let (then, now) = (power(self.state), power(now.state));
            return Some(format!("the container {name} was {then} and is {now} now"));
        }
        if self.written_at_most != now.written_at_most {
            let amount = |bytes: Option<Bytes>| {
                bytes.map_or_else(|| "an unknown amount".to_owned(), |b| format!("at most {b}"))
            };
            let (then, now) = (amount(self.written_at_most), amount(now.written_at_most));
            return Some(format!(
                "what is written in the container {name} was {then} and is {now} now"
            ));
        }
        let what = if self.generation != now.generation {
            "generation"
        } else if (self.memory, self.millicpus, self.limits)
            != (now.memory, now.millicpus, now.limits)
        {
            "limits"
        } else if self.ports != now.ports {
            "ports"
        } else if self.mounts != now.mounts {
            "mounts"
        } else if self.networks != now.networks {
            "networks"
        } else if self.autostart != now.autostart {
            "autostart"
        } else {
            return None;
        };
        Some(format!("the {what} of the container {name} changed since"))
    }
}

/// What may be written before it is another order of magnitude: what is asked about at all, and
/// from there on twice as much each time.
fn at_most(written: Bytes) -> Bytes {
    let mut bound = ASK_ABOVE;
    while written > bound && bound.0 <= u64::MAX / 2 {
        bound = Bytes(bound.0 * 2);
    }
    bound
}

/// The state in a word.
fn power(state: Power) -> &'static str {
    match state {
        Power::Created => "created",
        Power::Running => "running",
        Power::Paused => "suspended",
        Power::Stopping => "stopping",
        Power::Stopped => "stopped",
        Power::Removing => "being removed",
        Power::Unknown => "in an unknown state",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::observed::{ObservedImage, Stranger};
    use crate::plan::fixture::{desired, observed};

    const FACTS: FileFacts =
        FileFacts { device: 1, inode: 2, size: 3, modified: 4, modified_nanos: 5 };

    /// What is said where the world of then becomes this one.
    fn since(change: impl FnOnce(&mut Observed)) -> Option<String> {
        let mut world = observed(&desired(), Power::Running);
        world.instances[0].written = Some(Bytes(0));
        let then = Seen::of(&world, Some(FACTS));
        change(&mut world);
        let now = Seen::of(&world, Some(FACTS));
        assert_eq!(then.difference(&then), None);
        assert_eq!(then == now, then.difference(&now).is_none(), "{now:?}");
        then.difference(&now)
    }

    #[test]
    fn what_passes_by_itself_is_no_difference() {
        let same = since(|world| {
            let instance = &mut world.instances[0];
            instance.pid = Some(7);
            instance.address = Some([10, 0, 0, 9].into());
            instance.started_at = Some("2026-11-21T12:00:00Z".to_owned());
            instance.written = Some(Bytes(900 << 20));
        });
        assert_eq!(same, None);
    }

    #[test]
    fn what_consent_was_about_is_told_where_it_changed() {
        type Becomes = fn(&mut Observed);
        let changes: [(Becomes, &str); 12] = [
            (
                |world| world.instances[0].state = Power::Paused,
                "the container web was running and is suspended now",
            ),
            (
                |world| world.instances[0].written = Some(Bytes(1100 << 20)),
                "what is written in the container web was at most 1.0 GiB and is at most 2.0 GiB now",
            ),
            (|world| world.instances.clear(), "the container web is gone"),
            (
                |world| {
                    let twin = Instance { id: "2".to_owned(), ..world.instances[0].clone() };
                    world.instances.push(twin);
                },
                "there is a container web that was not there then",
            ),
            (
                |world| world.instances[0].name = "api".to_owned(),
                "the container web is called api now",
            ),
            (
                |world| world.instances[0].stamp.generation = 9,
                "the generation of the container web changed since",
            ),
            (
                |world| world.instances[0].millicpus = Some(500),
                "the limits of the container web changed since",
            ),
            (
                |world| world.instances[0].networks.push("other".to_owned()),
                "the networks of the container web changed since",
            ),
            (
                |world| world.instances[0].autostart = true,
                "the autostart of the container web changed since",
            ),
            (
                |world| world.stranger = Some(Stranger { name: "web".to_owned(), stamp: None }),
                "who has the name of the container is another than then",
            ),
            (|world| world.network = None, "the project's network is gone"),
            (
                |world| world.saved_images.push("saved".to_owned()),
                "the saved files of replaced containers are others than then",
            ),
        ];
        for (becomes, says) in changes {
            assert_eq!(since(becomes).as_deref(), Some(says));
        }
    }

    #[test]
    fn another_image_is_told() {
        let world = observed(&desired(), Power::Running);
        let then = Seen::of(&world, Some(FACTS));
        assert_eq!(then.difference_of_image(&then), None);
        let swapped = Seen::of(&world, Some(FileFacts { size: 30, ..FACTS }));
        let says = then.difference_of_image(&swapped);
        assert_eq!(says.as_deref(), Some("the file that IMAGE names was changed since"));
        let image =
            Some(ObservedImage { id: "sha256:2".to_owned(), architecture: None, outdated: false });
        let pulled = Seen::of(&Observed { image, ..world }, Some(FACTS));
        assert_eq!(then.difference(&pulled), None);
        let says = then.difference_of_image(&pulled);
        assert_eq!(says.as_deref(), Some("the image is another one than then"));
    }

    #[test]
    fn a_bound_is_what_is_asked_about_and_its_doubles() {
        let gib = |bytes: u64| at_most(Bytes(bytes)).0 >> 30;
        assert_eq!([0, 1 << 30, (1 << 30) + 1, 2 << 30, 3 << 30].map(gib), [1, 1, 2, 2, 4]);
        assert!(at_most(Bytes(u64::MAX)).0 >= 1 << 63);
    }
}
