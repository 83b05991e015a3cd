//! How a VM is reached: where its SSH server is, whether it answers, and what leads in.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

use crate::config::Config;
use crate::guest::ssh::{Access, known_hosts_line};
use crate::model::desired::Desired;
use crate::model::image::ImageSource;
use crate::model::observed::{Instance, Observed, Power};
use crate::model::units::Seconds;
use crate::model::vm::{Acceleration, Readiness, WaitFor};
use crate::store::StoreError;

use super::Context;
use super::host::banner::{Banner, banner};

/// How long a look waits for an SSH server that may not answer.
const LOOK: Duration = Duration::from_millis(100);
/// The same where the machine's instructions are run by software: its server takes longer to say
/// its first word than a whole login takes elsewhere.
const LOOK_EMULATED: Duration = Duration::from_secs(2);
/// BOOT_TIMEOUT where the `.env` does not say.
const BOOT_TIMEOUT: Seconds = Seconds(300);
/// SSH_TIMEOUT where the `.env` does not say.
const SSH_TIMEOUT: Seconds = Seconds(30);

/// Where the SSH server of a VM is; none for a container, or where its address is not known yet.
#[must_use]
pub fn endpoint(instance: &Instance) -> Option<SocketAddr> {
    let vm = instance.vm.as_ref()?;
    if let Some(port) = vm.settings.ssh_port {
        return Some(SocketAddr::from((Ipv4Addr::LOCALHOST, port)));
    }
    let fixed = vm.settings.fixed.as_ref().map(|fixed| fixed.address);
    instance.address.or(fixed).map(|address| SocketAddr::from((address, 22)))
}

/// Finds out of every VM that runs whether it answers.
pub async fn look(observed: &mut Observed) {
    for instance in &mut observed.instances {
        look_at(instance).await;
    }
}

/// Finds out whether this VM answers, where it runs.
pub async fn look_at(instance: &mut Instance) {
    if instance.state != Power::Running || instance.vm.is_none() {
        return;
    }
    let emulated =
        |vm: &crate::model::vm::ObservedVm| vm.acceleration == Some(Acceleration::Emulation);
    let slow = instance.vm.as_deref().is_some_and(emulated);
    let answers = match endpoint(instance) {
        Some(at) => {
            let within = if slow { LOOK_EMULATED } else { LOOK };
            matches!(banner(at, within).await, Banner::Ssh)
        }
        None => false,
    };
    if let Some(vm) = &mut instance.vm {
        vm.answers = Some(answers);
    }
}

/// Whether somebody expects an SSH server of it: WAIT_FOR, else whether it was made from an image.
#[must_use]
pub fn awaits_ssh(instance: &Instance, config: Option<&Config>) -> bool {
    let written = config.and_then(|config| config.wait_for.as_ref());
    match written {
        Some(wait_for) => wait_for.value == WaitFor::Ssh,
        None => instance.stamp.asked.image != ImageSource::Blank,
    }
}

/// What verbs wait for that start it as it is; none for a container.
#[must_use]
pub fn readiness(instance: Option<&Instance>, config: Option<&Config>) -> Option<Readiness> {
    let instance = instance?;
    let vm = instance.vm.as_ref()?;
    let timeout = config.and_then(|config| config.boot_timeout.as_ref());
    let key = config.and_then(|config| config.ssh_key.as_ref());
    Some(Readiness {
        wait_for: if awaits_ssh(instance, config) { WaitFor::Ssh } else { WaitFor::Boot },
        timeout: timeout.map_or(BOOT_TIMEOUT, |timeout| timeout.value),
        user: vm.settings.user.clone(),
        key: key.map(|key| key.value.clone()),
    })
}

/// What `ssh` takes; none for a container, or where the address is not known.
///
/// The key is the one that the `.env` names, else the machine's own. One that nothing was put into
/// (an installer, a kernel) may know any: then `ssh` tries those that it would try anywhere.
#[must_use]
pub fn access(
    context: &Context<'_>,
    instance: &Instance,
    config: Option<&Config>,
) -> Option<Access> {
    let key = config.and_then(|config| config.ssh_key.as_ref());
    way(context, instance, key.map(|key| key.value.clone()), ssh_timeout(config))
}

/// The same, by a whole wish.
#[must_use]
pub fn access_of(context: &Context<'_>, instance: &Instance, desired: &Desired) -> Option<Access> {
    let key = desired.vm.as_ref().and_then(|vm| vm.ssh_key.as_ref());
    let written = key.filter(|key| !key.origin.is_default());
    way(context, instance, written.map(|key| key.value.clone()), desired.ssh_timeout.value)
}

fn way(
    context: &Context<'_>,
    instance: &Instance,
    key: Option<PathBuf>,
    timeout: Seconds,
) -> Option<Access> {
    let vm = instance.vm.as_ref()?;
    let at = endpoint(instance)?;
    let own = vm.key.clone().filter(|_| instance.stamp.asked.image != ImageSource::Blank);
    Some(Access {
        host: at.ip(),
        port: at.port(),
        user: vm.settings.user.clone(),
        known_hosts: known_hosts(context, instance),
        alias: alias(instance),
        identity: key.or(own),
        timeout: timeout.0,
    })
}

/// SSH_TIMEOUT.
#[must_use]
pub fn ssh_timeout(config: Option<&Config>) -> Seconds {
    let written = config.and_then(|config| config.ssh_timeout.as_ref());
    written.map_or(SSH_TIMEOUT, |timeout| timeout.value)
}

fn alias(instance: &Instance) -> String {
    format!("vagrantp-{}", instance.stamp.uuid.short(12))
}

fn known_hosts(context: &Context<'_>, instance: &Instance) -> PathBuf {
    context.store.instance(instance.stamp.uuid).known_hosts_path()
}

/// Writes down by which key the machine is known, where that is not written down already: the key is
/// kept with the machine, and this is for `ssh` to read.
///
/// # Errors
/// It cannot be written.
pub fn write_known_hosts(context: &Context<'_>, instance: &Instance) -> Result<(), StoreError> {
    let Some(vm) = &instance.vm else { return Ok(()) };
    let line = vm.host_key.as_ref().map(|key| known_hosts_line(&alias(instance), key));
    context.store.instance(instance.stamp.uuid).keep_known_hosts(&line.unwrap_or_default())
}
