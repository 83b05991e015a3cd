//! Builds images from Containerfiles.
//!
//! A built image has the name of its Containerfile's place. Beside it stands a name of the context
//! that it was built from, by which a later look knows whether that has changed; and where a newer
//! build took its name, it has one more until nothing needs it.

use std::collections::VecDeque;
use std::io;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use serde_json::Value;
use sha2::{Digest, Sha256};

use super::Podman;
use super::client::{COPY, escape};
use super::context::Context;
use super::credentials::Logins;
use super::image::{find, tag, untag};
use super::import::short;
use super::pull::{self, error_of};
use super::reply::Image;
use super::upload::written_by;
use crate::event::{Event, Listener};
use crate::exec::printable;
use crate::model::units::Bytes;
use crate::plan::action::{Fetch, Outcome};
use crate::provider::{ImageFault, ProviderError};

const BUILT: &str = "localhost/vagrantp/built";
/// How the names begin that say which context an image was built from.
pub(super) const CONTEXTS: &str = "localhost/vagrantp/context:";

/// A context that is larger is worth a word: most of it may not be meant to be there.
const LARGE: u64 = 512 << 20;

/// How much of the output an error has.
const LINES: usize = 20;

/// The local name of what is built from a Containerfile.
pub(super) fn name(recipe: &Path) -> String {
    format!("{BUILT}:{}", place(recipe))
}

fn place(recipe: &Path) -> String {
    let mut hash = Sha256::new();
    hash.update(recipe.as_os_str().as_encoded_bytes());
    short(hash)
}

/// The names of what was built from a Containerfile, among those of local images.
pub(super) fn names_of<'a>(recipe: &Path, names: impl Iterator<Item = &'a String>) -> Vec<String> {
    let name = name(recipe);
    let of_recipe = |tag: &&String| {
        tag.strip_prefix(&name).is_some_and(|rest| rest.is_empty() || rest.starts_with('-'))
    };
    names.filter(of_recipe).cloned().collect()
}

/// Whether the context has changed since the image of these names was built. What cannot be read
/// now is the next build's to report.
pub(super) async fn is_outdated(recipe: &Path, names: &[String]) -> bool {
    let prefix = format!("{CONTEXTS}{}-", place(recipe));
    let Some(sums) = names.iter().find_map(|name| name.strip_prefix(&prefix)) else {
        return false;
    };
    let (facts, content) = sums.split_once('-').unwrap_or((sums, ""));
    let (facts, content) = (facts.to_owned(), content.to_owned());
    let recipe = recipe.to_owned();
    let look = move || {
        let context = Context::of(&recipe)?;
        Ok(context.facts()?.sum != facts && context.content()? != content)
    };
    let looked = tokio::task::spawn_blocking(look).await;
    looked.unwrap_or_else(|error| Err(io::Error::other(error))).unwrap_or(true)
}

pub(super) async fn build(
    room: &Podman,
    recipe: &Path,
    fetch: Fetch,
    listener: &dyn Listener,
) -> Result<Outcome, ProviderError> {
    let client = &room.client;
    let name = name(recipe);
    let context = Context::of(recipe).map_err(fault_in)?;
    let look = {
        let context = context.clone();
        tokio::task::spawn_blocking(move || context.facts()).await
    };
    let facts = look.unwrap_or_else(|error| Err(io::Error::other(error))).map_err(fault_in)?;
    if facts.size > LARGE {
        listener.hear(&Event::Warning {
            message: format!(
                "{} go to the build; a .containerignore beside the Containerfile leaves out what \
                 it does not need",
                Bytes(facts.size)
            ),
        });
    }
    let before = find(client, &name).await?;
    if let Some(before) = &before {
        // It keeps a name of ours while a container is made from it.
        tag(client, &before.id, &former(&name, before)).await?;
    }
    let content = run(room, recipe, &name, &context, facts.size, fetch, listener).await?;
    let Some(built) = find(client, &name).await? else {
        return Err(failed(recipe, "the build", "the engine does not have what it built", &[]));
    };
    let current = format!("{CONTEXTS}{}-{}-{content}", place(recipe), facts.sum);
    for image in [Some(&built), before.as_ref()].into_iter().flatten() {
        let others = image.repo_tags.iter().filter(|tag| **tag != current);
        for old in others.filter(|tag| tag.starts_with(CONTEXTS)) {
            untag(client, old).await?;
        }
    }
    tag(client, &built.id, &current).await?;
    match before {
        Some(before) => {
            // With this it goes, unless something is made from it.
            untag(client, &former(&name, &before)).await?;
            let same = before.id == built.id;
            Ok(if same { Outcome::AlreadyDone } else { Outcome::Done })
        }
        None => Ok(Outcome::Done),
    }
}

