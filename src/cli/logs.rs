//! `logs`: what the machine's main process wrote.

use clap::Args;
use jiff::{Timestamp, Zoned};
use serde_json::json;
use tokio::sync::mpsc;

use crate::model::observed::{Instance, Power};
use crate::model::output::{Lines, OutputPiece, OutputRequest};
use crate::plan::PlanError;
use crate::provider::{Depth, Provider, ProviderError};
use crate::report::Answer;
use crate::report::output::{OutputLine, OutputPrinter, Tail};

use super::{Context, Failure, locate, status};

/// How many pieces may wait for a reader that is slow.
const WAITING: usize = 64;

/// The options of `logs`.
#[derive(Debug, Args)]
#[command(after_help = "\
The output of every run since the container was made, with stdout and stderr on
stdout and stderr. A terminal gets it with control characters shown, a file or a
pipe gets every byte. A container that is made again (`vagrantp plan` says so
before) begins a new log. With --json: one document, or with --follow one line
of JSON for each line.

Examples:
  vagrantp logs --tail 20          the last 20 lines
  vagrantp logs -f                 until the machine stops, or Ctrl+C
  vagrantp logs --since 10m        what was written in the last ten minutes
  vagrantp logs 2>/dev/null        without what went to stderr")]
pub struct LogsArgs {
    /// Go on with what is written from now on, until the machine stops.
    #[arg(short, long)]
    pub follow: bool,
    /// The last lines only.
    #[arg(short = 'n', long, value_name = "N")]
    pub tail: Option<usize>,
    /// Only what was written since: 30s, 10m, 2h, 1d, or 2026-01-02T15:04:05Z.
    #[arg(long, value_name = "TIME")]
    pub since: Option<String>,
}

/// Runs `logs`.
///
/// # Errors
/// There is no instance, or its output cannot be read.
pub async fn run(context: &Context<'_>, args: &LogsArgs) -> Result<Answer, Failure> {
    let since = args.since.as_deref().map(moment).transpose()?;
    let search = locate::search(context)?;
    search.warn(context);
    let found = locate::find(context, &search, Depth::Glance).await?;
    let Some((found, instance)) =
        found.and_then(|found| found.observed.instance().cloned().map(|it| (found, it)))
    else {
        // A broken `.env` is why nothing was found, where it is broken.
        return Err(if search.config.is_none() {
            search.into_failure()
        } else {
            PlanError::NotFound.into()
        });
    };
    let id = &found.identity.id;
    if instance.state == Power::Created {
        context.reporter.begin(&format!("{id} was never started: there is no output yet"));
    }
    let request = OutputRequest { follow: args.follow, since };
    let provider = &*found.provider;
    if args.follow || !context.global.json {
        let (to, pieces) = mpsc::channel(WAITING);
        // A task of its own: where the reader blocks, signals still get through.
        let mut printing = tokio::spawn(print(OutputPrinter::new(context.global.json), pieces));
        let printed = tokio::select! {
            handed = hand_over(provider, &instance, request, args.tail, to) => {
                let printed = printing.await;
                handed?;
                printed
            }
            // It ends first where it cannot write.
            printed = &mut printing => printed,
        };
        if let Ok(Err(error)) = printed
            && error.kind() != std::io::ErrorKind::BrokenPipe
        {
            return Err(Failure::answer_lost(&error));
        }
        return Ok(Answer::default());
    }
    let lines = collected(provider, &instance, request, args.tail).await?;
    let mut document = context.document(&[]);
    document.message = Some(match lines.len() {
        1 => format!("1 line of {id}."),
        count => format!("{count} lines of {id}."),
    });
    document.changed = Some(false);
    document.more.insert("lines", json!(lines));
    document.infrastructure =
        Some(status::shape(context, &found.identity, Some(&instance), search.config.as_ref()));
    Ok(Answer { document, ..Answer::default() })
}

/// Ends at the first piece that cannot be written, and with it whoever hands pieces on.
async fn print(
    mut printer: OutputPrinter,
    mut pieces: mpsc::Receiver<OutputPiece>,
) -> std::io::Result<()> {
    while let Some(piece) = pieces.recv().await {
        printer.print(&piece)?;
    }
    printer.end()
}

