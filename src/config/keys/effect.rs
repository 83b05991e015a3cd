//! What it costs to change a key, by the provider's own capabilities.

use super::Key;
use crate::model::capability::{Capabilities, Cost, Field};
use crate::model::changes::{self, Change};
use crate::model::id::ProviderKind;

/// What a change of a key does to a machine that exists.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Effect {
    /// The machine is changed, at this cost.
    Costs(Cost),
    /// What runs is changed where that can be done, and the machine changed at this cost where not.
    LiveElse(Cost),
    /// The machine stays as it is; what runs from then on goes by the new value.
    NextCall,
    /// It counts together with another key alone, which is not set so.
    Without(&'static str),
    /// There is one value that it can have.
    OnlyOne,
    /// It is another machine: this one stays.
    AnotherMachine,
    /// The provider has no use for it.
    NotUsed,
    /// The provider says nothing about it.
    Unknown,
}

/// What a change of `key` does where `provider` runs the machine.
#[must_use]
pub fn of(key: &Key, provider: ProviderKind, capabilities: &Capabilities) -> Effect {
    match key.name {
        _ if !key.used_by.contains(&provider) => Effect::NotUsed,
        "INFRA_TYPE" => Effect::AnotherMachine,
        "PROVIDER" if matches!(provider, ProviderKind::Podman) => Effect::OnlyOne,
        "PROVIDER" => Effect::Costs(Cost::Recreate),
        // Nothing but the default mode is left to write.
        "NETWORK_MODE" | "BRIDGE" if !capabilities.bridge => Effect::Costs(Cost::Refused),
        "AUTOSTART" if !capabilities.autostart => Effect::Costs(Cost::Refused),
        name => {
            let field = Field::ALL.into_iter().find(|field| field.key() == name);
            let cost = field.map(|field| capabilities.cost(field));
            match (changes::of(name, provider), cost) {
                (Some(Change::LiveElse(other)), None | Some(Cost::Live)) => Effect::LiveElse(other),
                (Some(Change::Nothing), _) => Effect::NextCall,
                (_, Some(cost)) => Effect::Costs(cost),
                (Some(change), None) => Effect::Costs(change.cost()),
                (None, None) => Effect::Unknown,
            }
        }
    }
}

