//! Downloads: one at a time for each URL, gone on with where they broke off, whole or not there.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, Seek, SeekFrom, Write};
use std::path::PathBuf;
use std::time::Duration;

use reqwest::header::{
    CONTENT_RANGE, ETAG, HeaderMap, IF_MODIFIED_SINCE, IF_NONE_MATCH, IF_RANGE, LAST_MODIFIED,
    RANGE,
};
use reqwest::{Client, Response, StatusCode};
use tokio::time::{Instant, sleep};

use super::known::{self, Known, Validator};
use super::{Cache, Image, Source, check_sum, client, clone, url};
use crate::deed;
use crate::event::{Event, Listener};
use crate::guest::disk::Size;
use crate::guest::error::FetchError;
use crate::guest::file;
use crate::private;

/// Between two lines of progress.
const TELLING: Duration = Duration::from_millis(100);
/// Between two looks whether the other download is done.
const WAITING: Duration = Duration::from_millis(100);

/// Has the content of a URL in the cache.
pub(super) async fn run(
    cache: &Cache,
    address: &str,
    sha256: Option<&str>,
    afresh: bool,
    listener: &dyn Listener,
) -> Result<(Image, Known), FetchError> {
    let source = Source::Url(address.to_owned());
    let key = known::key(&source).expect("a URL has a key");
    let place = cache.root.join("partial").join(&key);
    let waited = Instant::now();
    let _lock = lock(place.with_extension("lock"), address, listener).await?;
    let before = known::read(&cache.root, &key, &source);
    if waited.elapsed() > WAITING
        && let (Some(image), Some(known)) = (cache.known(&source, sha256), before.clone())
    {
        // Who had the lock has fetched it.
        return Ok((image, known));
    }
    let mut work = Work {
        cache,
        client: client::client(&cache.proxies, cache.limits, address)?,
        address,
        place,
        has_sum: sha256.is_some(),
        listener,
        told: None,
    };
    // Whether it is still the same is asked only where the same would do.
    let before = before.filter(|known| afresh && sha256.is_none_or(|sum| sum == known.sha256));
    let before = before.filter(|known| cache.by_sum(&known.sha256).is_some());
    let Some(validator) =
        work.fetch(before.as_ref().and_then(|known| known.validator.clone())).await?
    else {
        let known = before.expect("only what is known can be the same");
        let image = cache.by_sum(&known.sha256).expect("it was there a moment ago");
        return Ok((image, known));
    };
    let (whole, read) = (work.place.clone(), work.place.clone());
    let io = |cause| FetchError::Cache { operation: "read", path: whole.clone(), cause };
    let summing = clone::blocking(move || {
        private::open(&read, OpenOptions::new().read(true))?.sync_all()?;
        clone::sum_of(&read)
    });
    let found = summing.await.map_err(io)?;
    if let Err(error) = check_sum(&url::shown(address), sha256, &found) {
        // What is not what it should be is nothing to go on from.
        work.forget()?;
        return Err(error);
    }
    let image = cache.place(&work.place, &found)?;
    let notes = work.notes();
    let _ = deed::at_once("guest.clear_notes", || fs::remove_file(&notes));
    let known = Known { sha256: found, size: image.size, validator: validator.0, stat: None };
    Ok((image, known))
}

/// The validator of what was fetched, where the server names one.
struct Fetched(Option<Validator>);

async fn lock(path: PathBuf, address: &str, listener: &dyn Listener) -> Result<File, FetchError> {
    let failed = |cause| FetchError::Cache { operation: "written", path: path.clone(), cause };
    let mut options = OpenOptions::new();
    let open = || private::open(&path, options.read(true).write(true).create(true));
    let file = deed::at_once("guest.open_lock", open).map_err(failed)?;
    let mut told = false;
    loop {
        match file.try_lock() {
            Ok(()) => return Ok(file),
            Err(TryLockError::WouldBlock) if !told => {
                told = true;
                let says = format!("another call is fetching {}", url::shown(address));
                listener.hear(&Event::Waiting { says });
            }
            Err(TryLockError::WouldBlock) => sleep(WAITING).await,
            Err(TryLockError::Error(cause)) => return Err(failed(cause)),
        }
    }
}

