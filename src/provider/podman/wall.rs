//! Keeps projects apart where netavark forgets to. Up to some version it takes the firewall's jump to
//! its isolation rules away whenever the last container of any isolated network ends, while other
//! isolated networks are in use; the rules themselves stay. A jump of vagrantp's own, told apart by
//! its comment, is one that netavark leaves alone. It goes with the last of vagrantp's networks.
//!
//! There is no endpoint for this: `podman network reload` is for the command line alone, cuts the
//! connections of every container, and takes a hundred times as long.

use super::Podman;
use super::look;
use crate::deed;
use crate::event::{Event, Listener};
use crate::exec::{ExecError, Program};

/// Netavark's chain; an engine with another firewall has none, and not this gap.
const CHAIN: &str = "NETAVARK_ISOLATION_1";

/// The jump, as it is looked for, inserted and deleted.
const JUMP: [&str; 6] =
    ["-m", "comment", "--comment", "vagrantp keeps projects apart", "-j", CHAIN];

/// More of them than there can be: one for each of as many starts at the same moment.
const MANY: usize = 16;

/// How the engine's firewall is reached.
struct Firewall {
    program: Program,
    /// What comes before iptables' own arguments.
    before: Vec<&'static str>,
}

impl Firewall {
    /// Nothing where this user may not touch the engine's firewall, or has no program for it.
    fn of(room: &Podman) -> Option<Firewall> {
        let settings = &room.settings;
        let path = format!("{}:/usr/sbin:/sbin", settings.path.as_deref().unwrap_or_default());
        let find = |name| Program::find(name, Some(&path)).ok();
        match room.engine_uid {
            Some(0) if settings.uid == 0 => {
                Some(Firewall { program: find("iptables")?, before: Vec::new() })
            }
            // The networks of an engine without root's rights are in a namespace of their own.
            Some(uid) if uid != 0 && uid == settings.uid => {
                find("iptables")?;
                let before = vec!["unshare", "--rootless-netns", "iptables"];
                Some(Firewall { program: find("podman")?, before })
            }
            _ => None,
        }
    }

    async fn run(&self, arguments: &[&str]) -> Result<(), ExecError> {
        let arguments: Vec<&str> =
            self.before.iter().copied().chain(["-w"]).chain(arguments.iter().copied()).collect();
        self.program.run(&arguments).await.map(drop)
    }

    async fn rule(&self, what: &[&str]) -> Result<(), ExecError> {
        let arguments: Vec<&str> = what.iter().copied().chain(JUMP).collect();
        self.run(&arguments).await
    }
}

/// Sees to it that the isolation rules are asked whoever comes and goes. For after a start: only then
/// are they there. Where nothing is to be kept apart yet, the start of what comes second does it: its
/// network is there by then, and this one as well.
pub(super) async fn keep(room: &Podman, listener: &dyn Listener) {
    let Some(firewall) = Firewall::of(room) else { return };
    if look::is_alone(&room.client).await || firewall.rule(&["-C", "FORWARD"]).await.is_ok() {
        return;
    }
    let insert = deed::around("podman.wall_up", firewall.rule(&["-I", "FORWARD", "1"]));
    // An engine with another firewall has no chain to jump to.
    if let Err(error) = insert.await
        && firewall.run(&["-S", CHAIN]).await.is_ok()
    {
        let message = format!(
            "the wall between projects may open while containers come and go ({error}): `podman \
             network reload --all` closes it again"
        );
        listener.hear(&Event::Warning { message: crate::exec::printable(&message) });
    }
}

/// Takes the jump away where no network of vagrantp's is left. Whatever fails here, the next start
/// or removal sees to it.
pub(super) async fn take_down(room: &Podman) {
    // A namespace of its own goes by itself.
    if room.engine_uid != Some(0) {
        return;
    }
    let Some(firewall) = Firewall::of(room) else { return };
    if !look::is_last_network_gone(&room.client).await {
        return;
    }
    for _ in 0..MANY {
        let delete = deed::around("podman.wall_down", firewall.rule(&["-D", "FORWARD"]));
        if delete.await.is_err() {
            return;
        }
    }
}
