//! Logging in, and asking the guest how its cloud-init is doing, in one call.

use std::time::Duration;

use serde_json::Value;

use super::seen::LoginOutcome;
use crate::exec::{ExecError, Program};
use crate::guest::ssh::{self, Access, Purpose};
use crate::model::plain::is_unsafe;

/// How long a call waits inside for cloud-init before it is made anew.
pub(super) const PATIENCE: Duration = Duration::from_secs(60);
/// Between two tries of somebody who is not let in.
pub(super) const LONGEST_PAUSE: Duration = Duration::from_secs(2);

/// How the guest's cloud-init is doing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum CloudInit {
    /// It is not there, or was told not to run.
    Absent,
    Running,
    /// With what it took note of.
    Done(Vec<String>),
    /// With its first error.
    Failed(String),
}

/// Why there was no answer.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Answer {
    /// Another try may have one.
    Retry(LoginOutcome),
}

/// What is run in the guest: words of POSIX alone, without a quote in it, for whatever shell the user
/// has. cloud-init is asked for by its files: its own program takes seconds to start.
fn question(patience: Duration) -> String {
    let tenths = patience.as_millis() / 100;
    format!(
        "sh -c 'cd /run/cloud-init 2>/dev/null || {{ echo absent; exit 0; }}; n=0; \
         [ -e enabled ] || [ -e status.json ] || {{ echo absent; exit 0; }}; \
         while [ ! -e result.json ] && [ $n -lt {tenths} ]; do \
         n=$((n + 1)); sleep 0.1 2>/dev/null || {{ sleep 1; n=$((n + 9)); }}; done; \
         if [ -e result.json ]; then echo done; cat status.json result.json; \
         else echo running; fi'"
    )
}

pub(super) async fn ask(
    program: &Program,
    access: &Access,
    patience: Duration,
) -> Result<CloudInit, Answer> {
    let mut arguments = ssh::arguments(access, Purpose::Probe);
    arguments.push(question(patience).into());
    match program.run(&arguments).await {
        Ok(output) => read(&output.stdout),
        Err(error) => Err(Answer::Retry(outcome(&error))),
    }
}

/// What the guest answered.
fn read(answer: &[u8]) -> Result<CloudInit, Answer> {
    let text = String::from_utf8_lossy(answer);
    // A profile of the user's may talk first.
    let mut lines = text.lines().skip_while(|line| !matches!(*line, "absent" | "running" | "done"));
    match lines.next() {
        Some("absent") => Ok(CloudInit::Absent),
        Some("running") => Ok(CloudInit::Running),
        Some("done") => Ok(verdict(&lines.collect::<Vec<_>>().join("\n"))),
        _ => Err(Answer::Retry(LoginOutcome::Other(format!(
            "it answered {} and not what was asked",
            clean(&text)
        )))),
    }
}

/// What cloud-init's two files say: `errors` of a stage mean that it failed, `recoverable_errors` that
/// it went on.
fn verdict(documents: &str) -> CloudInit {
    let (mut errors, mut warnings) = (Vec::new(), Vec::new());
    for document in serde_json::Deserializer::from_str(documents).into_iter::<Value>().flatten() {
        collect(&document, &mut errors, &mut warnings);
    }
    match errors.into_iter().next() {
        Some(error) => CloudInit::Failed(error),
        None => CloudInit::Done(warnings),
    }
}

fn collect(value: &Value, errors: &mut Vec<String>, warnings: &mut Vec<String>) {
    let Some(map) = value.as_object() else { return };
    for (key, value) in map {
        match (key.as_str(), value) {
            ("errors", Value::Array(found)) => add(errors, found),
            // By how grave they are.
            ("recoverable_errors", Value::Object(found)) => {
                for found in found.values().filter_map(Value::as_array) {
                    add(warnings, found);
                }
            }
            (_, value) => collect(value, errors, warnings),
        }
    }
}

fn add(to: &mut Vec<String>, found: &[Value]) {
    for text in found.iter().map(|value| value.as_str().map_or(value.to_string(), str::to_owned)) {
        let text = clean(&text);
        // What went wrong in a stage is said of the whole once more.
        if !to.contains(&text) {
            to.push(text);
        }
    }
}

