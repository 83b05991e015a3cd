//! A key: its rule, what the project says about it, and what changing that would cost now.

use serde_json::{Value, json};

use crate::config::keys::effect::{self, Effect};
use crate::config::keys::{Default, Key, PREFIX};
use crate::config::print::quoted;
use crate::config::{Config, Loaded};
use crate::model::code::Code;
use crate::model::network::NetworkMode;
use crate::model::problem::Problem;
use crate::model::source::{Layer, Origin, Place};
use crate::model::state::State;
use crate::provider::Depth;
use crate::report::json as report_json;
use crate::resolve;

use super::{Context, Explained, Failure, headline, line};
use crate::cli::{context, locate, status};

/// Explains a key.
///
/// # Errors
/// The project's directory cannot be used.
pub(super) async fn explain(
    context: &Context<'_>,
    key: &'static Key,
    width: usize,
) -> Result<Explained, Failure> {
    let project = context.project()?;
    let loaded = context.load(&project);
    let about_it = |problems: &[Problem]| -> Vec<Value> {
        problems.iter().filter(|one| is_about(one, key)).map(report_json::warning).collect()
    };
    let (errors, warnings) = (about_it(&loaded.errors), about_it(&loaded.warnings));
    let resolved = loaded.config.as_ref().and_then(|config| {
        let desired = resolve::resolve(config, &project, &context.facts).ok()?;
        follows(key, &desired)
    });
    let said = Said::of(key, &loaded, resolved);
    let change = change(context, key, loaded.config.as_ref()).await?;
    let default = match key.default {
        Default::Required => "none: it has to be written".to_owned(),
        Default::None => "none".to_owned(),
        Default::Value(value) => value.to_owned(),
        Default::Depends(words) => words.to_owned(),
    };
    let used_by: Vec<&str> = key.used_by.iter().map(|provider| provider.as_str()).collect();
    let mut text = headline(key.name, key.doc, width);
    let mut add = |name: &str, words: &str| text.push_str(&line(name, words, 8, width));
    add("value", &said.words);
    if let Some(from) = &said.from {
        add("from", from);
    }
    for mistake in errors.iter().chain(&warnings) {
        let part = |name: &str| mistake[name].as_str().unwrap_or_default();
        add("but", &format!("{}; {}", part("message"), part("help")));
    }
    add("expected", key.expected);
    add("default", &default);
    add("example", &format!("{}={}", key.name, quoted(key.example)));
    add("used by", &used_by.join(", "));
    add("change", &change.says);
    let reference = format!("docs/reference/config.md#{}", key.name.to_lowercase());
    let place = said.place.as_ref();
    let says = json!({
        "kind": "key",
        "key": key.name,
        "meaning": key.doc,
        "value": said.value,
        "source": said.source,
        "file": place.map(|place| &*place.file),
        "line": place.map(|place| place.line),
        "column": place.map(|place| place.column),
        "errors": errors,
        "warnings": warnings,
        "form": key.form.as_str(),
        "words": key.form.words(),
        "expected": key.expected,
        "required": key.default == Default::Required,
        "default": if let Default::Value(value) = key.default { json!(value) } else { Value::Null },
        "default_says": default,
        "example": key.example,
        "secret": key.secret,
        "used_by": used_by,
        "change": {
            "cost": change.cost,
            "says": change.says,
            "state": change.state,
            "acted_on": !context::UNBUILT.contains(&key.name),
        },
        "reference": reference,
    });
    Ok((format!("{}: {}", key.name, said.words), says, text))
}

fn is_about(problem: &Problem, key: &Key) -> bool {
    let field = problem.field.as_deref().unwrap_or_default();
    field.strip_prefix(PREFIX).unwrap_or(field) == key.name
}

/// What the project says about a key.
struct Said {
    value: Value,
    source: Option<&'static str>,
    place: Option<Place>,
    words: String,
    from: Option<String>,
}

