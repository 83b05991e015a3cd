//! The way in: the arguments for the system's own `ssh`, and the one line that a machine is known by.
//!
//! No configuration file of the caller's is read (`-F none`): a `Host *` with a proxy, a forwarded
//! agent or a control socket in it would lead elsewhere, or let the machine in where it does not
//! belong. What somebody wants besides stands behind `vagrantp ssh --`.

use std::ffi::OsString;
use std::net::IpAddr;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::{Path, PathBuf};

/// How a guest is reached.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Access {
    /// The address to connect to.
    pub host: IpAddr,
    /// The port there.
    pub port: u16,
    /// Who is logged in as.
    pub user: String,
    /// The file that the machine's host key stands in.
    pub known_hosts: PathBuf,
    /// The name that it stands there under; addresses and ports change.
    pub alias: String,
    /// The one private key to use, which is named and never read; without it, those of the agent and
    /// of `~/.ssh`.
    pub identity: Option<PathBuf>,
    /// How long a connection may take to be made, in seconds.
    pub timeout: u32,
}

/// What a connection is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// A person's, or a program's on behalf of one: what ssh asks is asked.
    Use,
    /// To see whether it works: nothing is asked, and only keys are tried.
    Probe,
}

/// The line of `known_hosts`; `public` is a public key, with or without a comment.
#[must_use]
pub fn known_hosts_line(alias: &str, public: &str) -> String {
    let key = public.split_whitespace().take(2).collect::<Vec<_>>().join(" ");
    format!("{alias} {key}\n")
}

/// The arguments of `ssh`, without a command.
#[must_use]
pub fn arguments(access: &Access, purpose: Purpose) -> Vec<OsString> {
    let mut options: Vec<OsString> = Vec::new();
    let mut option = |text: String| options.push(text.into());
    // Strict from the first connection on: the key was handed to the machine, not learned from it.
    option("StrictHostKeyChecking=yes".to_owned());
    option(format!("HostKeyAlias={}", access.alias));
    option("HostKeyAlgorithms=ssh-ed25519".to_owned());
    option("GlobalKnownHostsFile=none".to_owned());
    option("CheckHostIP=no".to_owned());
    option("UpdateHostKeys=no".to_owned());
    option("ControlMaster=no".to_owned());
    option("ControlPath=none".to_owned());
    option("LogLevel=ERROR".to_owned());
    option(format!("ConnectTimeout={}", access.timeout));
    if purpose == Purpose::Probe {
        option("BatchMode=yes".to_owned());
        option("PreferredAuthentications=publickey".to_owned());
        option("RequestTTY=no".to_owned());
    }
    options.push(path_option("UserKnownHostsFile", &access.known_hosts));
    if let Some(identity) = &access.identity {
        // With many keys in the agent the right one would come too late.
        options.push("IdentitiesOnly=yes".into());
        options.push(path_option("IdentityFile", identity));
    }
    let mut arguments: Vec<OsString> = vec!["-F".into(), "none".into()];
    for option in options {
        arguments.extend(["-o".into(), option]);
    }
    arguments.extend(["-p".into(), access.port.to_string().into()]);
    arguments.extend(["-l".into(), access.user.clone().into()]);
    arguments.push(access.host.to_string().into());
    arguments
}

/// An option whose value is a path: ssh takes quotes, backslashes and `%` in it for its own.
fn path_option(name: &str, path: &Path) -> OsString {
    let mut option = format!("{name}=\"").into_bytes();
    for byte in path.as_os_str().as_bytes() {
        match byte {
            b'%' => option.extend(b"%%"),
            b'"' | b'\\' => option.extend([b'\\', *byte]),
            byte => option.push(*byte),
        }
    }
    option.push(b'"');
    OsString::from_vec(option)
}

/// The whole command, to be copied into a shell.
#[must_use]
pub fn command_line(access: &Access) -> String {
    let arguments = arguments(access, Purpose::Use);
    let words = arguments.iter().map(|word| word.to_string_lossy());
    let quoted = words.map(|word| match shlex::try_quote(&word) {
        Ok(quoted) => quoted.into_owned(),
        Err(_) => word.replace('\0', ""),
    });
    std::iter::once("ssh".to_owned()).chain(quoted).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn access() -> Access {
        Access {
            host: "127.0.0.1".parse().unwrap(),
            port: 22220,
            user: "ada".to_owned(),
            known_hosts: "/state/it's 100% \"mine\"/known_hosts".into(),
            alias: "vagrantp-b1946ac9".to_owned(),
            identity: Some("/home/ada/.ssh/id_ed25519".into()),
            timeout: 5,
        }
    }

    #[test]
    fn the_command_can_be_pasted_into_a_shell() {
        insta::assert_snapshot!(command_line(&access()), @r##"ssh -F none -o 'StrictHostKeyChecking=yes' -o 'HostKeyAlias=vagrantp-b1946ac9' -o 'HostKeyAlgorithms=ssh-ed25519' -o 'GlobalKnownHostsFile=none' -o 'CheckHostIP=no' -o 'UpdateHostKeys=no' -o 'ControlMaster=no' -o 'ControlPath=none' -o 'LogLevel=ERROR' -o 'ConnectTimeout=5' -o "UserKnownHostsFile=\"/state/it's 100%% \\\"mine\\\"/known_hosts\"" -o 'IdentitiesOnly=yes' -o 'IdentityFile="/home/ada/.ssh/id_ed25519"' -p 22220 -l ada 127.0.0.1"##);
        let words = shlex::split(&command_line(&access())).unwrap();
        let given: Vec<String> = arguments(&access(), Purpose::Use)
            .into_iter()
            .map(|word| word.into_string().unwrap())
            .collect();
        assert_eq!(words[1..], given);
    }

    #[test]
    fn a_probe_asks_nobody_and_a_key_that_was_not_named_is_not_the_only_one() {
        let has = |access: &Access, purpose, text: &str| {
            arguments(access, purpose).iter().any(|word| word.to_string_lossy().contains(text))
        };
        assert!(has(&access(), Purpose::Probe, "BatchMode=yes"));
        assert!(!has(&access(), Purpose::Use, "BatchMode"));
        assert!(has(&access(), Purpose::Use, "IdentitiesOnly=yes"));
        let any = Access { identity: None, ..access() };
        assert!(!has(&any, Purpose::Use, "Identit"));
    }

    #[test]
    fn a_machine_is_known_by_its_name_and_key_alone() {
        assert_eq!(known_hosts_line("a", "ssh-ed25519 AAAA it's mine\n"), "a ssh-ed25519 AAAA\n");
    }
}
