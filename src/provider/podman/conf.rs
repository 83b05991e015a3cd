//! The configuration of a service that vagrantp starts: the user's own, and on top of it one line.
//!
//! Each exec leaves two processes behind for five minutes, past the end of its container, unless
//! `exit_command_delay` says otherwise. Podman from 4.5 on reads such an addition from the file
//! that CONTAINERS_CONF_OVERRIDE names. Older ones do not; for them the line goes into a copy of
//! the one configuration file that says anything, and CONTAINERS_CONF names the copy. Where several
//! files have a say, nothing is copied: to mix them is the engine's business.

use std::ffi::OsString;
use std::io;
use std::path::{Path, PathBuf};

use crate::{deed, private};

const TABLE: &str = "[engine]";
const KEY: &str = "exit_command_delay";
const LINE: &str = "exit_command_delay = 1\n";

/// What the user has said about configuration files.
#[derive(Clone, Debug, Default)]
pub(super) struct Surroundings {
    /// CONTAINERS_CONF: the only file that counts.
    pub(super) only: Option<PathBuf>,
    /// CONTAINERS_CONF_OVERRIDE is taken.
    pub(super) has_override: bool,
    /// `$XDG_CONFIG_HOME/containers`.
    pub(super) user: PathBuf,
}

impl Surroundings {
    /// The files that Podman reads, later ones over earlier ones.
    fn files(&self) -> Vec<PathBuf> {
        if let Some(only) = &self.only {
            return vec![only.clone()];
        }
        let mut files = vec![PathBuf::from("/usr/share/containers/containers.conf")];
        for directory in [Path::new("/etc/containers"), &self.user] {
            files.push(directory.join("containers.conf"));
            let parts = std::fs::read_dir(directory.join("containers.conf.d"));
            let mut parts: Vec<PathBuf> =
                parts.into_iter().flatten().flatten().map(|entry| entry.path()).collect();
            parts.retain(|path| path.extension().is_some_and(|extension| extension == "conf"));
            parts.sort_unstable();
            files.append(&mut parts);
        }
        files
    }
}

/// The variables for the service, and the files that they name, written to `directory`.
pub(super) fn variables(
    around: &Surroundings,
    directory: &Path,
) -> io::Result<Vec<(OsString, OsString)>> {
    let mut variables = Vec::new();
    if !around.has_override {
        let path = directory.join("service-override.conf");
        let text = format!("{TABLE}\n{LINE}");
        deed::at_once("podman.service_conf", || private::write(&path, text.as_bytes()))?;
        variables.push(("CONTAINERS_CONF_OVERRIDE".into(), path.into_os_string()));
    }
    // A file that cannot be read as text is left to Podman's own complaint.
    let texts = around.files().into_iter().filter_map(|path| std::fs::read_to_string(path).ok());
    let texts: Vec<String> = texts.collect();
    if let Some(text) = with_delay(&texts) {
        let path = directory.join("service.conf");
        deed::at_once("podman.service_conf", || private::write(&path, text.as_bytes()))?;
        variables.push(("CONTAINERS_CONF".into(), path.into_os_string()));
    }
    Ok(variables)
}

/// The one text that says anything, with the delay in it. Nothing where several say something, or
/// where the delay is set already.
fn with_delay(texts: &[String]) -> Option<String> {
    let mut telling = texts.iter().filter(|text| says_anything(text));
    let text = telling.next().map(String::as_str).unwrap_or_default();
    if telling.next().is_some() || statements(text).any(|line| line.starts_with(KEY)) {
        return None;
    }
    let mut result = String::new();
    let mut done = false;
    for line in text.split_inclusive('\n') {
        result.push_str(line);
        if !done && line.split('#').next().is_some_and(|line| line.trim() == TABLE) {
            if !line.ends_with('\n') {
                result.push('\n');
            }
            result.push_str(LINE);
            done = true;
        }
    }
    if !done {
        if !result.is_empty() && !result.ends_with('\n') {
            result.push('\n');
        }
        result.push_str(&format!("{TABLE}\n{LINE}"));
    }
    Some(result)
}

fn statements(text: &str) -> impl Iterator<Item = &str> {
    text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#'))
}

/// Whether there is more than comments and empty tables in it.
fn says_anything(text: &str) -> bool {
    statements(text)
        .any(|line| !(line.starts_with('[') && line.ends_with(']') && !line.contains('=')))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(texts: &[&str]) -> Option<String> {
        with_delay(&texts.iter().map(|text| (*text).to_owned()).collect::<Vec<_>>())
    }

    #[test]
    fn the_line_joins_the_table_that_is_there() {
        let text = "[containers]\nx = [\n  \"a\",\n]\n[engine] # ours\nruntime = \"runc\"\n";
        let expected = "[containers]\nx = [\n  \"a\",\n]\n[engine] # ours\nexit_command_delay = 1\n\
                        runtime = \"runc\"\n";
        assert_eq!(of(&["# nothing\n[engine]\n", text]).as_deref(), Some(expected));
        assert_eq!(of(&[]).as_deref(), Some("[engine]\nexit_command_delay = 1\n"));
        let appended = "[network]\na = 1\n[engine]\nexit_command_delay = 1\n";
        assert_eq!(of(&["[network]\na = 1"]).as_deref(), Some(appended));
    }

    #[test]
    fn what_the_user_says_stays() {
        assert_eq!(of(&["[engine]\nexit_command_delay = 9\n"]), None);
        assert_eq!(of(&["[engine]\na = 1\n", "[network]\nb = 2\n"]), None);
    }
}
