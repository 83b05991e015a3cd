//! An instance in memory comes to be.

use super::{World, stale};
use crate::model::observed::{Instance, Power};
use crate::model::spec::{BaseImage, InstanceSpec};
use crate::model::vm::ObservedVm;
use crate::plan::action::Outcome;
use crate::provider::ProviderError;

impl World {
    pub(super) fn create(&mut self, spec: &InstanceSpec) -> Result<Outcome, ProviderError> {
        if let Some(held) = self.instances.iter().find(|instance| instance.name == spec.name) {
            let same = (held.stamp.uuid, held.stamp.generation)
                == (spec.stamp.uuid, spec.stamp.generation);
            return if same {
                Ok(Outcome::AlreadyDone)
            } else {
                Err(ProviderError::NameTaken { name: spec.name.clone() })
            };
        }
        let image_there = match &spec.image {
            BaseImage::Source(image) => self.images.contains(image),
            BaseImage::Saved(name) => self.saved.contains(name),
            BaseImage::KeptDisk => {
                let before = self.disks.len();
                self.disks.retain(|disk| disk.stamp.uuid != spec.stamp.uuid);
                self.disks.len() < before
            }
        };
        if !image_there {
            return stale("the image is not there");
        }
        self.made += 1;
        self.instances.push(Instance {
            id: format!("memory-{}", self.made),
            name: spec.name.clone(),
            state: Power::Created,
            exit_status: None,
            stamp: spec.stamp.clone(),
            memory: Some(spec.memory),
            millicpus: Some(spec.cpus.0.saturating_mul(1000)),
            ports: spec.ports.clone(),
            mounts: spec.mounts.clone(),
            networks: vec![spec.network.clone()],
            address: spec.address,
            autostart: spec.autostart,
            pid: None,
            arch: None,
            created_at: Some(spec.stamp.created_at.clone()),
            started_at: None,
            finished_at: None,
            written: None,
            unlimited: Vec::new(),
            unguarded: Vec::new(),
            life: Default::default(),
            vm: spec.vm.as_ref().map(|settings| {
                Box::new(ObservedVm {
                    settings: (**settings).clone(),
                    acceleration: None,
                    suspended_to_disk: false,
                    trouble: None,
                    pending: false,
                    answers: None,
                    host_key: None,
                    key: None,
                    disk_used: None,
                    artifacts: Vec::new(),
                })
            }),
        });
        Ok(Outcome::Done)
    }
}
