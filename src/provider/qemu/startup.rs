//! What QEMU wrote before it gave up, sorted into the errors that vagrantp knows. Pure.

use super::fault;
use super::launch::{NOT_BRIDGED, NOT_CONFINED};
use crate::exec::last_lines;
use crate::model::code::Code;
use crate::model::id::ProviderKind;
use crate::model::units::Memory;
use crate::provider::ProviderError;

/// Why a machine did not start.
#[derive(Debug)]
pub(super) enum Why {
    /// The host lets this user have no mounts of their own: it may do without.
    NotConfined,
    /// This QEMU was built without a sandbox: it may do without.
    NoSandbox,
    /// Something that ends the attempt.
    Fatal(ProviderError),
}

/// What the machine that was to be started asked for.
#[derive(Clone, Copy, Debug)]
pub(super) struct Wish<'a> {
    /// QEMU_ARGS.
    pub(super) qemu_args: &'a [String],
    /// MEMORY.
    pub(super) memory: Memory,
    /// BRIDGE.
    pub(super) bridge: Option<&'a str>,
}

/// What became of it, by what stands in its log.
pub(super) fn why(log: &str, wish: &Wish<'_>) -> Why {
    if log.contains(NOT_CONFINED) {
        return Why::NotConfined;
    }
    let says = says(log);
    if says.contains("sandbox") && (says.contains("option group") || says.contains("not enabled")) {
        return Why::NoSandbox;
    }
    Why::Fatal(fatal(log, &says, wish))
}

const START: &str = "start the machine";

fn fatal(log: &str, says: &str, wish: &Wish<'_>) -> ProviderError {
    if let (Some(at), Some(bridge)) = (log.find(NOT_BRIDGED), wish.bridge) {
        let helper = last_lines(log[..at].trim_end_matches("vagrantp: "), 2).replace('\n', "; ");
        let reason = match helper.as_str() {
            "" => log[at + NOT_BRIDGED.len()..].trim().to_owned(),
            words => words.to_owned(),
        };
        return bridge_fault(bridge, &reason);
    }
    if let Some(rule) = quoted_after(says, "Could not set up host forwarding rule") {
        let port = rule.split(':').nth(2).and_then(|rest| rest.split('-').next()?.parse().ok());
        let reason = format!("QEMU cannot listen as {rule} asks");
        return ProviderError::PortConflict { reason, port };
    }
    if let Some(own) = of_qemu_args(says, wish.qemu_args) {
        return ProviderError::BadArguments { provider: ProviderKind::Qemu, message: own };
    }
    let with = |help: &str, code| fault::with(START, says, help, code);
    if says.contains("annot allocate memory") || says.contains("cannot set up guest memory") {
        let help = format!("MEMORY asks for {}: lower it, or free some of the host's", wish.memory);
        return with(&help, Code::InsufficientResources);
    }
    if says.contains("Could not access KVM kernel module") {
        return with("sudo usermod -aG kvm \"$USER\", and log in again", Code::PermissionDenied);
    }
    if says.contains("lock") && says.contains("Is another process using the image") {
        let help = "another QEMU has the disk open: see which one with `fuser` on the path";
        return with(help, Code::InvalidState);
    }
    if says.contains("-spice") || says.contains("spice") && says.contains("support") {
        let help = "this QEMU was built without SPICE: install qemu-system-modules-spice (Debian), \
                    qemu-ui-spice-core (Fedora), or set DISPLAY_MODE=none";
        return with(help, Code::DependencyMissing);
    }
    if says.contains("gtk initialization failed") || says.contains("type 'gtk'") {
        let help = "a window needs a desktop (DISPLAY or WAYLAND_DISPLAY), and QEMU's GTK module \
                    (Debian: qemu-system-gui); or set DISPLAY_MODE=none";
        return with(help, Code::CreateFailed);
    }
    if says.contains("unsupported machine type") || says.contains("Unsupported machine type") {
        let help = "the machine was made by another QEMU, which knew this type of hardware: install \
                    that again, or `vagrantp up --recreate`";
        return with(help, Code::ProviderNotAvailable);
    }
    fault::refused(START, says)
}

/// Why a machine cannot be attached to a bridge.
pub(super) fn bridge_fault(bridge: &str, reason: &str) -> ProviderError {
    match super::bridge::obstacle(bridge) {
        Some((says, help)) => network_failed(bridge, &says, &help),
        None => network_failed(
            bridge,
            reason,
            "see whether the bridge is there: ip link show type bridge",
        ),
    }
}

fn network_failed(bridge: &str, says: &str, help: &str) -> ProviderError {
    fault::with(&format!("attach the machine to {bridge}"), says, help, Code::NetworkFailed)
}

