//! The states that people see: what the provider says, and what is under way.

use serde::{Deserialize, Serialize};

use super::observed::{Instance, Power};

/// The state of an instance.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// There is none.
    NotCreated,
    /// It is being made.
    Creating,
    /// It is being started, or is up and does not answer yet.
    Starting,
    /// It runs and can be entered.
    Running,
    /// It is being stopped.
    Stopping,
    /// It exists and does not run.
    Stopped,
    /// It is being suspended.
    Suspending,
    /// It is frozen, in memory or on disk.
    Suspended,
    /// It is being resumed.
    Resuming,
    /// It is being removed.
    Removing,
    /// The provider reports a failure of it.
    Error,
    /// It could not be found out.
    Unknown,
}

/// What a live vagrantp is doing to the instance, after its journal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UnderWay {
    /// `up`, with an instance to be made.
    Creating,
    /// `up` or `restart`, with an instance to be started.
    Starting,
    /// `stop`.
    Stopping,
    /// `suspend`.
    Suspending,
    /// `resume`.
    Resuming,
    /// `rm`.
    Removing,
}

impl State {
    /// Every state.
    pub const ALL: [State; 12] = [
        State::NotCreated,
        State::Creating,
        State::Starting,
        State::Running,
        State::Stopping,
        State::Stopped,
        State::Suspending,
        State::Suspended,
        State::Resuming,
        State::Removing,
        State::Error,
        State::Unknown,
    ];

    /// The state of what the provider shows, while `under_way` is done to it.
    #[must_use]
    pub fn of(power: Option<Power>, under_way: Option<UnderWay>) -> State {
        match (power, under_way) {
            (_, Some(UnderWay::Removing)) => State::Removing,
            (None | Some(Power::Created), Some(UnderWay::Creating)) => State::Creating,
            (None, _) => State::NotCreated,
            (Some(Power::Running), Some(UnderWay::Stopping)) => State::Stopping,
            (Some(Power::Running), Some(UnderWay::Suspending)) => State::Suspending,
            (Some(Power::Running), _) => State::Running,
            (Some(Power::Paused), Some(UnderWay::Resuming | UnderWay::Starting)) => State::Resuming,
            (Some(Power::Paused), _) => State::Suspended,
            (Some(Power::Created | Power::Stopped), Some(UnderWay::Starting)) => State::Starting,
            (Some(Power::Stopped), Some(UnderWay::Creating)) => State::Creating,
            (Some(Power::Created | Power::Stopped), _) => State::Stopped,
            (Some(Power::Stopping), _) => State::Stopping,
            (Some(Power::Removing), _) => State::Removing,
            (Some(Power::Unknown), _) => State::Unknown,
        }
    }

    /// The state of an instance. A VM that is up and does not answer is starting, where
    /// `awaits_ssh` says that it is to; one that cannot go on is in error.
    #[must_use]
    pub fn of_instance(
        instance: Option<&Instance>,
        awaits_ssh: bool,
        under_way: Option<UnderWay>,
    ) -> State {
        let Some(instance) = instance else { return State::of(None, under_way) };
        let vm = instance.vm.as_ref();
        let is_stuck = vm.is_some_and(|vm| vm.trouble.is_some() && instance.state.is_up());
        if under_way.is_none() && (is_stuck || instance.life.damaged.is_some()) {
            return State::Error;
        }
        let is_silent = awaits_ssh && vm.is_some_and(|vm| vm.answers == Some(false));
        match State::of(Some(instance.state), under_way) {
            State::Running if is_silent => State::Starting,
            state => state,
        }
    }

    /// As in JSON and on the screen.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            State::NotCreated => "not_created",
            State::Creating => "creating",
            State::Starting => "starting",
            State::Running => "running",
            State::Stopping => "stopping",
            State::Stopped => "stopped",
            State::Suspending => "suspending",
            State::Suspended => "suspended",
            State::Resuming => "resuming",
            State::Removing => "removing",
            State::Error => "error",
            State::Unknown => "unknown",
        }
    }
}

impl std::fmt::Display for State {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // For people, without the underscore.
        f.write_str(&self.as_str().replace('_', " "))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_dead_owner_leaves_no_transient_state() {
        for power in [Power::Created, Power::Running, Power::Paused, Power::Stopped] {
            let state = State::of(Some(power), None);
            assert!(matches!(state, State::Running | State::Suspended | State::Stopped));
        }
        assert_eq!(State::of(None, None), State::NotCreated);
    }

    #[test]
    fn what_a_vm_shows_is_told_apart() {
        use crate::model::vm::Trouble;
        let wish = crate::plan::fixture::desired_vm();
        let seen = |power, edit: fn(&mut crate::model::vm::ObservedVm)| {
            let mut instance = crate::plan::fixture::instance(&wish, power);
            edit(instance.vm.as_mut().unwrap());
            instance
        };
        let silent = seen(Power::Running, |vm| vm.answers = Some(false));
        let of = |instance: &Instance, awaits| State::of_instance(Some(instance), awaits, None);
        assert_eq!(of(&silent, true), State::Starting);
        assert_eq!(of(&silent, false), State::Running, "nobody waits for that");
        assert_eq!(of(&seen(Power::Running, |_| {}), true), State::Running);
        let asleep = seen(Power::Paused, |vm| vm.suspended_to_disk = true);
        assert_eq!(of(&asleep, true), State::Suspended);
        for trouble in [Trouble::DiskError, Trouble::Panicked, Trouble::Crashed] {
            let mut stuck = seen(Power::Running, |_| {});
            stuck.vm.as_mut().unwrap().trouble = Some(trouble);
            assert_eq!(of(&stuck, true), State::Error, "{trouble:?}");
            let under_way = State::of_instance(Some(&stuck), true, Some(UnderWay::Stopping));
            assert_eq!(under_way, State::Stopping, "somebody is at it");
            stuck.state = Power::Stopped;
            assert_eq!(of(&stuck, true), State::Stopped, "it is over");
        }
    }

    #[test]
    fn what_is_under_way_shows() {
        use UnderWay as U;
        assert_eq!(State::of(None, Some(U::Creating)), State::Creating);
        assert_eq!(State::of(Some(Power::Created), Some(U::Starting)), State::Starting);
        assert_eq!(State::of(Some(Power::Running), Some(U::Stopping)), State::Stopping);
        assert_eq!(State::of(Some(Power::Running), Some(U::Removing)), State::Removing);
        assert_eq!(State::of(Some(Power::Paused), Some(U::Resuming)), State::Resuming);
        assert_eq!(State::of(Some(Power::Running), Some(U::Suspending)), State::Suspending);
    }
}
