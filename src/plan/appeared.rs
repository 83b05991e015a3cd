//! Files of the configuration that what runs inside may have written itself.
//!
//! Those that were there when the machine was made are mounted read-only over the mounts that hold
//! them. One that was not there cannot be: it could be made from inside, and say what the next `up`
//! does. See `docs/decisions/0009-what-runs-inside-writes-no-next-up.md`.

use std::path::Path;

use crate::model::desired::Desired;
use crate::model::mount::{Mount, MountAccess};
use crate::model::observed::Observed;

use super::error::PlanError;

/// The files that were read because they were there, and that the instance could write.
pub(super) fn appeared(desired: &Desired, observed: &Observed) -> Vec<PlanError> {
    let Some(instance) = observed.instance() else { return Vec::new() };
    let writable = desired.found.iter().filter(|file| is_writable(file, &instance.mounts));
    writable
        .map(|file| PlanError::FileAppeared {
            name: file.file_name().unwrap_or_default().to_string_lossy().into_owned(),
            all: desired.found.iter().fold(String::new(), |all, file| {
                format!("{all} --env-file {}", file.file_name().unwrap_or_default().display())
            }),
        })
        .collect()
}

/// Whether one of the mounts leads to the host's file, and none further in hides it.
fn is_writable(file: &Path, mounts: &[Mount]) -> bool {
    mounts.iter().filter(|mount| mount.access == MountAccess::ReadWrite).any(|mount| {
        let Ok(within) = file.strip_prefix(&mount.host) else { return false };
        let guest = match within.as_os_str().is_empty() {
            true => mount.guest.clone(),
            false => mount.guest.join(within),
        };
        !mounts.iter().any(|other| {
            other.guest != mount.guest
                && guest.starts_with(&other.guest)
                && other.guest.starts_with(&mount.guest)
        })
    })
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use crate::model::observed::Power;

    use super::super::fixture::{desired, observed, up};
    use super::*;

    fn mount(host: &str, guest: &str, access: MountAccess) -> Mount {
        Mount { guest: guest.into(), host: host.into(), access }
    }

    /// Whether `/projects/web/.env.local` could be written through the mounts.
    fn writable(mounts: &[Mount]) -> bool {
        is_writable(Path::new("/projects/web/.env.local"), mounts)
    }

    #[test]
    fn what_a_mount_leads_to_can_be_written_unless_another_hides_it() {
        use MountAccess::{ReadOnly, ReadWrite};
        let project = mount("/projects/web", "/work", ReadWrite);
        let guard = mount("/projects/web/.env.local", "/work/.env.local", ReadOnly);
        let other = mount("/projects/web/.env", "/work/.env", ReadOnly);
        assert!(writable(std::slice::from_ref(&project)));
        assert!(writable(&[project.clone(), other]));
        assert!(!writable(&[project.clone(), guard]));
        assert!(writable(&[mount("/projects", "/all", ReadWrite)]));
        assert!(writable(&[mount("/projects/web/.env.local", "/x", ReadWrite)]));
        assert!(!writable(&[mount("/projects/web", "/work", ReadOnly)]));
        assert!(!writable(&[mount("/projects/webshop", "/work", ReadWrite)]));
        let hides = mount("/elsewhere", "/all/web", ReadOnly);
        assert!(!writable(&[mount("/projects", "/all", ReadWrite), hides.clone()]));
        // Hidden there, and reached another way.
        assert!(writable(&[mount("/projects", "/all", ReadWrite), hides, project]));
        assert!(!writable(&[]));
    }

    #[test]
    fn a_file_that_the_instance_may_have_written_is_refused() {
        let mut desired = desired();
        desired.found = vec![PathBuf::from("/projects/web/.env")];
        let mut observed = observed(&desired, Power::Running);
        let project = mount("/projects/web", "/work", MountAccess::ReadWrite);
        let guard = mount("/projects/web/.env", "/work/.env", MountAccess::ReadOnly);
        observed.instances[0].mounts = vec![project, guard];
        let refused = |desired: &Desired, observed: &Observed| {
            up(desired, observed).map_or_else(|errors| errors.len(), |_| 0)
        };
        assert_eq!(refused(&desired, &observed), 0);
        desired.found.push("/projects/web/.env.local".into());
        let errors = up(&desired, &observed).expect_err("could be the instance's own");
        let [PlanError::FileAppeared { name, all }] = errors.as_slice() else {
            panic!("{errors:?}")
        };
        assert_eq!(name, ".env.local");
        assert_eq!(all, " --env-file .env --env-file .env.local");
        // Files that somebody named are somebody's word for them; before the first `up` nothing ran.
        desired.found.clear();
        assert_eq!(refused(&desired, &observed), 0);
        desired.found.push("/projects/web/.env.local".into());
        observed.instances.clear();
        assert_eq!(refused(&desired, &observed), 0);
    }
}