/// QEMU's own words, without its name and the moment before them.
fn says(log: &str) -> String {
    let lines = last_lines(log, 4);
    let plain = |line: &str| match line.split_once("qemu-system-") {
        Some((_, rest)) => rest.split_once(": ").map_or(rest, |(_, words)| words).to_owned(),
        None => line.to_owned(),
    };
    let lines: Vec<String> = lines.lines().map(plain).filter(|line| !is_idle(line)).collect();
    match lines.join("; ") {
        none if none.is_empty() => "it ended at once and said nothing".to_owned(),
        lines => lines,
    }
}

/// What QEMU says without being asked, and means nothing by.
fn is_idle(line: &str) -> bool {
    line.starts_with("warning: ")
}

/// What is said of QEMU_ARGS, where it is: QEMU repeats an option that it does not take, with its value.
fn of_qemu_args(says: &str, qemu_args: &[String]) -> Option<String> {
    let names = |argument: &String| {
        let argument = crate::exec::printable(argument);
        argument.len() > 2
            && (says.starts_with(&argument) || says.contains(&format!("; {argument}")))
    };
    let options = qemu_args.iter().filter(|argument| argument.starts_with('-'));
    let named = options.clone().any(names);
    // Without a name: something that is no option, or an option without its value.
    let first = |argument: &String| says.contains(&format!("{argument}: "));
    (named || qemu_args.iter().any(|argument| argument.len() > 2 && first(argument)))
        .then(|| says.to_owned())
}

fn quoted_after<'a>(text: &'a str, words: &str) -> Option<&'a str> {
    let (_, rest) = text.split_once(words)?;
    rest.split('\'').nth(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(log: &str, qemu_args: &[&str]) -> ProviderError {
        let qemu_args: Vec<String> = qemu_args.iter().map(|word| (*word).to_owned()).collect();
        let wish = Wish { qemu_args: &qemu_args, memory: Memory(2048), bridge: None };
        match why(log, &wish) {
            Why::Fatal(error) => error,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn each_failure_has_its_own_error() {
        let port = of(
            "2026-11-21T12:00:00Z qemu-system-x86_64: -netdev user,id=net0: Could not set up host \
             forwarding rule 'tcp:127.0.0.1:8080-:80'\n",
            &[],
        );
        assert!(matches!(&port, ProviderError::PortConflict { port: Some(8080), .. }), "{port:?}");
        for (log, code) in [
            (
                "qemu-system-x86_64: cannot set up guest memory 'pc.ram': Cannot allocate memory",
                Code::InsufficientResources,
            ),
            (
                "qemu-system-x86_64: -blockdev x: Failed to get \"write\" lock\nIs another process using the image [/d]?",
                Code::InvalidState,
            ),
            (
                "qemu-system-x86_64: -spice unix=on: There is no option group 'spice'",
                Code::DependencyMissing,
            ),
            ("gtk initialization failed", Code::CreateFailed),
            (
                "qemu-system-x86_64: unsupported machine type: \"pc-q35-99.0\"",
                Code::ProviderNotAvailable,
            ),
            ("", Code::CreateFailed),
        ] {
            assert_eq!(of(log, &["-device", "x"]).code(), code, "{log}");
        }
    }

    #[test]
    fn what_is_wrong_with_qemu_args_is_said_of_them() {
        for (log, args) in [
            ("qemu-system-x86_64: -devic: invalid option", vec!["-devic", "x"]),
            (
                "T qemu-system-x86_64: -device nope: 'nope' is not a valid device model name",
                vec!["-device", "nope"],
            ),
            ("qemu-system-x86_64: -device: requires an argument", vec!["-device"]),
        ] {
            let error = of(log, &args);
            assert!(matches!(error, ProviderError::BadArguments { .. }), "{log}: {error:?}");
            assert_eq!(error.field(), Some("QEMU_ARGS"));
        }
        let other = of("qemu-system-x86_64: -kernel /k: could not open it", &["-device", "x"]);
        assert!(matches!(other, ProviderError::Refused { .. }), "{other:?}");
    }

    #[test]
    fn what_can_be_done_without_is_no_failure() {
        let wish = Wish { qemu_args: &[], memory: Memory(512), bridge: None };
        let log = format!("{NOT_CONFINED}Operation not permitted\n");
        assert!(matches!(why(&log, &wish), Why::NotConfined));
        let log = "qemu-system-x86_64: -sandbox on: There is no option group 'sandbox'";
        assert!(matches!(why(log, &wish), Why::NoSandbox));
    }
}
