//! What it takes for a container to come back with the host. Podman starts what has the restart
//! policy `always` again when it ends; at the host's start, a unit of systemd's has to do it.

use std::path::{Path, PathBuf};

use super::settings::Settings;

const UNIT: &str = "podman-restart.service";

/// What was found on the host.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Startup {
    rootless: bool,
    /// systemd runs this host.
    systemd: bool,
    /// The unit is switched on.
    enabled: bool,
    /// The user's own systemd runs without a session of the user's.
    lingers: bool,
}

/// What is lacking for AUTOSTART, one sentence each.
pub(super) fn lacks(settings: &Settings, engine_uid: Option<u32>) -> Vec<String> {
    let rootless = engine_uid.is_some_and(|uid| uid != 0);
    let places: Vec<PathBuf> = if rootless {
        ["/etc/systemd/user", "/usr/lib/systemd/user"]
            .map(PathBuf::from)
            .into_iter()
            .chain([settings.config_home.join("systemd/user")])
            .collect()
    } else {
        ["/etc/systemd/system", "/usr/lib/systemd/system"].map(PathBuf::from).to_vec()
    };
    let wanted_by = ["default.target.wants", "multi-user.target.wants"];
    let enabled = places.iter().any(|place| {
        wanted_by.iter().any(|target| place.join(target).join(UNIT).symlink_metadata().is_ok())
    });
    let lingers = settings
        .user
        .as_ref()
        .is_some_and(|user| Path::new("/var/lib/systemd/linger").join(user).exists());
    sentences(Startup {
        rootless,
        systemd: Path::new("/run/systemd/system").exists(),
        enabled,
        lingers,
    })
}

fn sentences(found: Startup) -> Vec<String> {
    if !found.systemd {
        return vec![
            "AUTOSTART: nothing starts containers with this host, which runs without systemd; the \
             container is started again whenever it ends"
                .to_owned(),
        ];
    }
    let mut lacks = Vec::new();
    if !found.enabled {
        let user = if found.rootless { " --user" } else { "" };
        lacks.push(format!(
            "AUTOSTART: the container starts with the host once this was said: systemctl{user} \
             enable {UNIT}"
        ));
    }
    if found.rootless && !found.lingers {
        lacks.push(
            "AUTOSTART: this user's containers start with the host, and outlive the last session, \
             once this was said: loginctl enable-linger"
                .to_owned(),
        );
    }
    lacks
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_lacking_is_told_with_its_command() {
        let all = Startup { rootless: true, systemd: true, enabled: true, lingers: true };
        assert_eq!(sentences(all), [""; 0]);
        let lacks = sentences(Startup { enabled: false, lingers: false, ..all });
        assert!(lacks[0].ends_with("systemctl --user enable podman-restart.service"), "{lacks:?}");
        assert!(lacks[1].ends_with("loginctl enable-linger"), "{lacks:?}");
        let root = Startup { rootless: false, enabled: false, lingers: false, ..all };
        let lacks = sentences(root);
        assert!(lacks[0].ends_with(" systemctl enable podman-restart.service"), "{lacks:?}");
        assert_eq!(lacks.len(), 1, "root needs no lingering");
        let lacks = sentences(Startup { systemd: false, ..all });
        assert!(lacks[0].contains("without systemd"), "{lacks:?}");
    }
}
