//! What a build says: which step it is at, its last lines, and why it failed.

use std::collections::VecDeque;
use std::path::Path;

use serde_json::Value;

use super::pull::{self, error_of};
use super::{Podman, label};
use crate::exec::printable;
use crate::model::image::normalise_reference;
use crate::provider::{ImageFault, ProviderError};

/// How much of the output an error has.
const LINES: usize = 20;

/// What a build said so far.
#[derive(Debug, Default)]
pub(super) struct Heard {
    /// Which step it is at: ``4/5 `RUN make` ``.
    step: Option<String>,
    /// What the image of this step, or of this stage, is made from.
    from: Option<String>,
    /// The last lines of the step.
    lines: VecDeque<String>,
    pub(super) error: Option<String>,
}

impl Heard {
    /// Takes a line of the engine's; of it what is worth showing.
    pub(super) fn take(&mut self, line: &Value) -> Vec<String> {
        if let Some(error) = error_of(line) {
            self.error = Some(error);
            return Vec::new();
        }
        let text = line.get("stream").and_then(Value::as_str).unwrap_or_default();
        // What overwrites its line, as a bar that moves, ends in a line like any other.
        let lines = text.split(['\n', '\r']).map(printable);
        let lines = lines.filter(|line| !line.trim().is_empty()).filter_map(without_ours);
        let lines: Vec<String> = lines.collect();
        for line in lines.iter().filter(|line| !line.contains("&imagebuilder.Step{")) {
            if let Some((number, instruction)) = step(line) {
                self.step = Some(format!("step {number} `{}`", instruction.trim()));
                if let Some(from) = instruction.strip_prefix("FROM ") {
                    self.from = from.split_whitespace().next().map(str::to_owned);
                }
                self.lines.clear();
            } else {
                if self.lines.len() == LINES {
                    self.lines.pop_front();
                }
                self.lines.push_back(line.clone());
            }
        }
        lines.into_iter().filter(|line| !is_bookkeeping(line)).collect()
    }

    pub(super) async fn fault(self, room: &Podman, recipe: &Path, error: &str) -> ProviderError {
        let step = self.step.as_deref().unwrap_or("the build");
        let lines: Vec<String> = self.lines.into_iter().collect();
        let about_image = ["initializing source docker://", "choosing an image from manifest list"];
        if let Some(from) =
            self.from.filter(|_| about_image.iter().any(|text| error.contains(text)))
        {
            let reference = normalise_reference(&from).unwrap_or_else(|_| from.clone());
            let fault = pull::fault(&room.client, &reference, error).await;
            let help = miette::Diagnostic::help(&fault).map(|help| help.to_string());
            return ImageFault::BuildFailed {
                file: printable(&recipe.display().to_string()),
                step: step.to_owned(),
                reason: fault.to_string(),
                output: String::new(),
                help: help.unwrap_or_default(),
            }
            .into();
        }
        failed(recipe, step, error, &lines)
    }
}

/// A line as it would be without the label that vagrantp has put on the image: that is one more step at
/// the end of the last stage, which the Containerfile does not have.
fn without_ours(line: String) -> Option<String> {
    let Some((head, rest)) = line.split_once("STEP ") else { return Some(line) };
    let is_last = match head.strip_prefix('[').and_then(|head| head.strip_suffix("] ")) {
        Some(stage) => stage.split_once('/').is_some_and(|(stage, of)| stage == of),
        None => head.is_empty(),
    };
    let Some((number, (of, instruction))) =
        rest.split_once('/').and_then(|(number, rest)| Some((number, rest.split_once(": ")?)))
    else {
        return Some(line);
    };
    match of.parse::<u32>() {
        Ok(_) if instruction.starts_with(&format!("LABEL \"{}\"", label::BUILD)) => None,
        Ok(of) if is_last && of > 1 => {
            Some(format!("{head}STEP {number}/{}: {instruction}", of - 1))
        }
        _ => Some(line),
    }
}

/// What the engine notes down for itself: ids, and names that the plan has said already.
fn is_bookkeeping(line: &str) -> bool {
    let is_id = |text: &str| text.len() >= 11 && text.bytes().all(|byte| byte.is_ascii_hexdigit());
    let own = ["COMMIT ", "Successfully built ", "Successfully tagged ", "--> Using cache "];
    own.iter().any(|start| line.starts_with(start))
        || is_id(line.trim_start_matches("--> "))
        // What it could not make sense of, as it has it in memory. The error says the same in words.
        || line.contains("&imagebuilder.Step{")
}

/// The number of a step and its instruction: `STEP 2/4: RUN make`, `[1/2] STEP 2/4: RUN make`.
fn step(line: &str) -> Option<(String, &str)> {
    let (stage, rest) = match line.strip_prefix('[').and_then(|rest| rest.split_once("] ")) {
        Some((stage, rest)) => (format!(" of stage {stage}"), rest),
        None => (String::new(), line),
    };
    let (number, instruction) = rest.strip_prefix("STEP ")?.split_once(": ")?;
    let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit() || byte == b'/');
    digits(number).then(|| (format!("{number}{stage}"), instruction))
}

