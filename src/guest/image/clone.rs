//! Files of the user's into the cache, and images out of it to the machines that read them.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

use super::known::{Known, Stat, hex};
use super::{Cache, Image, check_sum};
use crate::deed;
use crate::event::{Event, Listener};
use crate::guest::error::FetchError;
use crate::private;

/// What is read at a time.
const CHUNK: usize = 1 << 20;

/// Copies a file into the cache.
pub(super) async fn take_up(
    cache: &Cache,
    path: &Path,
    sha256: Option<&str>,
    listener: &dyn Listener,
) -> Result<(Image, Known), FetchError> {
    let unreadable = |cause| FetchError::Unreadable { path: path.to_owned(), cause };
    let source = File::open(path).map_err(unreadable)?;
    let facts = source.metadata().map_err(unreadable)?;
    if !facts.is_file() {
        return Err(unreadable(io::Error::other("it is no regular file")));
    }
    let name = path.display().to_string();
    cache.check_room(&name, facts.len())?;
    listener.hear(&Event::Progress {
        item: name.clone(),
        done: 0,
        total: Some(facts.len()),
        says: "copying into the cache".to_owned(),
    });
    let partial = cache.root.join("partial");
    let copy = deed::at_once("guest.create_copy", || {
        tempfile::Builder::new().prefix("copy-").tempfile_in(&partial)
    });
    let written =
        |path: PathBuf| move |cause| FetchError::Cache { operation: "written", path, cause };
    let copy = copy.map_err(written(partial))?;
    let (place, target) = (copy.path().to_owned(), copy.as_file().try_clone());
    let target = target.map_err(written(place.clone()))?;
    let copying = blocking(move || {
        let mut source = source;
        clone_or_copy(&mut source, &target)?;
        target.sync_all()?;
        Ok((Stat::of(&source.metadata()?), sum_of(&place)?))
    });
    let (after, found) = deed::around("guest.copy_image", copying).await.map_err(unreadable)?;
    if after != Stat::of(&facts) {
        return Err(FetchError::ChangedMeanwhile { path: path.to_owned() });
    }
    check_sum(&name, sha256, &found)?;
    let image = cache.place(copy.path(), &found)?;
    // Its name is not there any more.
    let _ = copy.into_temp_path().keep();
    let known =
        Known { sha256: found, size: image.size, validator: None, stat: Some(Stat::of(&facts)) };
    Ok((image, known))
}

/// A clone shares the blocks with its original until one of the two is written to.
fn clone_or_copy(source: &mut File, target: &File) -> io::Result<()> {
    if rustix::fs::ioctl_ficlone(target, &*source).is_ok() {
        return Ok(());
    }
    io::copy(source, &mut &*target).map(drop)
}

/// The SHA-256 of a whole file.
pub(super) fn sum_of(path: &Path) -> io::Result<String> {
    let mut file = private::open(path, OpenOptions::new().read(true))?;
    let (mut sum, mut buffer) = (Sha256::new(), vec![0; CHUNK]);
    loop {
        match file.read(&mut buffer)? {
            0 => return Ok(hex(&sum.finalize())),
            read => sum.update(&buffer[..read]),
        }
    }
}

pub(super) async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> io::Result<T> + Send + 'static,
) -> io::Result<T> {
    tokio::task::spawn_blocking(work).await.map_err(io::Error::other)?
}

/// Has an image at `place`, for as long as a machine reads from it, whatever becomes of the cache: as
/// a link where both are on one file system, else as a clone or a copy. One that is there already is
/// left alone.
///
/// # Errors
/// It cannot be written there.
pub async fn keep(image: &Image, place: &Path) -> Result<(), FetchError> {
    let failed = |cause| FetchError::Cache { operation: "written", path: place.to_owned(), cause };
    match fs::symlink_metadata(place) {
        Ok(facts) if facts.is_file() && facts.len() == image.size => return Ok(()),
        Ok(_) => {
            let remove = || fs::remove_file(place);
            deed::at_once("guest.drop_other", remove).map_err(failed)?;
        }
        Err(_) => {}
    }
    if deed::at_once("guest.link_image", || fs::hard_link(&image.path, place)).is_ok() {
        return Ok(());
    }
    let (from, dir) = (image.path.clone(), place.parent().unwrap_or(Path::new("/")).to_owned());
    let beside = || tempfile::Builder::new().prefix(".new-").tempfile_in(&dir);
    let copy = deed::at_once("guest.create_image", beside).map_err(failed)?;
    let target = copy.as_file().try_clone().map_err(failed)?;
    let copying = blocking(move || {
        use std::os::unix::fs::PermissionsExt;
        clone_or_copy(&mut File::open(from)?, &target)?;
        target.set_permissions(fs::Permissions::from_mode(0o400))?;
        target.sync_all()
    });
    deed::around("guest.keep_image", copying).await.map_err(failed)?;
    let rename = || copy.persist(place).map(drop).map_err(|error| error.error);
    deed::at_once("guest.place_kept", rename).map_err(failed)
}
