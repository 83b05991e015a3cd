//! The parts of Podman's answers that vagrantp reads. Lenient: what is missing is empty, what is
//! new is passed over, and states are text.

use std::collections::{BTreeMap, HashMap};

use serde::{Deserialize, Deserializer};
use serde_json::Value;

/// JSON's `null` where Go means an empty map or list.
fn or_default<'de, D, T>(deserializer: D) -> Result<T, D::Error>
where
    D: Deserializer<'de>,
    T: Default + Deserialize<'de>,
{
    Ok(Option::<T>::deserialize(deserializer)?.unwrap_or_default())
}

/// `GET libpod/containers/NAME/json`.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub(super) struct Container {
    pub(super) id: String,
    pub(super) name: String,
    pub(super) created: String,
    pub(super) state: State,
    pub(super) image: String,
    #[serde(deserialize_with = "or_default")]
    pub(super) mounts: Vec<MountPoint>,
    pub(super) network_settings: NetworkSettings,
    pub(super) config: ContainerConfig,
    pub(super) host_config: HostConfig,
    pub(super) size_rw: Option<i64>,
    pub(super) size_root_fs: Option<i64>,
    pub(super) restart_count: u32,
    #[serde(rename = "OCIRuntime")]
    pub(super) oci_runtime: String,
    /// Why the engine cannot look into it any more: then all else is what its list says.
    #[serde(skip)]
    pub(super) damaged: Option<String>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub(super) struct State {
    pub(super) status: String,
    pub(super) pid: i64,
    pub(super) conmon_pid: i64,
    pub(super) exit_code: i32,
    pub(super) started_at: String,
    pub(super) finished_at: String,
    #[serde(rename = "OOMKilled")]
    pub(super) out_of_memory: bool,
    #[serde(deserialize_with = "or_default")]
    pub(super) health: Health,
}