pub(super) fn failed(recipe: &Path, step: &str, error: &str, lines: &[String]) -> ProviderError {
    let file = printable(&recipe.display().to_string());
    let lower = error.to_lowercase();
    if lower.contains("no space left") {
        return ImageFault::NoRoom { image: file, said: pull::said(error) }.into();
    }
    // The engine's sentence begins with the step, and may hold the place where it keeps the files.
    let reason = match error.strip_prefix("building at STEP \"") {
        Some(rest) => rest.split_once("\": ").map_or(rest, |(_, reason)| reason),
        None => error,
    };
    let reason = reason.strip_prefix("while running runtime: ").unwrap_or(reason);
    let reason = reason.split(" &imagebuilder.Step").next().unwrap_or(reason);
    let reason = without_place(reason);
    let help = if lower.contains("no from statement") {
        "a Containerfile begins with FROM; an ARG that FROM uses needs a default: ARG BASE=debian:12"
    } else if lower.contains("no contents in") {
        "the Containerfile is empty: it begins with FROM"
    } else if lower.contains("unknown instruction") {
        "correct the instruction in the Containerfile"
    } else if lower.contains("no such file or directory") && lower.contains("copier") {
        "COPY and ADD take files from the Containerfile's directory that .containerignore does not \
         leave out"
    } else {
        "correct that step in the Containerfile; what came before it is kept, so that the next \
         build goes on from there"
    };
    ImageFault::BuildFailed {
        file,
        step: step.to_owned(),
        reason,
        output: lines.join("\n"),
        help: help.to_owned(),
    }
    .into()
}

/// Without the directory in which the engine unpacked the context.
fn without_place(text: &str) -> String {
    let mut text = text.to_owned();
    while let Some(start) = text.find("/var/tmp/libpod_builder") {
        let rest = &text[start..];
        let end = rest.find("/build").map(|at| at + "/build".len());
        let end = end.or(rest.find('"')).unwrap_or(rest.len());
        text.replace_range(start..start + end, ".");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_failure_is_the_steps_and_has_its_last_lines() {
        let mut heard = Heard::default();
        let mut said = Vec::new();
        for line in [
            json!({ "stream": "STEP 1/3: FROM scratch\n" }),
            json!({ "stream": "an old line\n" }),
            json!({ "stream": "[2/2] STEP 2/4: RUN make && exit 3\n" }),
            json!({ "stream": "gcc: \u{1b}[31merror\u{1b}[0m\r 50 %\r100 %\n\n" }),
            json!({ "error": "building at STEP \"RUN make && exit 3\": while running runtime: exit status 3\n" }),
        ] {
            said.extend(heard.take(&line));
        }
        let noted = json!({ "stream": "--> Using cache 0a\n--> 7854cb0a12f\nCOMMIT x\n" });
        assert_eq!(Heard::default().take(&noted), [""; 0]);
        assert_eq!(said.len(), 6, "{said:?}");
        assert!(said.iter().all(|line| !line.contains(['\u{1b}', '\r'])), "{said:?}");
        let error = heard.error.clone().expect("it failed");
        let lines: Vec<String> = heard.lines.clone().into();
        let fault = failed(
            Path::new("/p/Containerfile"),
            heard.step.as_deref().expect("a step"),
            &error,
            &lines,
        );
        assert_eq!(
            fault.to_string(),
            "/p/Containerfile cannot be built: step 2/3 of stage 2/2 `RUN make && exit 3` failed: \
             exit status 3"
        );
        let ProviderError::Image(fault) = fault else { panic!("{fault:?}") };
        assert_eq!(fault.output(), Some("gcc: [31merror[0m\n 50 %\n100 %"));
    }

    #[test]
    fn steps_are_counted_as_they_stand_in_the_file() {
        for (said, shown) in [
            ("STEP 1/3: FROM scratch", Some("STEP 1/2: FROM scratch")),
            ("STEP 3/3: LABEL \"io.vagrantp.build\"=\"0\"", None),
            ("[1/2] STEP 2/2: RUN a/b: c", Some("[1/2] STEP 2/2: RUN a/b: c")),
            ("[2/2] STEP 2/3: COPY a /", Some("[2/2] STEP 2/2: COPY a /")),
            ("[2/2] STEP 3/3: LABEL \"io.vagrantp.build\"=\"0\"", None),
            ("a STEP 1/2: of mine", Some("a STEP 1/2: of mine")),
            ("STEP by step", Some("STEP by step")),
        ] {
            let heard = Heard::default().take(&json!({ "stream": format!("{said}\n") }));
            assert_eq!(heard.first().map(String::as_str), shown);
        }
    }

    #[test]
    fn the_engines_own_places_are_not_shown() {
        let reason = |error: &str| match failed(Path::new("/p/C"), "the build", error, &[]) {
            ProviderError::Image(ImageFault::BuildFailed { reason, .. }) => reason,
            other => panic!("{other:?}"),
        };
        assert_eq!(
            reason(
                "building at STEP \"COPY missing /\": checking on sources under \
                 \"/var/tmp/libpod_builder600915846/build\": copier: stat: \"/missing\": no such \
                 file or directory"
            ),
            "checking on sources under \".\": copier: stat: \"/missing\": no such file or directory"
        );
        assert_eq!(
            reason("no contents in \"/var/tmp/libpod_builder1/build/Empty\""),
            "no contents in \"./Empty\""
        );
        assert_eq!(
            reason(
                "building at STEP \"FOO \": Build error: Unknown instruction: \"FOO\" &imagebuilder.Step{Env:[]}"
            ),
            "Build error: Unknown instruction: \"FOO\""
        );
    }
}
