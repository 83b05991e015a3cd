//! Into a VM: once its SSH server says something, this process becomes the system's `ssh`.

use std::ffi::OsString;
use std::net::SocketAddr;
use std::path::Path;
use std::time::{Duration, Instant};

use super::SshError;
use crate::cli::host::banner::{Banner, banner};
use crate::cli::host::stdio;
use crate::cli::{Context, Failure, locate, reach};
use crate::config::Config;
use crate::exec::{ChildInput, ExecError, Program};
use crate::guest::ssh::{Purpose, arguments};
use crate::model::code::Code;
use crate::model::observed::Instance;
use crate::model::problem::Problem;
use crate::model::shell::ShellCommand;
use crate::report::Answer;

/// How long is waited before somebody who hung up is asked again.
const PAUSE: Duration = Duration::from_millis(200);

/// What `ssh` takes from its caller's environment beside what every program gets: the agent, and what
/// asks for a passphrase.
const PASSED: [&str; 6] = [
    "SSH_AUTH_SOCK",
    "SSH_ASKPASS",
    "SSH_ASKPASS_REQUIRE",
    "DISPLAY",
    "WAYLAND_DISPLAY",
    "XAUTHORITY",
];

/// Goes inside, and comes back only where that cannot be done.
///
/// # Errors
/// Nothing answers within SSH_TIMEOUT, or there is no `ssh`.
pub(super) async fn enter(
    context: &Context<'_>,
    instance: &Instance,
    config: Option<&Config>,
    run: &ShellCommand,
    terminal: bool,
) -> Result<Answer, Failure> {
    let path = context.facts.environment.get("PATH").map(String::as_str);
    let no_client =
        |_: ExecError| Failure::from(Problem::new(Code::DependencyMissing, SshError::NoClient));
    let ssh = Program::find("ssh", path).map_err(no_client)?;
    answers(instance, config).await?;
    let Some(access) = reach::access(context, instance, config) else {
        return Err(no_address(instance, reach::ssh_timeout(config).0));
    };
    reach::write_known_hosts(context, instance)?;
    let mut words = arguments(&access, Purpose::Use);
    // Its address is the last of them, and options stand before it.
    let host = words.pop();
    words.push(if terminal { "-t" } else { "-T" }.into());
    words.extend(host);
    words.extend(command(run, locate::workdir(instance).as_deref()).map(OsString::from));
    let variables: Vec<(OsString, OsString)> = PASSED
        .iter()
        .filter_map(|name| Some(((*name).into(), context.facts.environment.get(*name)?.into())))
        .collect();
    let closed = |error| Failure::internal("use its streams", &error);
    let input = ChildInput::Descriptor(stdio::stdin().map_err(closed)?);
    let error = ssh.replace_this_process(&words, &variables, input);
    Err(Failure::internal("become ssh", &error))
}

/// Waits until the SSH server says something.
async fn answers(instance: &Instance, config: Option<&Config>) -> Result<(), Failure> {
    let seconds = reach::ssh_timeout(config).0;
    let Some(at) = reach::endpoint(instance) else { return Err(no_address(instance, seconds)) };
    let end = Instant::now() + Duration::from_secs(u64::from(seconds));
    loop {
        let left = end.saturating_duration_since(Instant::now());
        let came = banner(at, left).await;
        if matches!(came, Banner::Ssh) {
            return Ok(());
        }
        if end.saturating_duration_since(Instant::now()) <= PAUSE {
            return Err(unanswered(instance, at, &came, seconds));
        }
        tokio::time::sleep(PAUSE).await;
    }
}

