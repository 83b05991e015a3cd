//! `gc`: removes what has outlived its time, and what no machine stands behind any more, of this
//! user's and of vagrantp's alone.

use std::sync::atomic::Ordering;

use clap::Args;
use jiff::Timestamp;
use serde_json::json;

use crate::config;
use crate::model::lifetime::Ttl;
use crate::plan::garbage::Question;
use crate::report::Answer;

use super::{Context, Failure};

mod collect;
mod look;
mod show;

/// The options of `gc`.
#[derive(Debug, Args)]
pub struct GcArgs {
    /// Show what would be removed, and remove nothing.
    #[arg(long)]
    pub dry_run: bool,
    /// Also remove machines whose project directory was removed, snapshots whose machine is gone, and
    /// images that no machine is made from. A directory that was moved looks the same as one that was
    /// removed: `vagrantp adopt` there takes its machine over.
    #[arg(long)]
    pub orphans: bool,
    /// Only what has been of no use for at least so long: machines whose INFRA_TTL ended, or that
    /// were last started or ended, before that; images and networks that were made before that.
    #[arg(long, value_name = "SPAN", value_parser = config::span)]
    pub older_than: Option<Ttl>,
}

/// Runs `gc`.
///
/// # Errors
/// No provider answers, nobody agreed, or something cannot be removed.
pub async fn run(context: &Context<'_>, args: &GcArgs) -> Result<Answer, Failure> {
    let (orphans, older_than) = (args.orphans, args.older_than);
    let question = Question { now: Timestamp::now(), orphans, older_than };
    let found = look::look(context, &question, None).await?;
    for kept in &found.kept {
        context.reporter.warn(&kept.says);
    }
    if !args.dry_run {
        context.store.tidy(context.reporter).await?;
    }
    if args.dry_run || found.count() == 0 {
        return Ok(show::answer(context, &found, None));
    }
    if let Err(mut failure) = super::consent::to_collect(context, &found.text()).await {
        failure.base.more.insert("leftovers", json!(found.items()));
        return Err(failure);
    }
    context.applying.store(true, Ordering::Relaxed);
    context.changed.store(true, Ordering::Relaxed);
    let removed = collect::collect(context, &found, &question).await;
    context.applying.store(false, Ordering::Relaxed);
    Ok(show::answer(context, &found, Some(removed?)))
}