struct Work<'a> {
    cache: &'a Cache,
    client: Client,
    address: &'a str,
    /// The file that it is written to as it comes; beside it stands which version it is of.
    place: PathBuf,
    has_sum: bool,
    listener: &'a dyn Listener,
    told: Option<Instant>,
}

/// How a connection ended.
enum End {
    Whole(Fetched),
    /// It is the same as the one that is known.
    Same,
    /// It broke off, and another may bring more.
    Broken(String),
}

impl Work<'_> {
    /// Fetches the whole of it; nothing where the server says that what is known is still so.
    async fn fetch(&mut self, known: Option<Validator>) -> Result<Option<Fetched>, FetchError> {
        let (mut idle_tries, mut tries) = (0, 0);
        loop {
            let before = self.length();
            let said = match self.once(known.as_ref()).await? {
                End::Whole(fetched) => return Ok(Some(fetched)),
                End::Same => return Ok(None),
                End::Broken(said) => said,
            };
            tries += 1;
            idle_tries = if self.length() > before { 1 } else { idle_tries + 1 };
            if idle_tries >= self.cache.limits.tries {
                let (url, done) = (url::shown(self.address), Size(self.length()).to_string());
                return Err(FetchError::BrokenOff { url, tries, done, said });
            }
            sleep(Duration::from_millis(200) * idle_tries * idle_tries).await;
        }
    }

    async fn once(&mut self, known: Option<&Validator>) -> Result<End, FetchError> {
        let have = self.length();
        let version = self.version();
        let mut request = self.client.get(self.address);
        // Without a sum or a name for the version two halves may be of two files.
        let resume = have > 0 && (version.is_some() || self.has_sum);
        if resume {
            request = request.header(RANGE, format!("bytes={have}-"));
            if let Some(version) = &version {
                request = request.header(IF_RANGE, version.text());
            }
        } else if let Some(known) = known {
            let name = match known {
                Validator::Etag(_) => IF_NONE_MATCH,
                Validator::LastModified(_) => IF_MODIFIED_SINCE,
            };
            request = request.header(name, known.text());
        }
        let response = match request.send().await {
            Ok(response) => response,
            Err(error) if error.is_timeout() || have > 0 => {
                return match client::failure(self.address, &error) {
                    FetchError::Unreachable { said, .. } => Ok(End::Broken(said)),
                    other => Err(other),
                };
            }
            Err(error) => return Err(client::failure(self.address, &error)),
        };
        let url = url::shown(self.address);
        let status = response.status();
        match status {
            StatusCode::NOT_MODIFIED if known.is_some() => Ok(End::Same),
            StatusCode::PARTIAL_CONTENT
                if resume && starts_at(response.headers()) == Some(have) =>
            {
                self.take(response, have).await
            }
            // The file is another one by now, or the server sends it from the beginning alone.
            StatusCode::OK => self.take(response, 0).await,
            StatusCode::PARTIAL_CONTENT | StatusCode::RANGE_NOT_SATISFIABLE if resume => {
                if total(response.headers()) == Some(have) {
                    return Ok(End::Whole(Fetched(version)));
                }
                self.forget()?;
                Ok(End::Broken("it is another file by now".to_owned()))
            }
            StatusCode::NOT_FOUND | StatusCode::GONE => {
                Err(FetchError::NotFound { url, status: status.as_u16() })
            }
            StatusCode::UNAUTHORIZED
            | StatusCode::FORBIDDEN
            | StatusCode::PROXY_AUTHENTICATION_REQUIRED => {
                Err(FetchError::Denied { url, status: status.as_u16() })
            }
            StatusCode::TOO_MANY_REQUESTS | StatusCode::REQUEST_TIMEOUT => {
                Ok(End::Broken(format!("the server answers with HTTP status {}", status.as_u16())))
            }
            status if matches!(status.as_u16(), 500 | 502..=504) => {
                Ok(End::Broken(format!("the server answers with HTTP status {}", status.as_u16())))
            }
            status => Err(FetchError::Server { url, status: status.as_u16() }),
        }
    }

    /// Writes what comes, from this byte on.
    async fn take(&mut self, mut response: Response, from: u64) -> Result<End, FetchError> {
        let version = validator(response.headers());
        let total = response.content_length().map(|rest| from + rest);
        self.check_size(total.unwrap_or(from))?;
        if let Some(total) = total {
            self.cache.check_room(&url::shown(self.address), total - from)?;
        }
        if from == 0 {
            self.note(version.as_ref())?;
        }
        let mut file = self.open(from)?;
        let mut done = from;
        loop {
            self.tell(done, total);
            let chunk = match response.chunk().await {
                Ok(Some(chunk)) => chunk,
                Ok(None) if total.is_some_and(|total| done < total) => {
                    return Ok(End::Broken("the connection ended early".to_owned()));
                }
                Ok(None) => return Ok(End::Whole(Fetched(version))),
                Err(error) => return Ok(End::Broken(client::words(&error))),
            };
            let write = || file.write_all(&chunk);
            deed::at_once("guest.fetch", write).map_err(|cause| self.failed(cause))?;
            done += chunk.len() as u64;
            self.check_size(done)?;
        }
    }

    fn open(&self, from: u64) -> Result<File, FetchError> {
        let mut options = OpenOptions::new();
        let open = || {
            let mut file = private::open(&self.place, options.write(true).create(true))?;
            file.set_len(from)?;
            file.seek(SeekFrom::Start(from))?;
            Ok(file)
        };
        deed::at_once("guest.open_partial", open).map_err(|cause| self.failed(cause))
    }

    fn check_size(&self, size: u64) -> Result<(), FetchError> {
        let most = self.cache.limits.largest;
        if size <= most {
            return Ok(());
        }
        let (size, most) = (Size(size).to_string(), Size(most).to_string());
        Err(FetchError::TooLarge { url: url::shown(self.address), size, most })
    }

    fn length(&self) -> u64 {
        fs::symlink_metadata(&self.place).map_or(0, |facts| facts.len())
    }

    fn notes(&self) -> PathBuf {
        self.place.with_extension("json")
    }

    /// Which version the part is of that is there.
    fn version(&self) -> Option<Validator> {
        serde_json::from_slice(&private::read(&self.notes()).ok()?).ok()?
    }

    fn note(&self, version: Option<&Validator>) -> Result<(), FetchError> {
        // The part of another version has to be gone first.
        drop(self.open(0)?);
        let text = serde_json::to_vec(&version).expect("a version is text");
        file::write(&self.notes(), &text).map_err(|cause| self.failed(cause))
    }

    fn forget(&self) -> Result<(), FetchError> {
        let place = &self.place;
        let gone = deed::at_once("guest.drop_partial", || fs::remove_file(place));
        match gone {
            Err(cause) if cause.kind() != io::ErrorKind::NotFound => Err(self.failed(cause)),
            _ => Ok(()),
        }
    }

    fn failed(&self, cause: io::Error) -> FetchError {
        FetchError::Cache { operation: "written", path: self.place.clone(), cause }
    }

    fn tell(&mut self, done: u64, total: Option<u64>) {
        if self.told.is_some_and(|at| at.elapsed() < TELLING) && total != Some(done) {
            return;
        }
        self.told = Some(Instant::now());
        let (item, says) = (url::name(self.address), "downloading".to_owned());
        self.listener.hear(&Event::Progress { item, done, total, says });
    }
}

/// What the version is known by; a weak mark is for files that mean the same, not that are the same.
fn validator(headers: &HeaderMap) -> Option<Validator> {
    let text = |name| headers.get(name).and_then(|value| value.to_str().ok()).map(str::to_owned);
    let etag = text(ETAG).filter(|etag| !etag.starts_with("W/")).map(Validator::Etag);
    etag.or_else(|| text(LAST_MODIFIED).map(Validator::LastModified))
}

/// `bytes 100-199/200`: the first number.
fn starts_at(headers: &HeaderMap) -> Option<u64> {
    let range = headers.get(CONTENT_RANGE)?.to_str().ok()?.strip_prefix("bytes ")?;
    range.split_once('-')?.0.parse().ok()
}

/// The last number.
fn total(headers: &HeaderMap) -> Option<u64> {
    headers.get(CONTENT_RANGE)?.to_str().ok()?.rsplit_once('/')?.1.parse().ok()
}
