//! Action → one sentence.

use crate::model::id::InfraType;
use crate::model::image::{ImageSource, LocalImage};
use crate::model::spec::{BaseImage, InstanceSpec};
use crate::model::vm::WaitFor;

use super::count;
use crate::plan::action::{Action, Fetch, StopMode, Target, Volumes};

/// What a step does, in one sentence without its reason.
#[must_use]
pub fn says(action: &Action) -> String {
    match action {
        Action::FetchImage { image: ImageSource::Containerfile(path), fetch: Fetch::IfMissing } => {
            format!("Build the image from {}", path.display())
        }
        Action::FetchImage { image: ImageSource::Containerfile(path), fetch: Fetch::Always } => {
            format!(
                "Build the image from {}, with what it is made from fetched again",
                path.display()
            )
        }
        Action::FetchImage { image, fetch: Fetch::IfMissing } => format!("Fetch the image {image}"),
        Action::FetchImage { image, fetch: Fetch::Always } => {
            format!("Fetch the image {image} again")
        }
        Action::CreateNetwork { network } => match network.subnet {
            Some(subnet) if network.bridge.is_some() => format!(
                "Create the network {} on {} ({subnet})",
                network.name,
                network.bridge.as_deref().unwrap_or_default()
            ),
            Some(subnet) => format!("Create the network {} ({subnet})", network.name),
            None => format!("Create the network {}", network.name),
        },
        Action::Create { spec } => created(spec),
        Action::Start { target } => format!("Start {}", the(target)),
        Action::AwaitReady { target, readiness } => {
            let what = match readiness.wait_for {
                WaitFor::Ssh => "answers by SSH",
                WaitFor::Boot => "runs",
            };
            format!("Wait until {} {what} (at most {} s)", target.name, readiness.timeout.0)
        }
        Action::Configure { target, spec } if target.name != spec.name => {
            format!("Change {}, which is {} from then on ({})", the(target), spec.name, sizes(spec))
        }
        Action::Configure { target, spec } => format!("Change {} ({})", the(target), sizes(spec)),
        Action::ChangePorts { target, ports } if ports.is_empty() => {
            format!("Forward no ports to {} any more", the(target))
        }
        Action::ChangePorts { target, ports } => {
            let ports: Vec<_> = ports.iter().map(ToString::to_string).collect();
            format!("Forward to {} from now on: {}", the(target), ports.join(", "))
        }
        Action::GrowDisk { target, size } => format!("Grow the disk of {} to {size}", the(target)),
        Action::AuthorizeKeys { target, keys, .. } => {
            let keys = count(u32::try_from(keys.len()).unwrap_or(u32::MAX), "SSH key");
            format!("Let {keys} into {} from now on, and no others", the(target))
        }
        Action::Resume { target } => format!("Resume {}", the(target)),
        Action::Suspend { target } => format!("Suspend {}", the(target)),
        Action::Stop { target, mode: StopMode::Graceful { grace } } => {
            format!("Stop {} (killed after {} s)", the(target), grace.as_secs())
        }
        Action::Stop { target, mode: StopMode::Kill } => format!("Kill {}", the(target)),
        Action::Rename { target, to } => format!("Rename {} to {to}", the(target)),
        Action::SaveFiles { target, .. } => format!("Save the files of {}", the(target)),
        Action::TakeSnapshot { target, snapshot } => {
            let memory = if snapshot.memory { ", with its memory" } else { "" };
            format!("Take the snapshot {} of {}{memory}", snapshot.name, the(target))
        }
        Action::UseSnapshot { snapshot, .. } => {
            format!("Take the files of the snapshot {} ({})", snapshot.name, snapshot.taken())
        }
        Action::RevertSnapshot { target, snapshot } => format!(
            "Take {} back to the snapshot {} ({})",
            the(target),
            snapshot.name,
            snapshot.taken()
        ),
        Action::RemoveSnapshot { snapshot } => {
            format!("DELETE the snapshot {} ({})", snapshot.name, snapshot.taken())
        }
        Action::MoveSnapshot { snapshot, .. } => {
            format!("Take over the snapshot {} ({})", snapshot.name, snapshot.taken())
        }
        Action::ChangeAddress { target, address: Some(address), .. } => {
            format!("Give {} the address {address}", the(target))
        }
        Action::ChangeAddress { target, address: None, .. } => {
            format!("Give {} another address", the(target))
        }
        Action::JoinNetwork { target, network, .. } => {
            format!("Connect {} with its network {network}", the(target))
        }
        Action::LeaveNetwork { target, network } => {
            format!("Disconnect {} from the network {network}", the(target))
        }
        Action::SetLimits { target, memory, cpus } => {
            format!("Limit {} to {memory} and {} again", the(target), count(cpus.0, "CPU"))
        }
        Action::ChangeNetwork { from, to, .. } => match to.subnet {
            Some(subnet) => {
                format!("Replace the network {} by {} ({subnet})", from.name, to.name)
            }
            None => format!("Replace the network {} by {}", from.name, to.name),
        },
        Action::SetAutostart { target, autostart: true } => {
            format!("Start {} with the host from now on", the(target))
        }
        Action::SetAutostart { target, autostart: false } => {
            format!("Do not start {} with the host any more", the(target))
        }
        Action::Remove { target, volumes } => removed(target, *volumes),
        Action::RemoveNetwork { name, .. } => format!("Remove the network {name}"),
        Action::RemoveImage { image } => match LocalImage::of(image) {
            LocalImage::Saved => format!("Remove the saved files {image}"),
            LocalImage::Imported => format!("Remove the imported image {image}"),
            LocalImage::Built => format!("Remove the built image {image}"),
            LocalImage::Snapshot => format!("DELETE the snapshot {image}"),
        },
        Action::RemoveDisk { path, .. } => {
            format!("DELETE the disk that was kept, {}, with everything on it", path.display())
        }
    }
}

