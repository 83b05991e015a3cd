//! `validate`: checks the `.env` without asking any provider, and shows how it is understood.

use clap::Args;
use serde_json::{Map, Value, json};

use crate::config::Setting;
use crate::config::keys::{self, readable};
use crate::exit;
use crate::model::problem::Problem;
use crate::model::source::{Layer, Origin};
use crate::report::{Answer, Document, json as report_json};
use crate::resolve;

use super::{Context, Failure};

/// The options of `validate`.
#[derive(Debug, Args)]
pub struct ValidateArgs {}

/// Runs `validate`.
///
/// # Errors
/// Every mistake of every file at once.
pub fn run(context: &Context<'_>, _: &ValidateArgs) -> Result<Answer, Failure> {
    let project = context.project()?;
    let loaded = context.load(&project);
    let mut errors = loaded.errors;
    let resolved =
        loaded.config.as_ref().map(|config| resolve::resolve(config, &project, &context.facts));
    let desired = match resolved {
        Some(Ok(desired)) => Some(desired),
        Some(Err(problems)) => {
            errors.extend(problems);
            None
        }
        None => None,
    };
    let mut document = context.document(&loaded.warnings);
    describe(&mut document, &errors, &loaded.settings);
    let Some(desired) = desired.filter(|_| errors.is_empty()) else {
        return Err(Failure {
            problems: errors,
            warnings: loaded.warnings,
            sources: loaded.sources,
            base: Box::new(document),
            ..Failure::default()
        });
    };
    context.reporter.warnings(&loaded.warnings, &loaded.sources);
    let identity = &desired.identity;
    let warned = match loaded.warnings.len() {
        0 => String::new(),
        1 => ", with one warning".to_owned(),
        count => format!(", with {count} warnings"),
    };
    let message = format!(
        "The configuration is valid{warned}: {} is a {} on {}.",
        identity.id, identity.infra_type, identity.provider
    );
    let mut text = format!("{message}\n");
    for setting in &loaded.settings {
        let from = match &setting.origin {
            Origin::Default => "default".to_owned(),
            Origin::Written { place, .. } => format!("{}:{}", place.file, place.line),
        };
        let value = keys::find(setting.key)
            .map_or_else(|| readable(&setting.value), |key| key.readable(&setting.value));
        if context.reporter.style().verbose > 0 || !setting.origin.is_default() {
            text.push_str(&format!("  {:<24} {value}  ({from})\n", setting.key));
        }
    }
    document.message = Some(message);
    Ok(Answer { document, text, exit: exit::SUCCESS })
}

fn describe(document: &mut Document, errors: &[Problem], settings: &[Setting]) {
    let list = |problems: &[Problem]| -> Value {
        problems.iter().map(report_json::warning).collect::<Vec<_>>().into()
    };
    let config: Map<String, Value> = settings
        .iter()
        .map(|setting| {
            let place = setting.origin.place();
            let source = match &setting.origin {
                Origin::Default => "default",
                Origin::Written { layer: Layer::File, .. } => "file",
                Origin::Written { layer: Layer::Environment, .. } => "environment",
                Origin::Written { layer: Layer::Set, .. } => "set",
            };
            let value = json!({
                "value": setting.value,
                "source": source,
                "file": place.map(|place| place.file.to_string()),
                "line": place.map(|place| place.line),
                "column": place.map(|place| place.column),
            });
            (setting.key.to_string(), value)
        })
        .collect();
    document.more.insert("valid", errors.is_empty().into());
    document.more.insert("errors", list(errors));
    document.more.insert("config", config.into());
}
