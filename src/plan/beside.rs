//! What has to do with a project and is left alone: objects with its name or its labels that are not
//! its own, and a machine from when it lay elsewhere.

use std::path::Path;

use crate::model::id::Identity;
use crate::model::observed::{Observed, Stranger};
use crate::model::plain::{one_line, quoted};

use super::steps::copies;

/// Who has a name that a project wants.
#[must_use]
pub fn owner(stranger: &Stranger, uid: u32) -> String {
    match &stranger.stamp {
        Some(stamp) if stamp.uid == uid => format!("the project in {}", one_line(&stamp.project)),
        Some(stamp) => format!("another user's project (uid {})", stamp.uid),
        None => "something that vagrantp did not make".to_owned(),
    }
}

/// What to say to somebody who looks for a project's machine, of what is there in its place.
/// `is_there` tells whether a path is a directory.
#[must_use]
pub fn left_alone(
    identity: &Identity,
    observed: &Observed,
    is_there: impl Fn(&Path) -> bool,
) -> Vec<String> {
    let mut says = Vec::new();
    if let Some(moved) = observed.moved.as_ref().filter(|_| observed.instances.is_empty()) {
        says.push(moved_text(&moved.name, &moved.stamp.project, is_there(&moved.stamp.project)));
    }
    let former = observed.moved.as_ref().map(|moved| moved.stamp.uuid);
    let is_former = |stranger: &&Stranger| {
        former.is_some() && stranger.stamp.as_ref().map(|stamp| stamp.uuid) == former
    };
    // Where nobody chose the name, the machine gets another one.
    let stranger = observed.stranger.as_ref().filter(|_| identity.id_is_explicit);
    if let Some(stranger) = stranger.filter(|stranger| !is_former(stranger)) {
        let (name, owner) = (&stranger.name, owner(stranger, identity.uid));
        says.push(format!("the name `{name}` belongs to {owner}: that is left alone"));
    }
    says.extend(copies(observed));
    if let Some(network) = observed.network.as_ref().filter(|network| !network.ours) {
        says.push(format!(
            "the network {} has the name of this project's and is not its own: it is left alone",
            network.name
        ));
    }
    says
}

/// Of a machine that was made when its project lay elsewhere.
fn moved_text(name: &str, from: &Path, is_there: bool) -> String {
    let path = one_line(from);
    let else_ = if is_there {
        format!("`vagrantp -C {} rm` removes it", quoted(&path))
    } else {
        "`vagrantp gc --orphans` removes it".to_owned()
    };
    format!(
        "`{name}` was made for this project when it was at {path}, and is left alone: `vagrantp \
         adopt` takes it over, {else_}"
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::observed::{ObservedNetwork, Power};
    use crate::plan::fixture;

    #[test]
    fn each_thing_beside_is_named_with_what_can_be_done() {
        let wish = fixture::desired();
        let mut identity = wish.identity.clone();
        identity.id_is_explicit = true;
        let own = fixture::observed(&wish, Power::Running);
        assert_eq!(left_alone(&identity, &own, |_| true), [""; 0]);

        let mut seen = Observed::default();
        let mut moved = own.instances[0].clone();
        moved.stamp.project = "/old/a\nb".into();
        moved.stamp.uuid = crate::model::id::InstanceUuid::derive(
            "m",
            0,
            "/old".as_ref(),
            crate::model::id::InfraType::Container,
        );
        let stamp = moved.stamp.clone();
        seen.stranger = Some(Stranger { name: "web".to_owned(), stamp: Some(stamp.clone()) });
        seen.moved = Some(moved);
        let said = left_alone(&identity, &seen, |_| false);
        assert!(
            said.len() == 1 && said[0].contains("at /old/a\\nb, and is left alone"),
            "{said:?}"
        );
        assert!(said[0].contains("`vagrantp adopt`") && said[0].contains("gc --orphans"));
        let said = left_alone(&identity, &seen, |_| true);
        assert!(said[0].ends_with("`vagrantp -C '/old/a\\nb' rm` removes it"), "{said:?}");
        seen.moved = None;

        let of = |stamp: Option<_>| Stranger { name: "web".to_owned(), stamp };
        let theirs = crate::model::stamp::Stamp { uid: stamp.uid + 1, ..stamp.clone() };
        for (stranger, words) in [
            (of(None), "something that vagrantp did not make"),
            (of(Some(theirs)), "another user's project (uid "),
            (of(Some(stamp)), "the project in /old/a\\nb"),
        ] {
            let seen = Observed { stranger: Some(stranger), ..Observed::default() };
            let said = left_alone(&identity, &seen, |_| true);
            assert!(said.len() == 1 && said[0].contains(words), "{said:?}");
            let defaulted = Identity { id_is_explicit: false, ..identity.clone() };
            assert_eq!(left_alone(&defaulted, &seen, |_| true), [""; 0]);
        }
        let network = ObservedNetwork {
            ours: false,
            ..fixture::observed(&wish, Power::Running).network.expect("it has one")
        };
        let copies = vec!["web-2".to_owned()];
        let seen = Observed { copies, network: Some(network), ..Observed::default() };
        let said = left_alone(&identity, &seen, |_| true);
        assert_eq!(said.len(), 2);
        assert!(said[0].starts_with("web-2 carries") && said[1].contains("network"), "{said:?}");
    }
}
