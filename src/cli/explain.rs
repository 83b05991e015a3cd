//! `explain`: all there is to know of a key, a code or a rule.

use clap::Args;
use serde_json::{Value, json};

use crate::config::keys::template::wrapped;
use crate::config::keys::{self, Key, PREFIX};
use crate::exit;
use crate::model::code::Code;
use crate::model::rule::Rule;
use crate::report::Answer;

use super::{Context, Failure, failure};

mod key;

/// The options of `explain`.
#[derive(Debug, Args)]
pub struct ExplainArgs {
    /// A key (MEMORY), a code (PORT_CONFLICT) or a rule (memory_too_small); without it, all keys
    /// and codes.
    #[arg(value_name = "TOPIC")]
    pub topic: Option<String>,
}

/// What can be explained.
#[derive(Debug)]
enum Topic {
    Key(&'static Key),
    Code(Code),
    /// One rule, or all that share their last part.
    Rules(Vec<&'static Rule>),
}

/// Runs `explain`. For a key the provider is asked what there is; where it cannot be, that is said,
/// and is no failure.
///
/// # Errors
/// The topic is none.
pub async fn run(context: &Context<'_>, args: &ExplainArgs) -> Result<Answer, Failure> {
    let width = context.reporter.style().width;
    let (message, says, text) = match args.topic.as_deref() {
        None => overview(width),
        Some(text) => match topic(text) {
            Some(Topic::Key(key)) => key::explain(context, key, width).await?,
            Some(Topic::Code(code)) => of_code(code, width),
            Some(Topic::Rules(rules)) => of_rules(&rules, width),
            None => return Err(unknown(text)),
        },
    };
    let mut document = context.document(&[]);
    document.message = Some(message);
    document.changed = Some(false);
    document.more.insert("explain", says);
    Ok(Answer { document, text, exit: exit::SUCCESS })
}

/// What a text names, in any case, with a prefix or without.
fn topic(text: &str) -> Option<Topic> {
    let upper = text.to_uppercase();
    let name = upper.strip_prefix(PREFIX).unwrap_or(&upper);
    if let Some(key) = keys::find(name) {
        return Some(Topic::Key(key));
    }
    if let Some(code) = Code::named(text) {
        return Some(Topic::Code(code));
    }
    let rules = Rule::named(&text.to_lowercase());
    (!rules.is_empty()).then_some(Topic::Rules(rules))
}

/// Every name that can be explained, for completion.
pub(super) fn topics() -> impl Iterator<Item = &'static str> {
    let keys = keys::all().map(|key| key.name);
    let codes = Code::ALL.iter().map(|code| code.as_str());
    keys.chain(codes).chain(Rule::all().map(Rule::short))
}

fn unknown(text: &str) -> Failure {
    let upper = text.to_uppercase();
    let upper = upper.strip_prefix(PREFIX).unwrap_or(&upper);
    let help = match keys::successor(upper) {
        Some(key) => format!("`{upper}` is an older name: the key is `{}`", key.name),
        // Of a rule's path the last part tells most.
        None => nearest(upper.rsplit("::").next().unwrap_or(upper)),
    };
    failure::usage_problem(format!("`{text}` is no key, no code and no rule"), help)
}

/// Advice for a name that is none.
fn nearest(text: &str) -> String {
    let lower = text.to_lowercase();
    let distance = |name: &str| strsim::osa_distance(&lower, &name.to_lowercase());
    let near = topics().map(|name| (distance(name), name)).min();
    if let Some((distance, name)) = near
        && distance <= 2.max(lower.len() / 4)
        && distance < lower.len()
    {
        return format!("did you mean `{name}`?");
    }
    let mut with_it: Vec<&str> =
        topics().filter(|name| lower.len() >= 3 && name.to_lowercase().contains(&lower)).collect();
    with_it.truncate(8);
    match with_it.as_slice() {
        [] => "`vagrantp explain` lists the keys and the codes".to_owned(),
        names => format!("there is {}", names.join(", ")),
    }
}

/// What an explanation comes to: its message, its JSON, its text.
type Explained = (String, Value, String);

fn overview(width: usize) -> Explained {
    let first = |text: &str| {
        let first = text.split_once(". ").map_or(text, |(first, _)| first);
        first.trim_end_matches('.').to_owned()
    };
    let mut text = "Keys of the .env:\n".to_owned();
    for key in keys::all() {
        text.push_str(&line(key.name, &first(key.doc), 24, width));
    }
    text.push_str("\nCodes of failures:\n");
    for code in Code::ALL {
        text.push_str(&line(code.as_str(), &first(code.meaning()), 24, width));
    }
    text.push_str("\n`vagrantp explain TOPIC` tells more of a key, a code or a rule.\n");
    let keys: Vec<_> =
        keys::all().map(|key| json!({ "key": key.name, "meaning": key.doc })).collect();
    let codes: Vec<_> = Code::ALL.iter().map(|code| of_code(*code, width).1).collect();
    let says = json!({ "kind": "overview", "keys": keys, "codes": codes });
    let message = format!("{} keys and {} codes.", keys.len(), codes.len());
    (message, says, text)
}

fn of_code(code: Code, width: usize) -> Explained {
    let rules: Vec<_> = Rule::all().filter(|rule| rule.codes.contains(&code)).collect();
    let names: Vec<String> = rules.iter().map(|rule| rule.full_name()).collect();
    let mut text = headline(code.as_str(), code.meaning(), width);
    text.push_str(&line("exit status", &exit::status_text(code), 11, width));
    text.push_str(&line("what to do", code.remedy(), 11, width));
    for (index, name) in names.iter().enumerate() {
        text.push_str(&line(if index == 0 { "rules" } else { "" }, name, 11, width));
    }
    let says = json!({
        "kind": "code",
        "code": code,
        "exit_status": exit::status(code),
        "meaning": code.meaning(),
        "remedy": code.remedy(),
        "rules": names,
        "reference": format!("docs/reference/errors.md#{}", code.as_str().to_lowercase()),
    });
    (code.meaning().to_owned(), says, text)
}

fn of_rules(rules: &[&Rule], width: usize) -> Explained {
    let mut text = String::new();
    let mut says = Vec::new();
    for rule in rules {
        let space = if text.is_empty() { "" } else { "\n" };
        text.push_str(space);
        text.push_str(&headline(&rule.full_name(), rule.meaning, width));
        let codes = rule.codes.iter();
        let codes: Vec<String> = codes
            .map(|code| format!("{code} (exit status {})", exit::status_text(*code)))
            .collect();
        let comes_as = if rule.is_warning() {
            "a warning; nothing stops at it".to_owned()
        } else {
            codes.join(", ")
        };
        text.push_str(&line("comes as", &comes_as, 11, width));
        text.push_str(&line("what to do", rule.remedy, 11, width));
        says.push(json!({
            "rule": rule.full_name(),
            "codes": rule.codes,
            "warning": rule.is_warning(),
            "meaning": rule.meaning,
            "remedy": rule.remedy,
            "reference": format!(
                "docs/reference/errors.md#{}",
                rule.full_name().replace(':', "")
            ),
        }));
    }
    let message = rules.first().map_or_else(String::new, |rule| rule.meaning.to_owned());
    (message, json!({ "kind": "rule", "rules": says }), text)
}

/// `NAME: what it is`, wrapped.
fn headline(name: &str, meaning: &str, width: usize) -> String {
    wrapped(&format!("{name}: {meaning}"), width).join("\n") + "\n"
}

/// `  name  words`, the words wrapped beneath each other.
fn line(name: &str, words: &str, column: usize, width: usize) -> String {
    let room = width.saturating_sub(column + 4).max(30);
    let mut text = String::new();
    for (index, part) in wrapped(words, room).into_iter().enumerate() {
        let name = if index == 0 { name } else { "" };
        text.push_str(format!("  {name:<column$}  {part}").trim_end());
        text.push('\n');
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_key_code_and_rule_is_a_topic_in_any_case() {
        for key in keys::all() {
            for name in
                [key.name.to_owned(), key.name.to_lowercase(), format!("{PREFIX}{}", key.name)]
            {
                assert!(
                    matches!(topic(&name), Some(Topic::Key(found)) if found.name == key.name),
                    "{name}"
                );
            }
        }
        for code in Code::ALL {
            for name in [code.as_str().to_owned(), code.as_str().to_lowercase()] {
                assert!(matches!(topic(&name), Some(Topic::Code(found)) if found == *code));
            }
        }
        for rule in Rule::all() {
            // `interrupted` alone is the code, which lists its rules.
            let found = topic(&rule.full_name());
            assert!(matches!(found, Some(Topic::Rules(rules)) if rules[..] == [rule]));
            assert!(topic(rule.short()).is_some(), "{}", rule.name);
        }
    }

    #[test]
    fn a_name_that_is_none_is_met_with_the_nearest() {
        let help = |text: &str| unknown(text).problems[0].help().expect("help");
        assert_eq!(help("MEMROY"), "did you mean `MEMORY`?");
        assert_eq!(help("vagrantp_memroy"), "did you mean `MEMORY`?");
        assert_eq!(help("prot_conflict"), "did you mean `PORT_CONFLICT`?");
        assert_eq!(help("vagrantp::config::memory_to_small"), "did you mean `memory_too_small`?");
        assert_eq!(help("memory_to_small"), "did you mean `memory_too_small`?");
        assert_eq!(help("fixed_ip"), "`FIXED_IP` is an older name: the key is `IP_ADDRESS`");
        assert!(help("provisioning").contains("PROVISIONING_PLAYBOOK"));
        assert_eq!(help("\u{1b}"), "`vagrantp explain` lists the keys and the codes");
    }
}