/// What it is, and its name: `the container web`.
fn the(target: &Target) -> String {
    format!("the {} {}", target.infra_type.noun(), target.name)
}

fn sizes(spec: &InstanceSpec) -> String {
    let disk = spec.vm.as_ref().map(|vm| format!(", a disk of {}", vm.disk_size));
    format!("{}, {}{}", spec.memory, count(spec.cpus.0, "CPU"), disk.unwrap_or_default())
}

fn created(spec: &InstanceSpec) -> String {
    let what = format!("Create the {} {}", spec.stamp.infra_type.noun(), spec.name);
    let made = spec.vm.as_ref().and_then(|vm| match (&vm.iso, &vm.kernel) {
        (Some(iso), _) => Some(iso.display()),
        (None, Some(kernel)) => Some(kernel.display()),
        (None, None) => None,
    });
    let from = match (&spec.image, made) {
        (BaseImage::Source(ImageSource::Blank), Some(made)) => format!("with {made}"),
        (BaseImage::Source(image), _) => format!("from {image}"),
        (BaseImage::Saved(_), _) => "again with its files".to_owned(),
        (BaseImage::KeptDisk, _) => "around the disk that was kept".to_owned(),
    };
    format!("{what} {from} ({})", sizes(spec))
}

fn removed(target: &Target, volumes: Volumes) -> String {
    let it = the(target);
    match (volumes, target.infra_type) {
        (Volumes::Remove, InfraType::Vm) => format!("DELETE {it} with its disk"),
        (Volumes::Remove, InfraType::Container) => {
            format!("DELETE {it} with everything written in it")
        }
        (Volumes::Keep, kind) => {
            format!("Remove the old {} {} (its files are kept)", kind.noun(), target.name)
        }
        (Volumes::KeepAlone, _) => {
            format!("DELETE {it} with what was written since the snapshot")
        }
        (Volumes::KeepDisk, _) => format!("Remove {it} (its disk is kept)"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::observed::Power;
    use crate::plan::action::Target;
    use crate::plan::fixture::{desired, instance, spec};

    #[test]
    fn every_action_has_its_sentence() {
        let wish = desired();
        let target = Target::of(&instance(&wish, Power::Running));
        let plan = crate::plan::fixture::up(&wish, &Default::default()).unwrap();
        let mut actions: Vec<Action> = plan.steps.into_iter().map(|step| step.action).collect();
        let network = actions
            .iter()
            .find_map(|action| match action {
                Action::CreateNetwork { network } => Some(network.clone()),
                _ => None,
            })
            .unwrap();
        let mode = StopMode::Kill;
        let snapshot = crate::plan::fixture::snapshot(&wish, "before");
        let volumes = Volumes::Remove;
        actions.extend([
            Action::Resume { target: target.clone() },
            Action::Suspend { target: target.clone() },
            Action::Stop { target: target.clone(), mode },
            Action::Rename { target: target.clone(), to: "api".to_owned() },
            Action::SaveFiles { target: target.clone(), image: "saved".to_owned() },
            Action::TakeSnapshot { target: target.clone(), snapshot: snapshot.clone() },
            Action::UseSnapshot { snapshot: snapshot.clone(), image: "saved".to_owned() },
            Action::RemoveSnapshot { snapshot: snapshot.clone() },
            Action::MoveSnapshot { snapshot, to: target.uuid },
            Action::ChangeAddress {
                target: target.clone(),
                network: spec(&wish).network,
                address: None,
            },
            Action::JoinNetwork {
                target: target.clone(),
                network: spec(&wish).network,
                address: None,
            },
            Action::LeaveNetwork { target: target.clone(), network: "net".to_owned() },
            Action::SetLimits {
                target: target.clone(),
                memory: spec(&wish).memory,
                cpus: spec(&wish).cpus,
            },
            Action::ChangeNetwork {
                target: target.clone(),
                from: network.clone(),
                to: network,
                former: None,
                address: None,
            },
            Action::SetAutostart { target: target.clone(), autostart: true },
            Action::Remove { target: target.clone(), volumes },
            Action::RemoveNetwork { name: "net".to_owned(), uuid: target.uuid },
            Action::RemoveImage { image: "saved".to_owned() },
            Action::RemoveDisk { path: "/assets/disk.qcow2".into(), uuid: target.uuid },
        ]);
        let mut names: Vec<_> = actions.iter().map(Action::name).collect();
        let sentences: Vec<_> = actions.iter().map(says).collect();
        for (sentence, name) in sentences.iter().zip(&names) {
            assert!(sentence.starts_with(char::is_uppercase) && sentence.len() > 12, "{name}");
        }
        names.sort_unstable();
        let mut all = Action::NAMES.to_vec();
        all.sort_unstable();
        assert_eq!(names, all, "each action once");
        let destroys = says(&Action::Remove { target, volumes });
        assert_eq!(destroys, "DELETE the container web with everything written in it");
    }
}
