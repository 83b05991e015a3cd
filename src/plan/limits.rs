//! Does the host have what is asked for? Only what is to be made or grown is checked.

use std::path::PathBuf;

use crate::model::desired::Desired;
use crate::model::observed::Instance;
use crate::model::units::{Bytes, CpuCount, Memory};

use super::error::PlanError;

/// What the host has to give at the moment of planning.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HostRoom {
    /// Memory that can be had without swapping.
    pub memory: Memory,
    /// CPUs that are online.
    pub cpus: CpuCount,
    /// Where the provider keeps its images, and what is free there; none where it is not known.
    pub disk: Option<(PathBuf, Bytes)>,
}

/// What came of the check.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LimitReport {
    /// What cannot be.
    pub errors: Vec<PlanError>,
    /// What is worth saying and stops nothing.
    pub warnings: Vec<String>,
}

/// Room that a container of any size is expected to need for its own files.
const DISK_FLOOR: Bytes = Bytes(64 * 1024 * 1024);

/// Checks a wish against the host. `running` is the own instance, where it is up: what it has been
/// given already counts as free.
#[must_use]
pub fn check(
    desired: &Desired,
    room: &HostRoom,
    running: Option<&Instance>,
    copied: Bytes,
) -> LimitReport {
    let mut report = LimitReport::default();
    let own = running.and_then(|instance| instance.memory).unwrap_or(Memory(0));
    let wanted = desired.memory.value;
    let available = Memory(room.memory.0.saturating_add(own.0));
    // A container's limit is no reservation: only one that somebody wrote is held against the host. A
    // VM's memory is what it has.
    let is_limit = desired.vm.is_none();
    if wanted > own && wanted > available {
        if is_limit && desired.memory.origin.is_default() {
            report.warnings.push(format!(
                "the default limit of {wanted} is more than the {available} of memory that are \
                 available"
            ));
        } else {
            let place = desired.memory.place().cloned();
            report.errors.push(PlanError::MemoryShort { wanted, available, place });
        }
    }
    let wanted = desired.cpus.value;
    if wanted > room.cpus {
        if is_limit && desired.cpus.origin.is_default() {
            report.warnings.push(format!(
                "the default of {wanted} CPUs is more than the host's {}",
                room.cpus
            ));
        } else {
            let place = desired.cpus.place().cloned();
            report.errors.push(PlanError::CpusShort { wanted, available: room.cpus, place });
        }
    }
    report.errors.extend(disk(room, copied));
    report
}

/// What to say of a VM's disk that may grow beyond what is free: only what is written takes room, so
/// that this stops nothing today.
#[must_use]
pub fn thin_disk(desired: &Desired, room: &HostRoom, own: Option<&Instance>) -> Option<String> {
    desired.vm.as_ref()?;
    let (at, free) = room.disk.as_ref()?;
    let used = own.and_then(|own| own.vm.as_ref()).and_then(|vm| vm.disk_used);
    let size = desired.disk_size.value;
    let missing = Bytes(size.bytes().saturating_sub(used.unwrap_or(Bytes(0)).0));
    (missing > *free).then(|| {
        format!(
            "the disk may grow to {size}, and {free} are free in {}: the machine waits when there is \
             no more",
            at.display()
        )
    })
}

/// Whether there is room for a copy of that size.
#[must_use]
pub fn disk(room: &HostRoom, copied: Bytes) -> Option<PlanError> {
    let (at, available) = room.disk.as_ref()?;
    let wanted = Bytes(DISK_FLOOR.0.saturating_add(copied.0));
    let (at, available) = (at.clone(), *available);
    (wanted > available).then_some(PlanError::DiskShort { wanted, available, at })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::observed::Power;
    use crate::plan::fixture::{desired, instance, written};

    fn room(memory: u64) -> HostRoom {
        HostRoom { memory: Memory(memory), cpus: CpuCount(4), disk: None }
    }

    #[test]
    fn a_written_limit_beyond_the_host_is_an_error_with_both_numbers() {
        let mut wish = desired();
        wish.memory = written(Memory(8192));
        wish.cpus = written(CpuCount(5));
        let report = check(&wish, &room(6000), None, Bytes(0));
        let texts: Vec<_> = report.errors.iter().map(ToString::to_string).collect();
        assert_eq!(
            texts,
            [
                "8 GiB of memory are asked for and 6000 MiB are available",
                "5 CPUs are asked for and the host has 4",
            ]
        );
    }

    #[test]
    fn what_the_own_running_instance_has_counts_as_free() {
        let mut wish = desired();
        let own = instance(&wish, Power::Running);
        wish.memory = written(Memory(3000));
        assert_eq!(check(&wish, &room(1000), Some(&own), Bytes(0)).errors, []);
        assert_eq!(check(&wish, &room(900), Some(&own), Bytes(0)).errors.len(), 1);
    }

    #[test]
    fn a_default_beyond_the_host_is_a_warning() {
        let report = check(&desired(), &room(100), None, Bytes(0));
        assert_eq!((report.errors.len(), report.warnings.len()), (0, 1));
    }

    #[test]
    fn a_copy_needs_its_room_on_disk() {
        let disk = Some((PathBuf::from("/var"), Bytes(1 << 30)));
        let host = HostRoom { disk, ..room(9000) };
        assert_eq!(check(&desired(), &host, None, Bytes(1 << 20)).errors, []);
        let report = check(&desired(), &host, None, Bytes(1 << 30));
        assert!(matches!(report.errors[..], [PlanError::DiskShort { .. }]), "{report:?}");
    }
}
