//! Deeds: the calls that change the world. Each passes one of two functions here, under a name.
//!
//! In a release build the two do nothing but call. In a development build each deed has two points,
//! one right before it and one right after, at which a test has the process be killed, interrupted or
//! halted, or has the deed fail: this is how "kill it at any instant" is tried at every instant there
//! is, and not at those that a clock happens to meet. `docs/decisions/0020` says why it is so.

#[cfg(debug_assertions)]
mod point;

#[cfg(debug_assertions)]
pub use point::{FAULTS, Fault, Order, Side, arm, arm_here, passed_here};

/// An error that can be made up, to see what becomes of it.
pub trait MadeUp {
    /// As if the deed of this name had failed: where it writes, for want of room.
    fn made_up(deed: &str) -> Self;
}

impl MadeUp for std::io::Error {
    fn made_up(_: &str) -> Self {
        std::io::Error::from_raw_os_error(rustix::io::Errno::NOSPC.raw_os_error())
    }
}

/// Does a deed that takes its time.
///
/// # Errors
/// Those of the deed.
#[cfg(not(debug_assertions))]
#[inline]
pub async fn around<T, E: MadeUp>(
    _: &'static str,
    deed: impl Future<Output = Result<T, E>>,
) -> Result<T, E> {
    deed.await
}

/// Does a deed that takes its time.
///
/// # Errors
/// Those of the deed, and made up ones.
#[cfg(debug_assertions)]
pub async fn around<T, E: MadeUp>(
    name: &'static str,
    deed: impl Future<Output = Result<T, E>>,
) -> Result<T, E> {
    point::wait_at::<E>(name, Side::Before).await?;
    let done = deed.await?;
    point::wait_at::<E>(name, Side::After).await?;
    Ok(done)
}

/// Does a deed that is over at once.
///
/// # Errors
/// Those of the deed.
#[cfg(not(debug_assertions))]
#[inline]
pub fn at_once<T, E: MadeUp>(_: &'static str, deed: impl FnOnce() -> Result<T, E>) -> Result<T, E> {
    deed()
}

/// Does a deed that is over at once.
///
/// # Errors
/// Those of the deed, and made up ones.
#[cfg(debug_assertions)]
pub fn at_once<T, E: MadeUp>(
    name: &'static str,
    deed: impl FnOnce() -> Result<T, E>,
) -> Result<T, E> {
    point::pass::<E>(name, Side::Before)?;
    let done = deed()?;
    point::pass::<E>(name, Side::After)?;
    Ok(done)
}
