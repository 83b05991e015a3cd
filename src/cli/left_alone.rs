//! Says what is there in the place of a machine that is looked for, and is not it.

use std::path::Path;

use crate::plan::beside;
use crate::provider::{Depth, Query};

use super::Context;
use super::locate::Found;

/// Says it of the likeliest place, where no machine was found. What cannot be looked at is not
/// spoken of.
pub async fn tell(context: &Context<'_>, found: &Found, depth: Depth) {
    if depth == Depth::Full {
        return tell_seen(context, found);
    }
    let query = Query { identity: &found.identity, image: None, depth: Depth::Full };
    if let Ok(observed) = found.provider.observe(&query).await {
        say(context, &beside::left_alone(&found.identity, &observed, Path::is_dir));
    }
}

/// Says it of what was seen already.
pub fn tell_seen(context: &Context<'_>, found: &Found) {
    say(context, &beside::left_alone(&found.identity, &found.observed, Path::is_dir));
}

fn say(context: &Context<'_>, says: &[String]) {
    for warning in says {
        context.reporter.warn(warning);
    }
}
