//! What was done, to all instances, one JSON line an event. It outlives the instances.

use std::fs::{self, File, OpenOptions};
use std::io::{Read, Seek, SeekFrom, Write};
use std::path::PathBuf;
use std::sync::Mutex;

use jiff::Timestamp;
use serde::Serialize;

use crate::deed;
use crate::event::{Event, Listener};
use crate::model::id::InstanceUuid;

use super::Store;
use super::file::{is_directory, make_dir, set_aside};
use crate::private;

/// Above this size the file is set aside and a new one begun.
const ROTATE_AT: u64 = 10 * 1024 * 1024;
/// How many files there are at most; with [`ROTATE_AT`], 100 MiB.
const FILES: u32 = 10;

/// The format of a line.
const SCHEMA: u32 = 1;

/// Who did something to what.
#[derive(Clone, Debug, Serialize)]
pub struct Subject {
    /// The instance.
    pub uuid: InstanceUuid,
    /// Its INFRA_ID.
    pub infra_id: String,
    /// The project.
    pub project: PathBuf,
    /// The user who called.
    pub user: String,
    /// What was called.
    pub verb: &'static str,
}

/// Appends every event it hears, and passes it on.
pub struct History<'a> {
    store: &'a Store,
    subject: Subject,
    next: &'a dyn Listener,
    broken: Mutex<bool>,
}

#[derive(Serialize)]
struct Line<'a> {
    schema: u32,
    at: Timestamp,
    #[serde(flatten)]
    subject: &'a Subject,
    #[serde(flatten)]
    event: &'a Event,
}

impl Store {
    /// A listener that writes history and passes every event on.
    pub fn history<'a>(&'a self, subject: Subject, next: &'a dyn Listener) -> History<'a> {
        History { store: self, subject, next, broken: Mutex::new(false) }
    }

    fn append(&self, line: &[u8]) -> std::io::Result<()> {
        let dir = self.history_dir();
        make_dir(&dir).map_err(std::io::Error::other)?;
        let path = dir.join("events.jsonl");
        match fs::metadata(&path) {
            Ok(_) if is_directory(&path) => {
                let aside = set_aside(&path);
                self.warnings.add(format!("{} is no file and was {aside}", path.display()));
            }
            Ok(found) if found.len() > ROTATE_AT => self.rotate(),
            _ => {}
        }
        // One write to a file opened for appending: lines of several callers do not mix.
        deed::at_once("store.append", || {
            let mut options = OpenOptions::new();
            let mut file = private::open(&path, options.append(true).read(true).create(true))?;
            if is_torn(&mut file)? {
                file.write_all(b"\n")?;
            }
            file.write_all(line)
        })
    }

    fn rotate(&self) {
        let file = |number: u32| match number {
            0 => self.history_dir().join("events.jsonl"),
            _ => self.history_dir().join(format!("events.{number}.jsonl")),
        };
        // Two callers that rotate at once lose at most one of the old files.
        for number in (0..FILES - 1).rev() {
            let (from, to) = (file(number), file(number + 1));
            let _ = deed::at_once("store.rotate", || fs::rename(from, to));
        }
    }
}

/// Whether the last line has no end: who wrote it was cut off.
fn is_torn(file: &mut File) -> std::io::Result<bool> {
    let mut last = [b'\n'];
    if file.metadata()?.len() > 0 {
        file.seek(SeekFrom::End(-1))?;
        file.read_exact(&mut last)?;
    }
    Ok(last != *b"\n")
}

impl Listener for History<'_> {
    fn hear(&self, event: &Event) {
        self.next.hear(event);
        // How far a download is interests nobody afterwards.
        if matches!(event, Event::Progress { .. } | Event::Output { .. }) {
            return;
        }
        let line = Line { schema: SCHEMA, at: Timestamp::now(), subject: &self.subject, event };
        let Ok(mut text) = serde_json::to_vec(&line) else { return };
        text.push(b'\n');
        if let Err(error) = self.store.append(&text) {
            let mut broken = self.broken.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
            if !*broken {
                *broken = true;
                let message = format!("the history cannot be written: {error}");
                self.next.hear(&Event::Warning { message });
            }
        }
    }
}
