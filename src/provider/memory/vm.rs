//! What is done to virtual machines in memory.

use super::{World, stale};
use crate::model::observed::Power;
use crate::model::vm::ObservedVm;
use crate::plan::action::{Action, Outcome, Target};
use crate::provider::ProviderError;

impl World {
    pub(super) fn vm_action(&mut self, action: &Action) -> Result<Outcome, ProviderError> {
        match action {
            Action::AwaitReady { target, .. } | Action::AuthorizeKeys { target, .. } => {
                let Some(at) = self.find(target) else { return stale("there is no such instance") };
                if self.instances[at].state != Power::Running {
                    return stale("it does not run");
                }
                let Action::AuthorizeKeys { keys, .. } = action else {
                    return Ok(Outcome::AlreadyDone);
                };
                self.edit(target, |vm| vm.settings.authorized_keys.clone_from(keys))
            }
            Action::Configure { target, spec } => {
                let Some(at) = self.find(target) else { return stale("there is no such instance") };
                let instance = &mut self.instances[at];
                if instance.state.is_up() {
                    return stale("it is running");
                }
                instance.name.clone_from(&spec.name);
                instance.memory = Some(spec.memory);
                instance.millicpus = Some(spec.cpus.0.saturating_mul(1000));
                instance.ports.clone_from(&spec.ports);
                instance.mounts.clone_from(&spec.mounts);
                instance.address = spec.address;
                instance.autostart = spec.autostart;
                instance.stamp.clone_from(&spec.stamp);
                let settings = spec.vm.as_ref();
                if let (Some(vm), Some(settings)) = (&mut instance.vm, settings) {
                    vm.settings = (**settings).clone();
                }
                Ok(Outcome::Done)
            }
            Action::ChangePorts { target, ports } => {
                let Some(at) = self.find(target) else { return stale("there is no such instance") };
                let instance = &mut self.instances[at];
                instance.ports.clone_from(ports);
                instance.stamp.asked.ports.clone_from(ports);
                Ok(Outcome::Done)
            }
            Action::GrowDisk { target, size } => {
                self.edit(target, |vm| vm.settings.disk_size = *size)
            }
            Action::RemoveDisk { uuid, .. } => {
                let before = self.disks.len();
                self.disks.retain(|disk| disk.stamp.uuid != *uuid);
                let gone = self.disks.len() < before;
                Ok(if gone { Outcome::Done } else { Outcome::AlreadyDone })
            }
            _ => stale("it is a container"),
        }
    }

    fn edit(
        &mut self,
        target: &Target,
        edit: impl FnOnce(&mut ObservedVm),
    ) -> Result<Outcome, ProviderError> {
        let found = self.find(target).and_then(|at| self.instances[at].vm.as_mut());
        let Some(vm) = found else { return stale("there is no such virtual machine") };
        edit(vm);
        Ok(Outcome::Done)
    }
}