fn unanswered(instance: &Instance, at: SocketAddr, came: &Banner, seconds: u32) -> Failure {
    let (why, cause) = match came {
        Banner::Refused => (
            format!("nobody listens at {at}"),
            "the machine may have just ended (`vagrantp status`), or its address changed",
        ),
        Banner::HungUp | Banner::Ssh => (
            format!("who forwards {at} finds nobody inside"),
            "what runs inside has not started its SSH server, or has none",
        ),
        Banner::Silent => (
            format!("nothing came from {at}"),
            "what runs inside is still starting, or drops what comes in",
        ),
        Banner::Other => {
            (format!("what answers at {at} is no SSH server"), "another program has that port")
        }
        Banner::Unreachable(error) => {
            (format!("{at} cannot be reached: {error}"), "look at the host's network")
        }
    };
    failure(instance, why, cause, seconds)
}

fn no_address(instance: &Instance, seconds: u32) -> Failure {
    failure(
        instance,
        "its address is not known".to_owned(),
        "it has asked nobody for one; IP_ADDRESS fixes it",
        seconds,
    )
}

fn failure(instance: &Instance, why: String, cause: &str, seconds: u32) -> Failure {
    let id = instance.stamp.infra_id.to_string();
    let help = format!(
        "{cause}; `vagrantp logs` shows what it wrote on its console, and SSH_TIMEOUT is how long it \
         is waited for"
    );
    Problem::new(Code::SshConnectionFailed, SshError::NoBanner { id, why, seconds, help }).into()
}

/// What is run inside, for the login shell there to read, whichever it is: it begins where the project
/// is mounted, where that is so. Nothing begins an ordinary login.
fn command(run: &ShellCommand, workdir: Option<&Path>) -> Option<String> {
    let go = workdir.map(|dir| format!("cd {} 2>/dev/null; ", quoted(&dir.to_string_lossy())));
    let what = match (run, &go) {
        (ShellCommand::Login, None) => return None,
        (ShellCommand::Login, Some(_)) => "exec \"${SHELL:-/bin/sh}\" -l".to_owned(),
        (ShellCommand::Line(line), _) => format!("exec sh -c {}", quoted(line)),
        (ShellCommand::Argv(words), _) => {
            let words: Vec<_> = words.iter().map(|word| quoted(word)).collect();
            format!("exec {}", words.join(" "))
        }
    };
    let script = format!("{}{what}", go.unwrap_or_default());
    Some(format!("exec sh -c {}", quoted(&script)))
}

/// One word for any shell: in single quotes there is nothing that needs a backslash but they
/// themselves.
fn quoted(word: &str) -> String {
    format!("'{}'", word.replace('\'', "'\\''"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_run_reaches_the_program_word_for_word() {
        let line = ShellCommand::Line("echo \"it's $HOME\" | wc".to_owned());
        let argv = ["printf", "%s|", "a b", "it's", "$(id)", ""];
        let argv = ShellCommand::Argv(argv.iter().map(|word| (*word).to_owned()).collect());
        assert_eq!(command(&ShellCommand::Login, None), None);
        let dir = Path::new("/tmp");
        for (run, dir, says) in [
            (&argv, None, "a b|it's|$(id)||"),
            (&argv, Some(dir), "a b|it's|$(id)||"),
            (&ShellCommand::Line("pwd; exit 3".to_owned()), Some(dir), "/tmp\n"),
            (&ShellCommand::Line("pwd".to_owned()), Some(Path::new("/no where")), ""),
        ] {
            let remote = command(run, dir).unwrap();
            // As the login shell over there takes it.
            let shell = Program::find("sh", Some("/bin:/usr/bin")).unwrap();
            let ended = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build()
                .unwrap()
                .block_on(shell.run(&["-c", &remote]));
            match ended {
                Ok(output) if !says.is_empty() => {
                    assert_eq!(String::from_utf8(output.stdout).unwrap(), says);
                }
                Ok(output) => assert!(!output.stdout.is_empty(), "it runs elsewhere then"),
                Err(error) => assert!(error.to_string().contains("exit status: 3"), "{error}"),
            }
        }
        let remote = command(&line, Some(dir)).unwrap();
        assert!(remote.starts_with("exec sh -c 'cd '\\''/tmp'\\'' "), "{remote}");
    }
}