/// The name of an image whose own a newer build took.
fn former(name: &str, image: &Image) -> String {
    let id: String = image.id.trim_start_matches("sha256:").chars().take(12).collect();
    format!("{name}-{id}")
}

/// Sends the context and hears what comes of it; the checksum of what was sent.
async fn run(
    room: &Podman,
    recipe: &Path,
    name: &str,
    context: &Context,
    size: u64,
    fetch: Fetch,
    listener: &dyn Listener,
) -> Result<String, ProviderError> {
    let path = format!(
        "/v1.41/build?dockerfile={}&t={}&rm=1&forcerm=1&pull={}",
        escape(context.recipe()),
        escape(name),
        u8::from(fetch == Fetch::Always)
    );
    let sent = Arc::new(AtomicU64::new(0));
    let (upload, stream) = {
        let (context, sent) = (context.clone(), Arc::clone(&sent));
        written_by(move |out| context.write(out, &mut |done| sent.store(done, Ordering::Relaxed)))
    };
    let item = printable(&recipe.display().to_string());
    let progress = |done| Event::Progress {
        item: item.clone(),
        done,
        total: Some(size).filter(|size| *size > 0),
        says: "sending the files beside".to_owned(),
    };
    listener.hear(&progress(0));
    let mut heard = Heard::default();
    let answer = {
        let hear = |line: Value| {
            for line in heard.take(&line) {
                listener.hear(&Event::Output { line });
            }
        };
        let login = Logins::read(&room.settings).header();
        let follow = room.client.follow(&path, login, stream, COPY, hear);
        tokio::pin!(follow);
        let mut told = 0;
        loop {
            tokio::select! {
                answer = &mut follow => break answer,
                () = tokio::time::sleep(std::time::Duration::from_millis(200)) => {
                    let done = sent.load(Ordering::Relaxed);
                    if done > told {
                        listener.hear(&progress(done));
                        told = done;
                    }
                }
            }
        }
    };
    let (content, reply) = upload.end(answer).await?;
    let refused = (!reply.is_success()).then(|| reply.message());
    match (heard.error.take().or(refused), content) {
        (Some(error), _) => Err(heard.fault(room, recipe, &error).await),
        (None, Some(content)) => Ok(content),
        (None, None) => Err(failed(recipe, "the build", "the engine took half of the files", &[])),
    }
}

/// What a build said so far.
#[derive(Debug, Default)]
struct Heard {
    /// Which step it is at: ``4/5 `RUN make` ``.
    step: Option<String>,
    /// What the image of this step, or of this stage, is made from.
    from: Option<String>,
    /// The last lines of the step.
    lines: VecDeque<String>,
    error: Option<String>,
}

impl Heard {
    /// Takes a line of the engine's; those that the build wrote.
    fn take(&mut self, line: &Value) -> Vec<String> {
        if let Some(error) = error_of(line) {
            self.error = Some(error);
            return Vec::new();
        }
        let text = line.get("stream").and_then(Value::as_str).unwrap_or_default();
        // What overwrites its line, as a bar that moves, ends in a line like any other.
        let lines = text.split(['\n', '\r']).map(printable);
        let lines: Vec<String> = lines.filter(|line| !line.trim().is_empty()).collect();
        for line in &lines {
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
        lines
    }

    async fn fault(self, room: &Podman, recipe: &Path, error: &str) -> ProviderError {
        let step = self.step.as_deref().unwrap_or("the build");
        let lines: Vec<String> = self.lines.into_iter().collect();
        let about_image = ["initializing source docker://", "choosing an image from manifest list"];
        if let Some(from) =
            self.from.filter(|_| about_image.iter().any(|text| error.contains(text)))
        {
            let reference =
                crate::model::image::normalise_reference(&from).unwrap_or_else(|_| from.clone());
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

fn failed(recipe: &Path, step: &str, error: &str, lines: &[String]) -> ProviderError {
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

fn fault_in(error: io::Error) -> ProviderError {
    match error.downcast::<ImageFault>() {
        Ok(fault) => fault.into(),
        Err(error) => super::fault::internal("read the files of a build", &error.to_string()),
    }
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
            json!({ "stream": "[2/2] STEP 2/3: RUN make && exit 3\n" }),
            json!({ "stream": "gcc: \u{1b}[31merror\u{1b}[0m\r 50 %\r100 %\n\n" }),
            json!({ "error": "building at STEP \"RUN make && exit 3\": while running runtime: exit status 3\n" }),
        ] {
            said.extend(heard.take(&line));
        }
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

    #[test]
    fn a_containerfile_knows_what_was_built_from_it() {
        let (one, other) = (Path::new("/p/Containerfile"), Path::new("/q/Containerfile"));
        let names = [name(one), format!("{}-0123456789ab", name(one)), name(other)];
        assert_eq!(names_of(one, names.iter()), names[..2]);
        assert_eq!(names_of(other, names.iter()), names[2..]);
    }
}
