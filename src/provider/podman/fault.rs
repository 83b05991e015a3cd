//! What Podman says went wrong, sorted into the errors that vagrantp knows. Podman answers 500 to
//! nearly everything, so the words decide.

use std::io;
use std::path::Path;
use std::time::Duration;

use crate::exec::printable;
use crate::model::code::Code;
use crate::model::id::ProviderKind;
use crate::private::Untrusted;
use crate::provider::ProviderError;

/// What helps where an answer did not come in time.
pub(super) const TIMEOUT_HELP: &str = "the engine may still be at it: look with `vagrantp status`, \
     and with `podman ps -a` and `podman system info` whether it answers at all";

const PODMAN: ProviderKind = ProviderKind::Podman;

pub(super) fn internal(operation: &str, message: &str) -> ProviderError {
    ProviderError::Refused {
        provider: PODMAN,
        operation: operation.to_owned(),
        message: printable(message),
        help: "this is not expected; `podman version` and the command's output make a good report"
            .to_owned(),
        code: Code::Internal,
    }
}

/// The engine's refusal, by its words.
pub(super) fn refused(operation: &str, message: &str) -> ProviderError {
    let message = printable(message);
    if let Some(error) = conflict(&message) {
        return error;
    }
    let code = code_for(operation);
    let help = cut_off_image(&message).unwrap_or_else(|| help_for(&message).to_owned());
    ProviderError::Refused {
        provider: PODMAN,
        operation: operation.to_owned(),
        message,
        help,
        code,
    }
}

/// The engine has no such container, and something in its storage has the name: what another
/// program made there, or what is left of a creation that was cut off. Whose it is does not show.
pub(super) fn name_in_storage(operation: &str, name: &str) -> ProviderError {
    ProviderError::Refused {
        provider: PODMAN,
        operation: operation.to_owned(),
        message: format!(
            "something in its storage that is no container of its own is called {name}"
        ),
        help: format!(
            "`podman ps --all --external` shows it; if nobody needs it, `podman rm {name}` removes \
             it. Or choose another INFRA_ID"
        ),
        code: Code::InfraExists,
    }
}

/// What helps where the engine stumbles over an image without its manifest: its service was killed
/// while it wrote that, and every list of images fails until it is gone.
fn cut_off_image(message: &str) -> Option<String> {
    let (_, rest) = message.split_once("locating item named \"manifest\" for image with ID \"")?;
    let (id, _) = rest.split_once('"')?;
    let is_id = id.len() == 64 && id.bytes().all(|byte| byte.is_ascii_hexdigit());
    is_id.then(|| {
        format!(
            "the engine's service was killed while it wrote this image, which is of no use: \
             `podman rmi {id}` removes it, then call it again"
        )
    })
}

fn conflict(message: &str) -> Option<ProviderError> {
    let lower = message.to_lowercase();
    let port_words = ["address already in use", "port is already allocated"];
    let about_ports = lower.contains("listen") || lower.contains("port");
    if about_ports && port_words.iter().any(|words| lower.contains(words)) {
        let reason = message.to_owned();
        return Some(ProviderError::PortConflict { port: port_in(message), reason });
    }
    let address_words =
        ["ipam error", "is already used on the host", "requested ip address", "not in any subnet"];
    // A database of addresses that cannot be opened says nothing of the address.
    if address_words.iter().any(|words| lower.contains(words)) && !lower.contains("database") {
        return Some(ProviderError::AddressConflict { reason: message.to_owned() });
    }
    if lower.contains("name is already in use") || lower.contains("network already exists") {
        return Some(ProviderError::NameTaken { name: quoted(message).unwrap_or_default() });
    }
    None
}

/// What kind of failure a refusal is that has no words of its own.
fn code_for(operation: &str) -> Code {
    let verb = operation.split(' ').next().unwrap_or_default();
    if operation.contains(" network") || operation.contains(" address") {
        Code::NetworkFailed
    } else if matches!(verb, "create" | "start" | "save" | "name") {
        Code::CreateFailed
    } else {
        Code::Internal
    }
}

fn help_for(message: &str) -> &'static str {
    let lower = message.to_lowercase();
    if lower.contains("opening database") || lower.contains("open database") {
        return "the engine's storage was taken away under its service, as by a reset: end the \
                service (`systemctl stop podman.service`, with --user for one's own)";
    }
    if lower.contains("failed to find plugin") {
        return "the engine still uses CNI networks, without CNI's plugins: write \
                `network_backend = \"netavark\"` below `[network]` in containers.conf, with the \
                package netavark installed";
    }
    if lower.contains("executable file") || lower.contains("failed to exec") {
        "the image has no such program: change COMMAND, or take an image that has it"
    } else if lower.contains("/dev/net/tun") {
        "rootless networks need /dev/net/tun: `sudo modprobe tun`, and look whether this user may \
         open it"
    } else if lower.contains("privileged port") || lower.contains("permission denied") {
        "this user may not: take a port from 1024 on, or look at the rights of the mounts"
    } else if lower.contains("no space left") {
        "free some disk space; `podman system df` shows what takes it"
    } else if lower.contains("newuidmap") || lower.contains("subuid") {
        "give the user subordinate ids: `sudo usermod --add-subuids 100000-165535 \
         --add-subgids 100000-165535 USER`, then `podman system migrate`"
    } else {
        "`podman info` and `podman ps -a` show what the engine makes of it"
    }
}

/// The first port between two colons: `listen tcp4 127.0.0.1:8080: bind: …`.
fn port_in(message: &str) -> Option<u16> {
    message.split(':').skip(1).find_map(|part| part.parse().ok().filter(|port| *port != 0))
}

fn quoted(message: &str) -> Option<String> {
    message.split('"').nth(1).map(str::to_owned)
}

