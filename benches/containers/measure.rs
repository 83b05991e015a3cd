//! Runs programs and takes their time.

use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

/// The times of two ways to do the same, measured in turn.
#[derive(Default)]
pub(crate) struct Pair {
    pub(crate) ours: Vec<Duration>,
    pub(crate) theirs: Vec<Duration>,
}

/// Runs to the end; what it wrote to stderr is in the error.
pub(crate) fn run(command: &mut Command) -> Result<Output, String> {
    let output = command
        .output()
        .map_err(|error| format!("{}: {error}", command.get_program().display()))?;
    if output.status.success() {
        return Ok(output);
    }
    let said = String::from_utf8_lossy(&output.stderr);
    let args: Vec<_> = command.get_args().map(|arg| arg.to_string_lossy()).collect();
    Err(format!(
        "{} {} ended with {}: {}",
        command.get_program().display(),
        args.join(" "),
        output.status,
        said.trim().escape_debug()
    ))
}

/// Runs to the end and takes the time. Nothing is read from it, so that reading costs nothing.
pub(crate) fn time(command: &mut Command) -> Result<Duration, String> {
    command.stdout(Stdio::null()).stderr(Stdio::null());
    let begun = Instant::now();
    let status = command.status();
    let took = begun.elapsed();
    match status {
        Ok(status) if status.success() => Ok(took),
        // Once more, to have its words.
        _ => run(command.stdout(Stdio::piped()).stderr(Stdio::piped())).map(|_| took).and_then(
            |_| Err(format!("{} failed once, and then did not", command.get_program().display())),
        ),
    }
}

/// `runs` rounds of both, after one that does not count; the one that begins changes by the round.
pub(crate) fn in_turn(
    runs: usize,
    mut ours: impl FnMut() -> Result<Duration, String>,
    mut theirs: impl FnMut() -> Result<Duration, String>,
) -> Result<Pair, String> {
    ours()?;
    theirs()?;
    let mut pair = Pair::default();
    for round in 0..runs {
        if round % 2 == 0 {
            pair.ours.push(ours()?);
            pair.theirs.push(theirs()?);
        } else {
            pair.theirs.push(theirs()?);
            pair.ours.push(ours()?);
        }
    }
    Ok(pair)
}

/// The middle one, or the mean of the middle two.
pub(crate) fn median(times: &[Duration]) -> Duration {
    let mut sorted = times.to_vec();
    sorted.sort_unstable();
    let middle = sorted.len() / 2;
    match sorted.len() {
        0 => Duration::ZERO,
        odd if odd % 2 == 1 => sorted[middle],
        _ => (sorted[middle - 1] + sorted[middle]) / 2,
    }
}