/// What came of the health checks; no status where the image has none.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub(super) struct Health {
    pub(super) status: String,
    pub(super) failing_streak: u32,
    #[serde(deserialize_with = "or_default")]
    pub(super) log: Vec<HealthCheck>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub(super) struct HealthCheck {
    pub(super) end: String,
    pub(super) output: String,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub(super) struct MountPoint {
    #[serde(rename = "Type")]
    pub(super) kind: String,
    pub(super) name: String,
    pub(super) source: String,
    pub(super) destination: String,
    #[serde(rename = "RW")]
    pub(super) writable: bool,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub(super) struct NetworkSettings {
    #[serde(rename = "IPAddress")]
    pub(super) address: String,
    #[serde(deserialize_with = "or_default")]
    pub(super) networks: BTreeMap<String, Attachment>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub(super) struct Attachment {
    #[serde(rename = "IPAddress")]
    pub(super) address: String,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub(super) struct ContainerConfig {
    #[serde(deserialize_with = "or_default")]
    pub(super) labels: HashMap<String, String>,
    /// The words of the podman program that made it; none where it was made through the API.
    #[serde(deserialize_with = "or_default")]
    pub(super) create_command: Vec<String>,
    /// In the engine's own words, in which it is handed on to a replacement.
    pub(super) healthcheck: Option<Value>,
}

impl ContainerConfig {
    /// How often a health check is due, in nanoseconds.
    pub(super) fn check_interval(&self) -> Option<u64> {
        self.healthcheck.as_ref()?.get("Interval")?.as_u64()
    }
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub(super) struct HostConfig {
    pub(super) memory: i64,
    pub(super) nano_cpus: i64,
    #[serde(deserialize_with = "or_default")]
    pub(super) port_bindings: BTreeMap<String, Option<Vec<PortBinding>>>,
    pub(super) restart_policy: RestartPolicy,
    pub(super) userns_mode: String,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub(super) struct RestartPolicy {
    pub(super) name: String,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub(super) struct PortBinding {
    pub(super) host_ip: String,
    pub(super) host_port: String,
}

/// One entry of `GET libpod/containers/json`.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub(super) struct Listed {
    pub(super) restarts: u32,
    pub(super) id: String,
    #[serde(deserialize_with = "or_default")]
    pub(super) names: Vec<String>,
    #[serde(deserialize_with = "or_default")]
    pub(super) labels: HashMap<String, String>,
    pub(super) image: String,
    pub(super) state: String,
    pub(super) exit_code: i32,
    pub(super) exited_at: i64,
    pub(super) started_at: i64,
    pub(super) created: String,
    pub(super) pid: i64,
    #[serde(deserialize_with = "or_default")]
    pub(super) networks: Vec<String>,
    #[serde(deserialize_with = "or_default")]
    pub(super) ports: Vec<ListedPort>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct ListedPort {
    pub(super) host_ip: String,
    pub(super) container_port: u16,
    pub(super) host_port: u16,
    pub(super) range: u16,
    pub(super) protocol: String,
}

/// `GET libpod/networks/NAME/json`.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Network {
    pub(super) name: String,
    pub(super) driver: String,
    pub(super) created: String,
    pub(super) network_interface: String,
    #[serde(deserialize_with = "or_default")]
    pub(super) subnets: Vec<Subnet>,
    #[serde(deserialize_with = "or_default")]
    pub(super) labels: HashMap<String, String>,
    #[serde(deserialize_with = "or_default")]
    pub(super) options: HashMap<String, String>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Subnet {
    pub(super) subnet: String,
    pub(super) gateway: String,
}

/// `GET libpod/images/NAME/json`.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub(super) struct Image {
    pub(super) id: String,
    pub(super) architecture: String,
    pub(super) created: String,
    #[serde(deserialize_with = "or_default")]
    pub(super) repo_tags: Vec<String>,
    #[serde(rename = "RootFS", deserialize_with = "or_default")]
    pub(super) root_fs: RootFs,
    #[serde(deserialize_with = "or_default")]
    pub(super) config: ImageConfig,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub(super) struct RootFs {
    #[serde(deserialize_with = "or_default")]
    pub(super) layers: Vec<String>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub(super) struct ImageConfig {
    #[serde(deserialize_with = "or_default")]
    pub(super) labels: HashMap<String, String>,
    #[serde(deserialize_with = "or_default")]
    pub(super) entrypoint: Vec<String>,
    #[serde(deserialize_with = "or_default")]
    pub(super) cmd: Vec<String>,
}

/// One entry of `GET libpod/images/json`.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub(super) struct ListedImage {
    pub(super) id: String,
    pub(super) size: i64,
    pub(super) containers: i64,
    /// In seconds since 1970.
    pub(super) created: i64,
    #[serde(deserialize_with = "or_default")]
    pub(super) labels: HashMap<String, String>,
    #[serde(deserialize_with = "or_default")]
    pub(super) repo_tags: Vec<String>,
}

/// One entry of `GET libpod/images/search?listTags=true`.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub(super) struct FoundTag {
    pub(super) tag: String,
}

/// `GET libpod/exec/ID/json`.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub(super) struct ExecSession {
    pub(super) running: bool,
    pub(super) can_remove: Option<bool>,
    pub(super) pid: i64,
    pub(super) exit_code: i32,
    pub(super) detach_keys: String,
}

/// `GET libpod/containers/NAME/json`, the commands alone.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Executing {
    #[serde(rename = "ExecIDs", deserialize_with = "or_default")]
    pub(super) exec_ids: Vec<String>,
}

impl ExecSession {
    /// A session that was made and not started runs no more than one that has ended.
    pub(super) fn has_ended(&self) -> bool {
        !self.running && self.can_remove.unwrap_or(true)
    }
}

/// What loading images answers.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub(super) struct Loaded {
    #[serde(deserialize_with = "or_default")]
    pub(super) names: Vec<String>,
}

/// What making something answers.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub(super) struct Made {
    pub(super) id: String,
}