/// bollard's errors, sorted the same way.
pub(super) fn of_bollard(
    operation: &str,
    limit: Duration,
    socket: &Path,
    error: bollard::errors::Error,
) -> ProviderError {
    use bollard::errors::Error;
    match error {
        Error::DockerResponseServerError { message, .. } => refused(operation, &message),
        Error::DockerStreamError { error } => refused(operation, &error),
        Error::RequestTimeoutError => ProviderError::Timeout {
            provider: PODMAN,
            operation: operation.to_owned(),
            seconds: limit.as_secs(),
            help: TIMEOUT_HELP.to_owned(),
        },
        Error::IOError { err } => of_connect(socket, err),
        Error::SocketNotFoundError(_) => unreachable(socket, None, None),
        Error::HyperLegacyError { err } => unreachable(socket, Some(io::Error::other(err)), None),
        Error::HyperResponseError { err } => unreachable(socket, Some(io::Error::other(err)), None),
        other => internal(operation, &other.to_string()),
    }
}

/// How many bytes a socket's path may have (`unix(7)`, less the NUL at its end).
const LONGEST_SOCKET: usize = 107;

/// Whether nothing can listen at a socket since its path is too long; `variable` says where it is.
pub(super) fn check_length(socket: &Path, variable: &str) -> Result<(), ProviderError> {
    let bytes = socket.as_os_str().len();
    if bytes <= LONGEST_SOCKET {
        return Ok(());
    }
    Err(ProviderError::Unreachable {
        provider: PODMAN,
        address: socket.display().to_string(),
        help: format!(
            "a socket's path has {LONGEST_SOCKET} bytes at most, and this one has {bytes}: have \
             {variable} name a shorter one"
        ),
        cause: None,
    })
}

/// Why nobody can be reached at a socket.
pub(super) fn of_connect(socket: &Path, cause: io::Error) -> ProviderError {
    if let Some(untrusted) = Untrusted::behind(&cause) {
        let server = untrusted.is_about_a_server();
        let variable = if server { "CONTAINER_HOST or DOCKER_HOST" } else { "XDG_RUNTIME_DIR" };
        return ProviderError::Untrusted {
            provider: PODMAN,
            reason: untrusted.to_string(),
            help: untrusted.help(variable),
        };
    }
    if cause.kind() == io::ErrorKind::PermissionDenied {
        return ProviderError::Permission {
            provider: PODMAN,
            address: socket.display().to_string(),
            help: "run vagrantp as the user that owns the socket, or unset CONTAINER_HOST to use \
                   your own rootless Podman"
                .to_owned(),
        };
    }
    unreachable(socket, Some(cause), None)
}

pub(super) fn unreachable(
    socket: &Path,
    cause: Option<io::Error>,
    last_words: Option<&str>,
) -> ProviderError {
    let mut help = "`podman info` shows whether Podman works at all; where CONTAINER_HOST or \
                    DOCKER_HOST names this socket, start its service, or unset the variable"
        .to_owned();
    if let Some(words) = last_words {
        help = format!("its service said: {words}\n{help}");
    }
    ProviderError::Unreachable {
        provider: PODMAN,
        address: socket.display().to_string(),
        help,
        cause,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_taken_port_is_told_apart_and_named() {
        for (message, port) in [
            (
                "cannot listen on the TCP port: listen tcp4 127.0.0.1:18080: bind: address already in use",
                18080,
            ),
            ("rootlessport listen tcp 127.0.0.1:8080: bind: address already in use", 8080),
            (
                "cannot listen on the UDP port: listen udp [::1]:53: bind: address already in use",
                53,
            ),
        ] {
            match refused("start web", message) {
                ProviderError::PortConflict { port: Some(found), .. } => assert_eq!(found, port),
                other => panic!("{message}: {other:?}"),
            }
        }
    }

    #[test]
    fn addresses_and_names_are_told_apart() {
        let address =
            "IPAM error: requested ip address 10.89.0.77 is already allocated to container ID dab";
        assert_eq!(refused("start web", address).code(), Code::AddressConflict);
        let broken = "IPAM error: failed to open database /run/user/1/containers/networks/ipam.db";
        assert_eq!(refused("start web", broken).code(), Code::CreateFailed);
        let subnet = "subnet 10.89.0.0/24 is already used on the host or by another config";
        assert_eq!(refused("create the network n", subnet).code(), Code::AddressConflict);
        let name = "creating container storage: the container name \"web\" is already in use by 36. \
                    You have to remove that container to be able to reuse that name: that name is already in use";
        match refused("create web", name) {
            ProviderError::NameTaken { name } => assert_eq!(name, "web"),
            other => panic!("{other:?}"),
        }
        assert_eq!(refused("create the network n", "odd").code(), Code::NetworkFailed);
        assert_eq!(refused("change the address of web", "odd").code(), Code::NetworkFailed);
        assert_eq!(refused("create web", "odd").code(), Code::CreateFailed);
        assert_eq!(refused("rename web to b", "odd").code(), Code::Internal);
    }

    #[test]
    fn an_image_that_was_cut_off_is_named_with_what_removes_it() {
        let id = "4b52ddd70e9afeec6841eb49da823211fed35a1aec5016f8bb5d3b76d62fe6f6";
        let help = |id: &str| {
            let message = format!(
                "locating item named \"manifest\" for image with ID \"{id}\" (consider removing the \
                 image to resolve the issue): file does not exist"
            );
            match refused("list images", &message) {
                ProviderError::Refused { help, .. } => help,
                other => panic!("{other:?}"),
            }
        };
        assert!(help(id).contains(&format!("`podman rmi {id}`")), "{}", help(id));
        assert!(!help("; true").contains("rmi"), "{}", help("; true"));
    }
}
