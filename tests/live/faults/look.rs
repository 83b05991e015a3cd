//! What podman itself says of a story's project, asked of the service that the story's calls have
//! started: a question costs no process. Where no service answers, podman's program is asked.

use std::io::{Read, Write};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::Duration;

use serde_json::Value;

use super::story::Scene;
use crate::machine::text;

/// A container of the project's, by podman's facts alone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Container {
    pub(super) id: String,
    pub(super) name: String,
    /// Podman's word for what it is doing.
    pub(super) state: String,
    /// How often its files were moved on to another container, from its stamp.
    pub(super) generation: u64,
    /// Its main process, where it has one.
    pid: i64,
}

impl Container {
    fn of(listed: &Value) -> Container {
        let stamp: Value = listed["Labels"]["io.vagrantp.stamp"]
            .as_str()
            .and_then(|stamp| serde_json::from_str(stamp).ok())
            .unwrap_or_default();
        Container {
            id: text(&listed["Id"]),
            name: text(&listed["Names"][0]),
            state: text(&listed["State"]),
            generation: stamp["generation"].as_u64().unwrap_or_default(),
            pid: listed["Pid"].as_i64().unwrap_or_default(),
        }
    }

    fn is_up(&self) -> bool {
        ["running", "paused", "stopping"].contains(&self.state.as_str())
    }

    /// Its files, as its main process sees them.
    fn files(&self) -> Option<std::path::PathBuf> {
        (self.pid > 0).then(|| Path::new("/proc").join(self.pid.to_string()).join("root"))
    }

    /// A file that says where this container's files come from.
    pub(super) fn write_note(&self, note: &str) {
        let place = self.files().expect("it runs").join("root/note");
        std::fs::write(place, format!("{note}\n")).expect("it can be written");
    }

    /// What that file holds, where there is one.
    pub(super) fn note(&self) -> Option<String> {
        let place = self.files().expect("it runs").join("root/note");
        std::fs::read_to_string(place).ok().map(|text| text.trim().to_owned())
    }
}

/// The containers of a directory's project.
pub(super) fn containers(scene: &Scene, dir: &Path) -> Vec<Container> {
    let label = format!("io.vagrantp.uuid={}", scene.machine.uuid_of(dir));
    let listed = list(scene, "containers", Some(("label", &label)));
    listed.iter().map(Container::of).collect()
}

/// The one that is the machine: of several with one uuid the one that is up, else the newest. One
/// that is being removed is it only where there is no other.
pub(super) fn machine(containers: &[Container]) -> Option<&Container> {
    containers.iter().max_by_key(|one| (one.state != "removing", one.is_up(), one.generation))
}

/// The state that `status` has to show of these.
pub(super) fn state(containers: &[Container]) -> &'static str {
    match machine(containers).map(|container| container.state.as_str()) {
        None => "not_created",
        Some("running") => "running",
        Some("paused") => "suspended",
        Some("stopping") => "stopping",
        Some("removing") => "removing",
        // One that was never started, or has ended.
        Some("created" | "configured" | "initialized" | "exited" | "stopped") => "stopped",
        Some(_) => "unknown",
    }
}

/// Everything of a directory's project: its name, and the moment at which it was made.
pub(super) fn objects(scene: &Scene, dir: &Path) -> Vec<(String, String)> {
    let uuid = scene.machine.uuid_of(dir);
    let label = format!("io.vagrantp.uuid={uuid}");
    let mut found = Vec::new();
    for one in list(scene, "containers", Some(("label", &label))) {
        found.push((format!("container {}", text(&one["Names"][0])), one["Created"].to_string()));
    }
    for one in list(scene, "networks", Some(("label", &label))) {
        found.push((format!("network {}", text(&one["name"])), one["created"].to_string()));
    }
    for one in list(scene, "images", None) {
        let names = one["RepoTags"].as_array().into_iter().flatten().filter_map(Value::as_str);
        for name in names.filter(|name| name.contains(&uuid)) {
            found.push((format!("image {name}"), one["Created"].to_string()));
        }
    }
    found
}

/// One kind of objects.
fn list(scene: &Scene, kind: &str, filter: Option<(&str, &str)>) -> Vec<Value> {
    let mut all = format!("/v4.0.0/libpod/{kind}/json?all=true");
    if let Some((key, value)) = filter {
        let filters = serde_json::json!({ key: [value] }).to_string();
        all.push_str("&filters=");
        all.extend(filters.bytes().map(|byte| format!("%{byte:02x}")));
    }
    let socket = scene.machine.root().join("run/vagrantp/podman.sock");
    for _ in 0..60 {
        // One that goes away meanwhile, or is still being written, can spoil a list.
        let found = match ask(&socket, &all) {
            Asked::Listed(found) => Some(found),
            Asked::Refused => None,
            Asked::Nobody => by_program(scene, kind, filter),
        };
        match found {
            Some(found) => return found,
            None => std::thread::sleep(Duration::from_millis(50)),
        }
    }
    panic!("podman cannot list {kind}");
}

/// What became of a question.
enum Asked {
    Listed(Vec<Value>),
    Refused,
    Nobody,
}

fn ask(socket: &Path, path: &str) -> Asked {
    let Ok(mut stream) = UnixStream::connect(socket) else { return Asked::Nobody };
    // An answer to this version has no pieces, and ends with the connection.
    let request = format!("GET {path} HTTP/1.0\r\nHost: podman\r\n\r\n");
    let mut answer = String::new();
    if stream.write_all(request.as_bytes()).is_err() || stream.read_to_string(&mut answer).is_err()
    {
        return Asked::Nobody;
    }
    let Some((head, body)) = answer.split_once("\r\n\r\n") else { return Asked::Nobody };
    let is_good = head.split(' ').nth(1) == Some("200");
    match serde_json::from_str(body) {
        Ok(Value::Array(found)) if is_good => Asked::Listed(found),
        Ok(Value::Null) if is_good => Asked::Listed(Vec::new()),
        _ => Asked::Refused,
    }
}

/// The same from podman's program, in the same shape.
fn by_program(scene: &Scene, kind: &str, filter: Option<(&str, &str)>) -> Option<Vec<Value>> {
    let filter = filter.map(|(key, value)| format!("{key}={value}"));
    let mut arguments = match kind {
        "containers" => vec!["ps", "-a", "--format", "json"],
        "networks" => vec!["network", "ls", "--format", "json"],
        _ => vec!["images", "--format", "json"],
    };
    if let Some(filter) = &filter {
        arguments.extend(["--filter", filter]);
    }
    let output = scene.machine.podman_output(&arguments);
    let found: Value = serde_json::from_slice(&output.stdout).ok()?;
    let mut found = found.as_array().cloned().unwrap_or_default();
    for image in found.iter_mut().filter(|_| kind == "images") {
        image["RepoTags"] = image["Names"].take();
    }
    output.status.success().then_some(found)
}