impl Said {
    fn of(key: &Key, loaded: &Loaded, resolved: Option<String>) -> Said {
        let nothing = |words: String| Said {
            value: Value::Null,
            source: None,
            place: None,
            words,
            from: None,
        };
        if let Some(setting) = loaded.settings.iter().find(|setting| setting.key == key.name) {
            let words = key.readable(&setting.value);
            let value = setting.value.clone();
            let (source, place, from) = match &setting.origin {
                Origin::Default => ("default", None, "the default".to_owned()),
                Origin::Written { layer: Layer::Environment, place } => (
                    "environment",
                    Some(place.clone()),
                    format!("{PREFIX}{} in the environment", key.name),
                ),
                Origin::Written { layer: Layer::Set, place } => {
                    ("set", Some(place.clone()), "--set".to_owned())
                }
                Origin::Written { layer: Layer::File, place } => {
                    let from = format!("{}:{}:{}", place.file, place.line, place.column);
                    ("file", Some(place.clone()), from)
                }
            };
            return Said { value, source: Some(source), place, words, from: Some(from) };
        }
        if let Some(problem) = loaded.errors.iter().find(|problem| is_about(problem, key)) {
            let from = problem.place.as_ref();
            return Said {
                place: problem.place.clone(),
                from: from.map(|place| format!("{}:{}:{}", place.file, place.line, place.column)),
                ..nothing("not understood".to_owned())
            };
        }
        if let Some(words) = resolved {
            let from = Some("the default".to_owned());
            let value = Value::from(words.as_str());
            return Said { value, source: Some("default"), place: None, words, from };
        }
        if loaded.errors.iter().any(|problem| problem.code == Code::ConfigMissing) {
            return nothing("not set: there is no .env here".to_owned());
        }
        nothing("not set".to_owned())
    }
}

/// What follows from the rest where the key is not written.
fn follows(key: &Key, desired: &crate::model::desired::Desired) -> Option<String> {
    match key.name {
        "INFRA_ID" => Some(desired.identity.id.to_string()),
        "PROVIDER" => Some(desired.identity.provider.to_string()),
        "IMAGE" => Some(desired.image.value.to_string()),
        "COMMAND" => Some(desired.command.value.to_string()),
        "SSH_USER" => Some(desired.user.value.clone()),
        "BRIDGE" => desired.network.bridge.as_ref().map(|bridge| bridge.value.clone()),
        _ => None,
    }
    .filter(|_| key.used_by.contains(&desired.identity.provider))
}

/// What a change would cost now.
struct Change {
    cost: Option<&'static str>,
    state: Option<State>,
    says: String,
}

async fn change(
    context: &Context<'_>,
    key: &Key,
    config: Option<&Config>,
) -> Result<Change, Failure> {
    if context::UNBUILT.contains(&key.name) {
        let says = "nothing: this version does not act on the key yet".to_owned();
        return Ok(Change { cost: Some("none"), state: None, says });
    }
    let provider = config.and_then(Config::provider_kind);
    if let Some(provider) = provider.filter(|provider| !key.used_by.contains(provider)) {
        let says = format!("nothing: {provider} has no use for the key");
        return Ok(Change { cost: Some("none"), state: None, says });
    }
    let mut search = locate::search(context)?;
    if config.is_some() {
        // The machine of the other type is not the one that the key is about.
        search.candidates.truncate(1);
    }
    let found = match locate::find(context, &search, Depth::Glance).await {
        Ok(found) => found,
        Err(failure) => {
            let why = failure.problems.first().map(Problem::message).unwrap_or_default();
            let says = format!("it cannot be told now what there is: {why}");
            return Ok(Change { cost: None, state: Some(State::Unknown), says });
        }
    };
    let instance = found.as_ref().and_then(|found| found.observed.instance());
    let (Some(found), Some(instance)) = (&found, instance) else {
        let says = "nothing: there is no machine yet".to_owned();
        return Ok(Change { cost: Some("none"), state: Some(State::NotCreated), says });
    };
    let identity = &found.identity;
    let state = status::shape(context, identity, Some(instance), config).state;
    let bridged = config.is_some_and(|config| {
        config.network_mode.as_ref().is_some_and(|mode| mode.value == NetworkMode::Bridge)
    });
    let has_address = config.is_some_and(|config| config.ip_address.is_some());
    let effect = match key.name {
        "BRIDGE" if !bridged => Effect::Without("NETWORK_MODE=bridge"),
        "GATEWAY" if !has_address => Effect::Without("IP_ADDRESS"),
        _ => effect::of(key, identity.provider, &found.provider.capabilities()),
    };
    let is_up = instance.state.is_up();
    let also = match key.name {
        "PORTS" | "PORT_POOL" => "; ports that were picked are kept",
        _ => "",
    };
    let says = format!(
        "{} is {state} on {}: {}{also}",
        identity.id,
        identity.provider,
        effect.says(is_up)
    );
    Ok(Change { cost: effect.as_str(), state: Some(state), says })
}