impl Effect {
    /// The word for programs; none where nobody knows.
    #[must_use]
    pub fn as_str(self) -> Option<&'static str> {
        match self {
            Effect::Costs(cost) => Some(cost.as_str()),
            Effect::LiveElse(Cost::Restart) => Some("live_or_restart"),
            Effect::LiveElse(Cost::Recreate) => Some("live_or_recreate"),
            Effect::LiveElse(_) => Some("live_or_replace"),
            Effect::NextCall | Effect::AnotherMachine | Effect::NotUsed | Effect::Without(_) => {
                Some(Cost::None.as_str())
            }
            Effect::OnlyOne => Some(Cost::Refused.as_str()),
            Effect::Unknown => None,
        }
    }

    /// What the next `up` does with the machine that there is, and that is up or not.
    #[must_use]
    pub fn says(self, is_up: bool) -> String {
        let text = match self {
            Effect::Without(needs) => return format!("nothing: it counts with {needs} alone"),
            Effect::Costs(Cost::Live) if !is_up => "it is changed; its files stay",
            Effect::Costs(Cost::Restart) if !is_up => "it is changed; its files stay",
            Effect::Costs(Cost::Replace) if !is_up => "it is made again around its files",
            Effect::LiveElse(Cost::Restart) if !is_up => "it is changed; its files stay",
            Effect::LiveElse(Cost::Replace) if !is_up => {
                "it is changed where that can be done; where not, it is made again around its files"
            }
            Effect::Costs(Cost::None) => "nothing",
            Effect::Costs(Cost::Live) => "it is changed as it runs; nothing is interrupted",
            Effect::Costs(Cost::Restart) => "it is stopped and started; its files stay",
            Effect::Costs(Cost::Replace) => {
                "it is made again around its files; what runs in it is stopped"
            }
            Effect::Costs(Cost::Recreate | Cost::Destroy) => {
                "it starts from its image again, and everything written in it since is lost: \
                 `up --recreate` agrees to that"
            }
            Effect::Costs(Cost::Refused) => "refused: this provider cannot do it",
            Effect::LiveElse(Cost::Restart) => {
                "it is changed as it runs where that can be done; where not, it is stopped and \
                 started, and its files stay"
            }
            Effect::LiveElse(Cost::Recreate) => {
                "it is changed as it runs where that can be done; where not, it starts from its \
                 image again, and everything written in it since is lost: `up --recreate` agrees to \
                 that"
            }
            Effect::LiveElse(_) => {
                "it is changed as it runs where that can be done; where not, it is made again around \
                 its files, and what runs in it is stopped"
            }
            Effect::NextCall => "nothing; the new value holds from the next call on",
            Effect::OnlyOne => "refused: for a machine of this type there is no other value",
            Effect::AnotherMachine => "nothing; another machine is made beside it",
            Effect::NotUsed => "nothing; this provider has no use for the key",
            Effect::Unknown => "not known: this provider says nothing about it",
        };
        text.to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::super::{all, find};
    use super::*;
    use crate::model::capability::ImageKind;
    use crate::model::id::InfraType;

    fn capabilities() -> Capabilities {
        let costs = [Cost::Live, Cost::Restart, Cost::Replace, Cost::Recreate];
        Capabilities {
            costs: Field::ALL.into_iter().zip(costs.into_iter().cycle()).collect(),
            runs: InfraType::Container,
            bridge: true,
            fixed_address: true,
            snapshots: true,
            keeps_disk: false,
            suspend: true,
            autostart: true,
            images: vec![ImageKind::Registry],
        }
    }

    #[test]
    fn a_field_costs_what_the_provider_says() {
        let capabilities = capabilities();
        let next_call =
            |key: &Key| changes::of(key.name, ProviderKind::Podman) == Some(Change::Nothing);
        for field in Field::ALL {
            let key = find(field.key()).expect("every field has a key");
            if !key.used_by.contains(&ProviderKind::Podman) || next_call(key) {
                continue;
            }
            let effect = of(key, ProviderKind::Podman, &capabilities);
            assert_eq!(effect, Effect::Costs(capabilities.cost(field)), "{}", key.name);
            assert_eq!(effect.as_str(), Some(capabilities.cost(field).as_str()));
        }
    }

    #[test]
    fn what_may_be_live_says_both() {
        let key = |name| find(name).expect("a key");
        let capabilities = capabilities();
        let keys = of(key("SSH_AUTHORIZED_KEYS"), ProviderKind::Qemu, &capabilities);
        assert_eq!(keys, Effect::LiveElse(Cost::Recreate));
        assert_eq!(keys.as_str(), Some("live_or_recreate"));
        let live = Capabilities { costs: vec![(Field::Cpus, Cost::Live)], ..capabilities };
        let cpus = of(key("CPUS"), ProviderKind::Libvirt, &live);
        assert_eq!(cpus, Effect::LiveElse(Cost::Restart));
        assert!(cpus.says(true).contains("stopped and started"));
        assert_eq!(cpus.says(false), "it is changed; its files stay");
    }

    #[test]
    fn nothing_is_interrupted_or_stopped_in_what_does_not_run() {
        for cost in [Cost::Live, Cost::Restart, Cost::Replace] {
            let either = (cost != Cost::Live).then_some(Effect::LiveElse(cost));
            for effect in [Effect::Costs(cost)].into_iter().chain(either) {
                let says = effect.says(false);
                assert!(!says.contains("stopped") && !says.contains("runs"), "{effect:?}: {says}");
            }
        }
    }

    #[test]
    fn what_the_text_refuses_is_refused_in_json() {
        let capabilities = Capabilities { costs: Vec::new(), ..capabilities() };
        for key in all() {
            let effect = of(key, ProviderKind::Podman, &capabilities);
            let refused = effect.says(true).starts_with("refused");
            assert_eq!(refused, effect.as_str() == Some("refused"), "{}: {effect:?}", key.name);
        }
    }

    #[test]
    fn what_cannot_be_done_is_refused() {
        let capabilities = Capabilities { bridge: false, autostart: false, ..capabilities() };
        for name in ["NETWORK_MODE", "BRIDGE", "AUTOSTART"] {
            let key = find(name).expect("is a key");
            let effect = of(key, ProviderKind::Podman, &capabilities);
            assert_eq!(effect, Effect::Costs(Cost::Refused), "{name}");
        }
    }

    #[test]
    fn podman_has_an_answer_for_every_key() {
        for key in all() {
            let effect = of(key, ProviderKind::Podman, &capabilities());
            assert_ne!(effect, Effect::Unknown, "{}", key.name);
            let used = key.used_by.contains(&ProviderKind::Podman);
            assert_eq!(effect == Effect::NotUsed, !used, "{}", key.name);
        }
        let next_call = find("STOP_TIMEOUT").expect("a key");
        assert_eq!(of(next_call, ProviderKind::Podman, &capabilities()), Effect::NextCall);
    }
}
