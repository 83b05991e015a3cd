//! One writer at a time for each instance. The lock is the kernel's (`flock(2)`): it dies with its
//! process, so there is no stale one to clear.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{Seek, Write};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use crate::deed;
use crate::event::{Event, Listener};

use super::file::{is_directory, make_dir, set_aside};
use super::holder::{Held, Holder};
use super::{InstanceStore, Store, StoreError};
use crate::private;

/// A held lock; dropping it lets the next one in.
#[derive(Debug)]
pub struct Lock {
    file: File,
    path: PathBuf,
}

impl Lock {
    /// Removes the lock's file while the lock is held: those who wait on it notice and start over.
    ///
    /// # Errors
    /// It cannot be removed, and stays; the lock is given back all the same.
    pub(super) fn remove_file(self) -> std::io::Result<()> {
        match deed::at_once("store.remove_lock", || std::fs::remove_file(&self.path)) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(error),
            _ => Ok(()),
        }
    }

    /// Writes who holds it. A reader that comes before waits for it, see [`Held::of`].
    fn sign(&mut self, verb: &str) {
        let holder = Holder::myself(verb);
        // A lock that cannot be signed is a lock all the same.
        if let Ok(text) = serde_json::to_vec(&holder) {
            let _ = deed::at_once("store.sign_lock", || {
                self.file.rewind()?;
                self.file.set_len(0)?;
                self.file.write_all(&text)
            });
        }
    }
}

impl InstanceStore {
    /// Waits for the instance's lock.
    ///
    /// # Errors
    /// [`StoreError::Locked`] after `timeout`, naming the holder; a file that cannot be made.
    pub async fn lock(
        &self,
        verb: &str,
        timeout: Duration,
        listener: &dyn Listener,
    ) -> Result<Lock, StoreError> {
        acquire(&self.lock_path(), verb, timeout, listener).await
    }

    /// The same for a call that makes room. Where there is none for the lock itself, it goes on
    /// without: nobody else could make one either.
    ///
    /// # Errors
    /// As for [`InstanceStore::lock`].
    pub async fn lock_where_room(
        &self,
        verb: &str,
        timeout: Duration,
        listener: &dyn Listener,
    ) -> Result<Option<Lock>, StoreError> {
        match self.lock(verb, timeout, listener).await {
            Ok(lock) => Ok(Some(lock)),
            Err(error) if error.is_about_room() => {
                let message = format!("{error}: there is no room left, so nobody else is kept out");
                listener.hear(&Event::Warning { message });
                Ok(None)
            }
            Err(error) => Err(error),
        }
    }

    /// Who holds the instance's lock at the moment.
    #[must_use]
    pub fn lock_holder(&self) -> Option<Holder> {
        Holder::signed(&self.lock_path())
    }
}

impl Store {
    pub(super) fn leases_lock_path(&self) -> PathBuf {
        self.root.join("leases.lock")
    }

    /// Waits for the lock that guards the leases of all instances. It is held for milliseconds.
    pub(super) async fn lock_leases(
        &self,
        timeout: Duration,
        listener: &dyn Listener,
    ) -> Result<Lock, StoreError> {
        acquire(&self.leases_lock_path(), "up", timeout, listener).await
    }
}

async fn acquire(
    path: &Path,
    verb: &str,
    timeout: Duration,
    listener: &dyn Listener,
) -> Result<Lock, StoreError> {
    let begun = Instant::now();
    if is_directory(path) {
        // Nothing that anybody of vagrantp's could hold.
        let message = format!("{} is no file and was {}", path.display(), set_aside(path));
        listener.hear(&Event::Warning { message });
    }
    let mut pause = Duration::from_millis(2);
    let mut told = false;
    loop {
        if let Some(mut lock) = try_acquire(path)? {
            lock.sign(verb);
            return Ok(lock);
        }
        let waited = begun.elapsed();
        if waited >= timeout {
            let holder = Box::new(Held::of(path).await);
            // Where nobody has it any more, nobody is in the way.
            if holder.pid.is_none()
                && let Some(mut lock) = try_acquire(path)?
            {
                lock.sign(verb);
                return Ok(lock);
            }
            return Err(StoreError::Locked { holder, waited: waited.as_secs() });
        }
        if !told && waited > Duration::from_millis(500) {
            let holder = Held::of(path).await;
            listener.hear(&Event::Waiting { says: format!("waiting for {holder}") });
            told = true;
        }
        tokio::time::sleep(pause.min(timeout.saturating_sub(begun.elapsed()))).await;
        pause = (pause * 2).min(Duration::from_millis(50));
    }
}

/// One try: the lock, or none where somebody has it.
fn try_acquire(path: &Path) -> Result<Option<Lock>, StoreError> {
    let failed = |error| StoreError::io("lock", path, error);
    if let Some(dir) = path.parent() {
        make_dir(dir)?;
    }
    let file = match deed::at_once("store.make_lock", || {
        let mut options = OpenOptions::new();
        options.create(true).truncate(false).read(true).write(true);
        private::open(path, &mut options)
    }) {
        Ok(file) => file,
        // `rm` took the directory away between the two lines above.
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(failed(error)),
    };
    match file.try_lock() {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => return Ok(None),
        Err(TryLockError::Error(error)) => return Err(failed(error)),
    }
    // `rm` may have removed the file that was opened: a lock on that keeps nobody out.
    let ours = file.metadata().map_err(failed)?;
    match std::fs::metadata(path) {
        Ok(there) if (there.dev(), there.ino()) == (ours.dev(), ours.ino()) => {
            Ok(Some(Lock { file, path: path.to_owned() }))
        }
        _ => Ok(None),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::Silence;
    use crate::model::id::{InfraType, InstanceUuid};

    fn instance(dir: &Path) -> InstanceStore {
        let uuid = InstanceUuid::derive("m", 0, Path::new("/p"), InfraType::Container);
        Store::new(dir).instance(uuid)
    }

    #[tokio::test]
    async fn the_second_waits_and_then_names_the_first() {
        let dir = tempfile::tempdir().unwrap();
        let store = instance(dir.path());
        let first = store.lock("up", Duration::from_secs(1), &Silence).await.unwrap();
        let error = store.lock("rm", Duration::from_millis(50), &Silence).await.unwrap_err();
        let pid = std::process::id();
        assert!(error.to_string().contains(&format!("`vagrantp up` (pid {pid}")), "{error}");
        assert_eq!(store.lock_holder().map(|holder| holder.verb), Some("up".to_owned()));
        drop(first);
        store.lock("rm", Duration::from_millis(50), &Silence).await.unwrap();
    }

    #[tokio::test]
    async fn a_removed_lock_file_keeps_out_those_who_waited_on_it() {
        let dir = tempfile::tempdir().unwrap();
        let store = instance(dir.path());
        let first = store.lock("rm", Duration::from_secs(1), &Silence).await.unwrap();
        let waiting = {
            let store = store.clone();
            tokio::spawn(async move { store.lock("up", Duration::from_secs(5), &Silence).await })
        };
        tokio::time::sleep(Duration::from_millis(30)).await;
        store.remove(first).unwrap();
        let second = waiting.await.unwrap().unwrap();
        assert!(second.path.exists(), "the second has a lock that others can see");
        assert!(store.lock("up", Duration::ZERO, &Silence).await.is_err());
    }
}
