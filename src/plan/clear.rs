//! What crashes and others left: cleared away on the way to what is wanted.

use crate::model::capability::Cost;
use crate::model::id::InfraType;
use crate::model::observed::{Instance, Power};

use super::Cause;
use super::action::{Action, StopMode, Target, Volumes};
use super::build::Builder;
use super::steps::{at_rest, stop};

impl Builder<'_> {
    /// A crash in the middle of a replacement left two: this is the one that lost.
    pub(super) fn remove_leftover(&mut self, leftover: &Instance) {
        if leftover.state == Power::Removing {
            return self.see_off(leftover);
        }
        let cause = Cause::found("a replacement that was interrupted");
        if !at_rest(leftover.state) {
            self.steps.push(stop(leftover, StopMode::Kill, cause.clone()));
        }
        let target = Target::of(leftover);
        self.free(Action::Remove { target, volumes: Volumes::Keep }, cause);
    }

    /// Nobody is asked: who began to remove it decided that, and there is no way back.
    pub(super) fn see_off(&mut self, going: &Instance) {
        let found = match going.stamp.infra_type {
            InfraType::Container => "it is being removed already, with everything written in it",
            InfraType::Vm => "its making or its removal was interrupted",
        };
        let cause = Cause::found(found);
        let remove = Action::Remove { target: Target::of(going), volumes: Volumes::Remove };
        self.push(remove, Cost::Destroy, cause);
    }

    /// Files that were saved for a replacement of what is not there any more.
    pub(super) fn remove_all_files(&mut self) {
        for image in self.observed.saved_images.clone() {
            self.free(
                Action::RemoveImage { image },
                Cause::found("a replacement that was interrupted"),
            );
        }
    }

    /// Files that were saved for another replacement than the one that is there: a crash kept them.
    pub(super) fn remove_old_files(&mut self, instance: &Instance) {
        let own = format!("{}-", instance.stamp.generation);
        let of_another = |image: &&String| {
            image.rsplit_once(':').is_some_and(|(_, moment)| !moment.starts_with(&own))
        };
        for image in self.observed.saved_images.iter().filter(of_another) {
            let cause = Cause::found("a replacement that was interrupted");
            self.free(Action::RemoveImage { image: image.clone() }, cause);
        }
    }
}
