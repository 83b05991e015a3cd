//! What is done through the guest itself, by the machine's own key: who is let in, and its clock.

use super::definition::Definition;
use super::execute::{stale, the};
use super::look::Machine;
use super::{Qemu, address, fault, files, seed};
use crate::deed;
use crate::exec::Program;
use crate::guest::ssh::{self, Access, Purpose};
use crate::model::code::Code;
use crate::model::vm::Readiness;
use crate::plan::action::{Outcome, Target};
use crate::provider::ProviderError;

/// How long a connection to a guest on this host may take, in seconds.
const PATIENCE: u32 = 10;

/// How long a guest has that was just woken, in seconds. One that is not let into keeps its clock.
const CLOCK: u32 = 5;

/// The way in by the machine's own key; none where its address is not known.
pub(super) async fn access(machine: &Machine, user: &str) -> Option<Access> {
    let place = &machine.place;
    let at = address::ssh(place, &machine.definition).await?;
    Some(Access {
        host: at.ip(),
        port: at.port(),
        user: user.to_owned(),
        known_hosts: place.known_hosts(),
        alias: seed::alias(&machine.definition),
        identity: Some(place.key()),
        timeout: PATIENCE,
    })
}

/// The system's ssh.
pub(super) fn client(room: &Qemu) -> Result<Program, ProviderError> {
    let found = Program::find("ssh", room.settings.path.as_deref());
    found.map_err(|_| fault::missing("ssh", &room.settings.distribution))
}

/// Lets other keys into the guest: those of before go, and what somebody else put there stays.
pub(super) async fn authorize(
    room: &Qemu,
    target: &Target,
    keys: &[String],
    readiness: &Readiness,
) -> Result<Outcome, ProviderError> {
    const OPERATION: &str = "let other keys into the machine";
    let machine = the!(room, target);
    if machine.process.is_none() {
        return Ok(stale(format!("{} is not running", target.name)));
    }
    let before = &machine.definition.vm().authorized_keys;
    if before == keys {
        return Ok(Outcome::AlreadyDone);
    }
    let Some(access) = access(&machine, &readiness.user).await else {
        return Ok(stale(format!("{} has no address yet", target.name)));
    };
    let mut arguments = ssh::arguments(&access, Purpose::Probe);
    arguments.push(script(before, keys).into());
    let client = client(room)?;
    let said = deed::around("qemu.authorize", client.run(&arguments)).await;
    said.map_err(|error| {
        let help = "see whether `vagrantp ssh` gets in; it is done with the machine's own key";
        fault::with(OPERATION, &error.to_string(), help, Code::SshConnectionFailed)
    })?;
    let mut definition: Definition = machine.definition.clone();
    definition.vm_mut().authorized_keys = keys.to_vec();
    files::define(&machine.place, &definition)?;
    Ok(Outcome::Done)
}

/// What a guest's shell is told. The file has its old content or its new, and each line once.
fn script(before: &[String], after: &[String]) -> String {
    let gone = before.iter().filter(|key| !after.contains(key));
    let quoted = |key: &String| {
        let plain: String = key.chars().filter(|c| !c.is_control()).collect();
        shlex::try_quote(&plain).map(|quoted| quoted.into_owned()).unwrap_or_default()
    };
    // Each key is looked for before it is written: a call that was cut off is called again.
    let drop: String = gone.chain(after).map(|key| format!(" -e {}", quoted(key))).collect();
    let add: String = after.iter().map(|key| format!(" {}", quoted(key))).collect();
    let keep = if drop.is_empty() {
        "cat .ssh/authorized_keys".to_owned()
    } else {
        format!("grep -vxF{drop} .ssh/authorized_keys || [ $? = 1 ]")
    };
    let print = if add.is_empty() { ":".to_owned() } else { format!("printf '%s\\n'{add}") };
    format!(
        "set -e; cd; umask 077; mkdir -p .ssh; touch .ssh/authorized_keys; \
         {{ {keep}; {print}; }} >.ssh/authorized_keys.vagrantp; \
         mv .ssh/authorized_keys.vagrantp .ssh/authorized_keys"
    )
}

/// Sets the guest's clock, where it lets the machine's own key do that.
pub(super) async fn set_clock(room: &Qemu, machine: &Machine) {
    let Ok(client) = client(room) else { return };
    let Some(access) = access(machine, &machine.definition.vm().user).await else { return };
    let access = Access { timeout: CLOCK, ..access };
    let mut arguments = ssh::arguments(&access, Purpose::Probe);
    let now = jiff::Timestamp::now().as_second();
    let set = format!("date -u -s @{now} >/dev/null");
    arguments.push(format!("if [ \"$(id -u)\" = 0 ]; then {set}; else sudo -n {set}; fi").into());
    let setting = deed::around("qemu.set_clock", client.run(&arguments));
    let limit = std::time::Duration::from_secs(4 * u64::from(CLOCK));
    let _ = tokio::time::timeout(limit, setting).await;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_guests_own_keys_stay_and_each_of_ours_is_there_once() {
        let shell = Program::find("sh", Some("/bin:/usr/bin")).unwrap();
        let home = tempfile::tempdir().unwrap();
        let file = home.path().join(".ssh/authorized_keys");
        let run = |before: &[String], after: &[String]| {
            let line = format!("HOME={}; {}", home.path().display(), script(before, after));
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
            runtime.unwrap().block_on(shell.run(&["-c", &line])).unwrap();
            std::fs::read_to_string(&file).unwrap()
        };
        let key = |name: &str| format!("ssh-ed25519 AAAA{name} it's \"{name}\" $(id)");
        let (a, b) = (key("a"), key("b"));
        assert_eq!(run(&[], std::slice::from_ref(&a)), format!("{a}\n"));
        std::fs::write(&file, format!("ssh-rsa own\n{a}\n")).unwrap();
        let both = format!("ssh-rsa own\n{a}\n{b}\n");
        for _ in 0..2 {
            assert_eq!(run(std::slice::from_ref(&a), &[a.clone(), b.clone()]), both);
        }
        assert_eq!(
            run(&[a.clone(), b.clone()], std::slice::from_ref(&b)),
            format!("ssh-rsa own\n{b}\n")
        );
        assert_eq!(run(&[b], &[]), "ssh-rsa own\n");
        assert_eq!(run(&[], &[]), "ssh-rsa own\n");
    }
}
