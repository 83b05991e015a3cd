//! The JSON document: one shape for every verb, one document on every way out.

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::{Value, json};
use thiserror::Error;

use crate::model::code::Code;
use crate::model::plain::is_unsafe;
use crate::model::problem::Problem;
use crate::plan::{Plan, describe};

use super::infrastructure::Infrastructure;

/// The document. Fields that a verb has nothing to say about are left out.
#[derive(Clone, Debug, Serialize)]
pub struct Document {
    /// The version of this shape.
    pub schema: u32,
    /// Whether the verb did what it was asked.
    pub success: bool,
    /// What happened, in one sentence.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
    /// Whether anything was changed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub changed: Option<bool>,
    /// The instance.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub infrastructure: Option<Infrastructure>,
    /// The steps.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub plan: Option<Vec<PlanStep>>,
    /// What is worth saying and stops nothing.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub warnings: Vec<Value>,
    /// What to do next.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub next_steps: Vec<String>,
    /// Why it failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<Failure>,
    /// What only this verb has to say.
    #[serde(flatten)]
    pub more: BTreeMap<&'static str, Value>,
}

impl Default for Document {
    fn default() -> Self {
        Document {
            schema: 1,
            success: true,
            message: None,
            changed: None,
            infrastructure: None,
            plan: None,
            warnings: Vec::new(),
            next_steps: Vec::new(),
            error: None,
            more: BTreeMap::new(),
        }
    }
}

/// One step of a plan.
#[derive(Clone, Debug, Serialize)]
pub struct PlanStep {
    /// The action's name.
    pub action: &'static str,
    /// What it costs.
    pub cost: &'static str,
    /// Why it is there.
    pub cause: StepCause,
    /// What it does, in one sentence.
    pub says: String,
}

/// Why a step is there.
#[derive(Clone, Debug, Serialize)]
pub struct StepCause {
    /// The key.
    pub key: Option<String>,
    /// The file that it is written in.
    pub file: Option<String>,
    /// The line.
    pub line: Option<u32>,
    /// What was found.
    pub found: Option<String>,
    /// What is wanted.
    pub wanted: Option<String>,
}

/// Why a verb failed; the fields but `errors` repeat the deciding one.
#[derive(Clone, Debug, Serialize)]
pub struct Failure {
    /// The stable code.
    pub code: String,
    /// What went wrong.
    pub message: String,
    /// Facts for machines.
    pub details: BTreeMap<&'static str, Value>,
    /// The fix.
    pub suggestion: Option<String>,
    /// The key.
    pub field: Option<String>,
    /// The line.
    pub line: Option<u32>,
    /// Steps that find the cause.
    pub troubleshooting: Vec<String>,
    /// Every mistake.
    pub errors: Vec<Mistake>,
}

/// One mistake.
#[derive(Clone, Debug, Serialize)]
pub struct Mistake {
    /// The stable code.
    pub code: String,
    /// The rule that was broken, as in the reference of errors.
    pub rule: Option<String>,
    /// What is wrong.
    pub message: String,
    /// In which file.
    pub file: Option<String>,
    /// At which key.
    pub field: Option<String>,
    /// On which line.
    pub line: Option<u32>,
    /// At which column.
    pub column: Option<u32>,
    /// The fix.
    pub help: Option<String>,
}

/// A problem as one mistake.
#[must_use]
pub fn mistake(problem: &Problem) -> Mistake {
    let place = problem.place.as_ref();
    Mistake {
        code: problem.code.to_string(),
        rule: problem.rule(),
        message: problem.message(),
        file: place.map(|place| place.file.to_string()),
        field: problem.field.clone(),
        line: place.map(|place| place.line),
        column: place.map(|place| place.column),
        help: problem.help(),
    }
}

/// A warning as a value of the `warnings` list.
#[must_use]
pub fn warning(problem: &Problem) -> Value {
    serde_json::to_value(mistake(problem)).unwrap_or_default()
}

/// The document of a failure; `deciding` is the problem that the exit status follows from.
#[must_use]
pub fn failure(problems: &[Problem], deciding: Option<&Problem>) -> Document {
    let error = deciding.map(|deciding| {
        let cause = std::iter::successors(deciding.diagnostic.source(), |error| error.source());
        let mut details = deciding.details.clone();
        let causes: Vec<_> = cause.map(|error| Value::from(error.to_string())).collect();
        if !causes.is_empty() {
            details.insert("causes", Value::Array(causes));
        }
        // Who counts the list has to see that it is not all.
        let left_out = problems.iter().find_map(|problem| problem.details.get("left_out"));
        details.extend(left_out.map(|count| ("left_out", count.clone())));
        Failure {
            code: deciding.code.to_string(),
            message: deciding.message(),
            details,
            suggestion: deciding.help(),
            field: deciding.field.clone(),
            line: deciding.place.as_ref().map(|place| place.line),
            troubleshooting: deciding.troubleshooting.clone(),
            errors: problems.iter().map(mistake).collect(),
        }
    });
    Document { success: false, error, ..Document::default() }
}

