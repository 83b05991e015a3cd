//! Health checks. Podman has systemd make them; where there is none, a check is made by whoever
//! looks, once in the interval that the image asks for.

use std::path::Path;
use std::time::Duration;

use jiff::Timestamp;

use super::client::{LIBPOD, escape};
use super::look::{self, Size};
use super::{Podman, life};
use crate::deed;
use crate::model::life::Health;
use crate::model::observed::{Instance, Power};
use crate::provider::ProviderError;

pub(super) async fn check(
    room: &Podman,
    instance: &Instance,
    limit: Duration,
) -> Result<Option<Health>, ProviderError> {
    let Some(health) = &instance.life.health else { return Ok(None) };
    let seconds = |text: &str| text.parse::<Timestamp>().ok().map(Timestamp::as_second);
    let checked = health.checked_at.as_deref().and_then(seconds);
    let due = health.is_due(checked, Timestamp::now().as_second());
    if instance.state != Power::Running || !due || engine_checks(room.engine_uid) {
        return Ok(Some(health.clone()));
    }
    let path = format!("{LIBPOD}/containers/{}/healthcheck", escape(&instance.id));
    let checked = deed::around("podman.check", room.client.get(&path));
    // The engine finishes the check and notes its result, whether or not somebody waits for it.
    match tokio::time::timeout(limit, checked).await {
        Err(_) => return Ok(Some(health.clone())),
        // A container that ends meanwhile cannot be checked, and shows that when it is looked at.
        Ok(answer) => drop(answer?),
    }
    let found = look::container(&room.client, &instance.id, Size::NotWanted).await?;
    Ok(found.as_ref().and_then(life::health))
}

/// Whether the engine has somebody who makes its checks: the systemd of its user.
fn engine_checks(uid: Option<u32>) -> bool {
    match uid {
        None | Some(0) => Path::new("/run/systemd/private").exists(),
        Some(uid) => Path::new(&format!("/run/user/{uid}/systemd/private")).exists(),
    }
}