/// The output, or its last lines and what comes after them.
async fn hand_over(
    provider: &dyn Provider,
    instance: &Instance,
    request: OutputRequest,
    tail: Option<usize>,
    to: mpsc::Sender<OutputPiece>,
) -> Result<(), ProviderError> {
    let Some(limit) = tail else { return provider.output(instance, request, to).await };
    let past = OutputRequest { follow: false, ..request };
    let last = passed(provider, instance, past, Tail::new(limit), |tail, piece| tail.push(&piece));
    let last = last.await?;
    let mut behind = last.seen;
    for line in last.lines() {
        if to.send(line).await.is_err() {
            return Ok(());
        }
    }
    if !request.follow {
        return Ok(());
    }
    // All of it again: what was seen already is passed over, so that nothing between the two looks
    // gets lost or comes twice.
    let (all, mut pieces) = mpsc::channel::<OutputPiece>(WAITING);
    let fresh = async move {
        while let Some(mut piece) = pieces.recv().await {
            let old = behind.min(piece.bytes.len() as u64);
            behind -= old;
            piece.bytes.drain(..usize::try_from(old).unwrap_or(usize::MAX));
            if !piece.bytes.is_empty() && to.send(piece).await.is_err() {
                return;
            }
        }
    };
    let (handed, ()) = tokio::join!(provider.output(instance, request, all), fresh);
    handed
}

async fn collected(
    provider: &dyn Provider,
    instance: &Instance,
    request: OutputRequest,
    tail: Option<usize>,
) -> Result<Vec<OutputLine>, ProviderError> {
    if let Some(limit) = tail {
        let tail = Tail::new(limit);
        let tail = passed(provider, instance, request, tail, |tail, piece| tail.push(&piece));
        return Ok(tail.await?.lines().map(|line| OutputLine::of(&line)).collect());
    }
    let begun = (Lines::default(), Vec::new());
    let all = passed(provider, instance, request, begun, |(lines, whole), piece| {
        lines.push(&piece, |line| whole.push(OutputLine::of(&line)));
    });
    let (mut lines, mut whole) = all.await?;
    whole.extend(lines.rest().map(|line| OutputLine::of(&line)));
    Ok(whole)
}

/// Lets all of the output pass through `take`.
async fn passed<T>(
    provider: &dyn Provider,
    instance: &Instance,
    request: OutputRequest,
    mut state: T,
    take: impl Fn(&mut T, OutputPiece),
) -> Result<T, ProviderError> {
    let (to, mut pieces) = mpsc::channel(WAITING);
    let taking = async {
        while let Some(piece) = pieces.recv().await {
            take(&mut state, piece);
        }
    };
    let (handed, ()) = tokio::join!(provider.output(instance, request, to), taking);
    handed.map(|()| state)
}

/// A moment, or how long ago it is, in seconds since 1970.
fn moment(text: &str) -> Result<i64, Failure> {
    if let Ok(moment) = text.parse::<Timestamp>() {
        return Ok(moment.as_second());
    }
    let ago = text.parse::<jiff::Span>().ok().filter(|span| !span.is_negative());
    let moment = ago.and_then(|ago| Zoned::now().checked_sub(ago).ok());
    moment.map(|moment| moment.timestamp().as_second()).ok_or_else(|| {
        super::failure::usage_problem(
            format!("`{text}` is no time"),
            "write how long ago (30s, 10m, 2h, 1d), or a moment: 2026-01-02T15:04:05Z".to_owned(),
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_is_a_moment_or_how_long_ago() {
        assert_eq!(moment("1970-01-01T00:01:00Z").unwrap(), 60);
        assert_eq!(moment("1970-01-01T01:01:00+01:00").unwrap(), 60);
        let now = Timestamp::now().as_second();
        for (text, seconds) in [("30s", 30), ("10m", 600), ("2h", 7200), ("1h 30m", 5400)] {
            let ago = now - moment(text).unwrap();
            assert!((seconds - 2..=seconds).contains(&ago), "{text}: {ago}");
        }
        for text in ["", "yesterday", "-5m", "10", "2026-01-02"] {
            assert!(moment(text).is_err(), "{text}");
        }
    }
}