/// The steps of a plan.
#[must_use]
pub fn steps(plan: &Plan) -> Vec<PlanStep> {
    let step = |step: &crate::plan::Step| {
        let place = step.cause.place.as_ref();
        PlanStep {
            action: step.action.name(),
            cost: step.cost.as_str(),
            cause: StepCause {
                key: step.cause.key.clone(),
                file: place.map(|place| place.file.to_string()),
                line: place.map(|place| place.line),
                found: step.cause.found.clone(),
                wanted: step.cause.wanted.clone(),
            },
            says: describe::says(&step.action),
        }
    };
    plan.steps.iter().map(step).collect()
}

/// The differences that a plan makes up for.
#[must_use]
pub fn changes(plan: &Plan) -> Value {
    let change = |change: &crate::plan::diff::Change| {
        let place = change.place.as_ref();
        serde_json::json!({
            "key": change.field.key(),
            "found": change.found,
            "wanted": change.wanted,
            "cost": change.cost.as_str(),
            "file": place.map(|place| place.file.to_string()),
            "line": place.map(|place| place.line),
        })
    };
    plan.changes.iter().map(change).collect::<Vec<_>>().into()
}

/// A document that has no form in JSON: a path in it is no text, or so.
#[derive(Debug, Error)]
#[error("it has no form in JSON ({cause})")]
pub struct Unwritable {
    /// The document to print in its place: that of this failure, as text.
    pub document: String,
    /// Why it has none.
    #[source]
    cause: serde_json::Error,
}

/// The document as text, on several lines for people who look at it.
///
/// # Errors
/// It has no form in JSON.
pub fn text(document: &Document) -> Result<String, Unwritable> {
    written(serde_json::to_string_pretty(document))
}

/// The document as one line.
///
/// # Errors
/// As for [`text`].
pub fn line(document: &Document) -> Result<String, Unwritable> {
    written(serde_json::to_string(document))
}

fn written(text: serde_json::Result<String>) -> Result<String, Unwritable> {
    text.map(escaped).map_err(|cause| {
        let message = format!("the answer has no form in JSON: {cause}");
        let help = "this is a bug; please report it with this message. The same call without \
                    `--json` shows what it came to";
        // Values and texts of ours alone: these have a form.
        let mistake = json!({
            "code": Code::Internal, "rule": "vagrantp::internal", "message": message,
            "file": null, "field": null, "line": null, "column": null, "help": help,
        });
        let document = json!({
            "schema": 1, "success": false,
            "error": {
                "code": Code::Internal, "message": message, "details": {}, "suggestion": help,
                "field": null, "line": null, "troubleshooting": [], "errors": [mistake],
            },
        });
        Unwritable { document: escaped(document.to_string()), cause }
    })
}

/// JSON whose strings hold nothing that would steer a terminal: such characters are written by their
/// numbers, which mean the same. Outside of strings JSON has none of them but the line end.
#[must_use]
pub fn escaped(text: String) -> String {
    if !text.chars().any(|c| c != '\n' && is_unsafe(c)) {
        return text;
    }
    let mut out = String::with_capacity(text.len() + 16);
    for c in text.chars() {
        if c == '\n' || !is_unsafe(c) {
            out.push(c);
        } else {
            for unit in c.encode_utf16(&mut [0; 2]) {
                out.push_str(&format!("\\u{unit:04x}"));
            }
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use std::ffi::OsStr;
    use std::os::unix::ffi::OsStrExt;

    use super::*;

    #[test]
    fn json_steers_no_terminal_and_means_the_same() {
        let message = "a\u{1b}[2J\u{7f}\u{9b}1m\u{202e}\u{e0041}\n語";
        let document = Document { message: Some(message.to_owned()), ..Document::default() };
        for text in [text(&document), line(&document)] {
            let text = text.expect("has a form");
            assert!(!text.chars().any(|c| c != '\n' && is_unsafe(c)), "{text:?}");
            let value: Value = serde_json::from_str(&text).expect("is JSON");
            assert_eq!(value["message"], message);
        }
    }

    #[test]
    fn what_has_no_form_in_json_is_a_failure_that_says_so() {
        let broken = serde_json::to_string(&std::path::Path::new(OsStr::from_bytes(b"/\xff")));
        let unwritable = written(broken).expect_err("no text");
        let document: Value = serde_json::from_str(&unwritable.document).expect("is JSON");
        assert_eq!((&document["schema"], &document["success"]), (&1.into(), &false.into()));
        let error = &document["error"];
        assert_eq!(error["code"], "INTERNAL");
        let message = error["message"].as_str().expect("a text");
        assert!(message.contains("invalid UTF-8"), "{message}");
        assert_eq!(error["errors"][0]["message"], message);
        // Every field that a failure has, it has.
        let problem = Problem::new(Code::Internal, miette::MietteDiagnostic::new("x"));
        let usual = failure(std::slice::from_ref(&problem), Some(&problem));
        let usual = serde_json::to_value(usual).expect("has a form");
        let keys = |value: &Value| -> Vec<String> {
            value.as_object().into_iter().flatten().map(|(key, _)| key.clone()).collect()
        };
        assert_eq!(keys(error), keys(&usual["error"]));
        assert_eq!(keys(&error["errors"][0]), keys(&usual["error"]["errors"][0]));
        assert_eq!(keys(&document), keys(&usual));
    }
}
