//! `adopt`: takes over the machine of a directory that was moved here.

use clap::Args;

use crate::exit;
use crate::plan::action::Fetch;
use crate::plan::steps::{Recreate, Twin};
use crate::provider::{Depth, Query, registry};
use crate::report::{Answer, json};

use super::consent::Agreed;
use super::converge::{self, Options};
use super::{Context, Failure, up};

/// The options of `adopt`.
#[derive(Debug, Args)]
pub struct AdoptArgs {}

/// Runs `adopt`: the container is made again around its files, with a stamp of this path's.
///
/// # Errors
/// There is nothing to adopt, or it cannot be made again.
pub async fn run(context: &Context<'_>, _: &AdoptArgs) -> Result<Answer, Failure> {
    let project = context.project()?;
    let wish = context.wish(&project)?;
    let options = Options {
        verb: "adopt",
        recreate: Recreate::WhereNeeded,
        fetch: Fetch::IfMissing,
        start: false,
        twin: Twin::Adopt,
        moment: None,
        saved: None,
    };
    let adopted = async {
        let desired = &wish.desired;
        let provider = registry::open(desired.identity.provider, &context.facts).await?;
        let query = Query { identity: &desired.identity, image: None, depth: Depth::Full };
        let before = provider.observe(&query).await?;
        let former = before.moved.as_ref().map(|moved| moved.stamp.clone());
        context.reporter.begin(&format!("{}: adopting", desired.identity.id));
        let agreed = Agreed { restart: context.global.yes, recreate: false, handed: None };
        // Before the machine carries another name: after that, nobody would find what is kept under
        // its former one. It describes nothing that the machine does not show.
        if let Some(former) = &former {
            let store = context.store.instance(former.uuid);
            if store.dir().is_dir() {
                let lock = store.lock("adopt", context.lock_timeout(), context.reporter).await?;
                store.remove(lock)?;
            }
            context.store.release(former.uuid, context.lock_timeout(), context.reporter).await?;
        }
        let done = converge::converge(context, desired, &*provider, &options, agreed).await?;
        Ok::<_, Failure>((done, former))
    };
    let (done, former) = match adopted.await {
        Ok(done) => done,
        Err(failure) => return Err(context.failed(failure, wish)),
    };
    let infrastructure = up::shape(context, &wish.desired, done.instance.as_ref());
    let message = match former {
        Some(former) if !done.plan.is_empty() => {
            format!("{} was taken over from {}.", infrastructure.id, former.project.display())
        }
        _ => format!("{} is this directory's already.", infrastructure.id),
    };
    let mut document = context.document(&wish.warnings);
    document.message = Some(message.clone());
    document.changed = Some(!done.plan.is_empty());
    document.plan = Some(json::steps(&done.plan));
    document.infrastructure = Some(infrastructure);
    document.next_steps = vec!["vagrantp up".to_owned()];
    Ok(Answer {
        document,
        text: format!("{message}\n  next       vagrantp up\n"),
        exit: exit::SUCCESS,
    })
}