/// One line of at most 200 characters.
fn clean(text: &str) -> String {
    let words = text.split_whitespace().collect::<Vec<_>>().join(" ");
    words.chars().filter(|c| !is_unsafe(*c)).take(200).collect()
}

/// What a failed ssh has said; its words are the same in every language.
fn outcome(error: &ExecError) -> LoginOutcome {
    let ExecError::Failed { said, status, .. } = error else {
        return LoginOutcome::Other(error.to_string());
    };
    let last = clean(said.lines().last().unwrap_or_default());
    let has = |words: &[&str]| words.iter().any(|word| said.contains(word));
    if status.code() != Some(255) {
        return LoginOutcome::Other(last);
    }
    if has(&["Host key verification failed", "no matching host key type", "host key is known for"])
    {
        LoginOutcome::OtherHostKey
    } else if has(&["Permission denied", "Too many authentication failures"]) {
        LoginOutcome::KeyRefused(last)
    } else if has(&[
        "Connection ",
        "kex_exchange_identification",
        "Broken pipe",
        "No route to host",
    ]) {
        LoginOutcome::Broken(last)
    } else {
        LoginOutcome::Other(last)
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::process::ExitStatusExt;

    use super::*;

    fn failed(status: i32, said: &str) -> LoginOutcome {
        outcome(&ExecError::Failed {
            command: "ssh".to_owned(),
            status: std::process::ExitStatus::from_raw(status << 8),
            said: said.to_owned(),
        })
    }

    #[test]
    fn what_ssh_says_is_told_apart() {
        let denied = "ada@127.0.0.1: Permission denied (publickey).";
        assert_eq!(failed(255, denied), LoginOutcome::KeyRefused(denied.to_owned()));
        for other in [
            "@@@\nHost key verification failed.",
            "Unable to negotiate: no matching host key type found. Their offer: ssh-rsa",
            "No ED25519 host key is known for x and you have requested strict checking.",
        ] {
            assert_eq!(failed(255, other), LoginOutcome::OtherHostKey);
        }
        let broken = "kex_exchange_identification: read: Connection reset by peer";
        assert_eq!(failed(255, broken), LoginOutcome::Broken(broken.to_owned()));
        let shell = "This account is currently not available.";
        assert_eq!(failed(1, shell), LoginOutcome::Other(shell.to_owned()));
    }

    #[test]
    fn what_cloud_init_says_is_told_apart() {
        assert_eq!(read(b"Welcome!\nabsent\n"), Ok(CloudInit::Absent));
        assert_eq!(read(b"running\n"), Ok(CloudInit::Running));
        let fine = r#"done
            {"v1": {"init": {"errors": [], "recoverable_errors": {}}, "stage": null}}
            {"v1": {"datasource": "DataSourceNoCloud", "errors": []}}"#;
        assert_eq!(read(fine.as_bytes()), Ok(CloudInit::Done(vec![])));
        let degraded = r#"done
            {"v1": {"init": {"errors": [], "recoverable_errors": {"WARNING": ["a\u001b[2J key", "b"]}},
             "modules": {"recoverable_errors": {"WARNING": ["b"]}}}}{"v1": {"errors": []}}"#;
        let warnings = vec!["a[2J key".to_owned(), "b".to_owned()];
        assert_eq!(read(degraded.as_bytes()), Ok(CloudInit::Done(warnings)));
        let failed = r#"done
            {"v1": {"modules-final": {"errors": ["('scripts_user', RuntimeError())"]}}}
            {"v1": {"errors": ["('scripts_user', RuntimeError())"]}}"#;
        let reason = "('scripts_user', RuntimeError())".to_owned();
        assert_eq!(read(failed.as_bytes()), Ok(CloudInit::Failed(reason)));
        assert!(read(b"hunter\n").is_err());
        assert_eq!(read(b"done\nnot json"), Ok(CloudInit::Done(vec![])));
    }

    #[tokio::test]
    async fn the_question_is_posix_and_ends() {
        let sh = Program::find("sh", Some("/bin:/usr/bin")).unwrap();
        let output = sh.run(&["-c", &question(Duration::ZERO)]).await.unwrap();
        let answer = read(&output.stdout).unwrap();
        assert!(matches!(answer, CloudInit::Absent | CloudInit::Done(_)), "{answer:?}");
    }
}
