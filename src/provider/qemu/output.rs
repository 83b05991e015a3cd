//! What a machine writes on its serial line, from the log that QEMU keeps of it.

use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::path::Path;
use std::time::Duration;

use tokio::sync::mpsc;

use super::look::{self, Found};
use super::place::Place;
use super::{Qemu, fault};
use crate::exec::last_lines;
use crate::model::observed::Instance;
use crate::model::output::{OutputPiece, OutputRequest, OutputStream};
use crate::private;
use crate::provider::ProviderError;

/// How much is read at once.
const PIECE: u64 = 64 << 10;

/// How often a log is looked at that is followed.
const FOLLOW: Duration = Duration::from_millis(100);

const READ: &str = "read what the machine wrote";

/// Hands over what the machine wrote, until there is no more of it or it has ended. The log holds no
/// moments: what is asked for from a moment on is what was written since its last start, where that
/// moment is later than this.
pub(super) async fn output(
    room: &Qemu,
    instance: &Instance,
    request: OutputRequest,
    to: mpsc::Sender<OutputPiece>,
) -> Result<(), ProviderError> {
    let uuid = instance.stamp.uuid;
    let place = room.settings.place(uuid);
    let Found::Machine(machine) = look::find(room, uuid)? else { return Ok(()) };
    let path = place.serial_log();
    let mut at = from(request, machine.started.as_ref(), instance);
    loop {
        // First whether it lives: what it wrote until its end is there by then.
        let lives = match &machine.process {
            Some(process) => process.lives(),
            None => false,
        };
        while let Some(piece) = read(&path, at)? {
            at += piece.len() as u64;
            let piece = OutputPiece { stream: OutputStream::Output, bytes: piece };
            if to.send(piece).await.is_err() {
                return Ok(());
            }
        }
        if !request.follow || !lives {
            return Ok(());
        }
        tokio::select! {
            () = to.closed() => return Ok(()),
            () = tokio::time::sleep(FOLLOW) => {}
        }
    }
}

fn from(
    request: OutputRequest,
    started: Option<&super::files::Started>,
    instance: &Instance,
) -> u64 {
    let began = instance.started_at.as_deref().and_then(|at| at.parse::<jiff::Timestamp>().ok());
    match (request.since, began, started) {
        (Some(since), Some(began), Some(started)) if since >= began.as_second() => {
            started.serial_from
        }
        _ => 0,
    }
}

fn read(path: &Path, at: u64) -> Result<Option<Vec<u8>>, ProviderError> {
    let reading = || {
        let mut file = private::open(path, File::options().read(true))?;
        file.seek(SeekFrom::Start(at))?;
        let mut piece = Vec::new();
        file.take(PIECE).read_to_end(&mut piece)?;
        Ok::<_, std::io::Error>(piece)
    };
    match reading() {
        Ok(piece) => Ok((!piece.is_empty()).then_some(piece)),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(fault::io(READ, path, &error)),
    }
}

/// The last lines that the machine wrote.
pub(super) fn last(place: &Place, lines: usize) -> String {
    let reading = || {
        let mut file = private::open(&place.serial_log(), File::options().read(true)).ok()?;
        let length = file.metadata().ok()?.len();
        file.seek(SeekFrom::Start(length.saturating_sub(PIECE))).ok()?;
        let mut text = Vec::new();
        file.take(PIECE).read_to_end(&mut text).ok()?;
        Some(last_lines(&String::from_utf8_lossy(&text), lines))
    };
    reading().unwrap_or_default()
}
