//! Waits until what runs in a machine can be reached.

use std::net::SocketAddr;

use async_trait::async_trait;

use super::execute::{stale, the};
use super::look::Machine;
use super::{Qemu, address, fault, keys};
use crate::event::Listener;
use crate::guest::readiness::{self, Until, Wait};
use crate::guest::ssh::Access;
use crate::model::vm::{Readiness, WaitFor};
use crate::plan::action::{Outcome, Target};
use crate::provider::ProviderError;

#[async_trait]
impl readiness::Machine for Machine {
    async fn is_alive(&self) -> bool {
        self.process.as_ref().is_some_and(super::process::Running::lives)
    }

    async fn address(&self) -> Option<SocketAddr> {
        address::ssh(&self.place, &self.definition).await
    }
}

pub(super) async fn wait(
    room: &Qemu,
    target: &Target,
    readiness: &Readiness,
    listener: &dyn Listener,
) -> Result<Outcome, ProviderError> {
    let machine = the!(room, target);
    if machine.process.is_none() {
        return Ok(stale(format!("{} has ended: its serial log may say why", target.name)));
    }
    let place = &machine.place;
    let from = machine.started.as_ref().map_or(0, |started| started.serial_from);
    let wait = Wait {
        name: machine.definition.spec.name.clone(),
        until: match readiness.wait_for {
            WaitFor::Ssh => Until::Ssh,
            WaitFor::Boot => Until::Boot,
        },
        timeout: readiness.timeout.duration(),
        access: Access {
            host: std::net::Ipv4Addr::LOCALHOST.into(),
            port: 0,
            user: readiness.user.clone(),
            known_hosts: place.known_hosts(),
            alias: super::seed::alias(&machine.definition),
            // The machine's own: with it, whoever calls is let in, with an agent or without.
            identity: Some(place.key()),
            timeout: 10,
        },
        ssh: keys::client(room)?,
        console: Some((place.serial_log(), from)),
    };
    let ready = readiness::wait(&machine, &wait, listener).await;
    ready.map_err(|error| fault::guest(error.into()))?;
    Ok(Outcome::Done)
}
