//! `schema`: the JSON Schema of the keys, for editors and CI jobs.

use clap::Args;

use crate::config::keys::schema;
use crate::exit;
use crate::report::Answer;

use super::Context;

/// The options of `schema`.
#[derive(Debug, Args)]
pub struct SchemaArgs {}

/// Runs `schema`: the schema itself on stdout, and with `--json` within the usual document.
#[must_use]
pub fn run(context: &Context<'_>, _: &SchemaArgs) -> Answer {
    let mut document = context.document(&[]);
    document.message = Some(format!("The JSON Schema {}.", schema::ID));
    document.changed = Some(false);
    document.more.insert("json_schema", schema::schema());
    Answer { document, text: schema::text(), exit: exit::SUCCESS }
}
