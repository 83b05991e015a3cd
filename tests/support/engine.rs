//! A socket that answers as Podman's API does, as far as vagrantp asks, from memory. With it the
//! real binary can be watched from outside at moments that a real engine passes in milliseconds.

use std::io::{BufRead, BufReader, Read, Write};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use serde_json::{Value, json};

/// The time at which everything happens.
const NOW: &str = "2026-01-02T03:04:05Z";

/// What the engine has, and how it behaves.
#[derive(Default)]
pub(crate) struct World {
    containers: Vec<Container>,
    networks: Vec<Value>,
    /// Images that containers were committed to, as the list shows them.
    committed: Vec<Value>,
    /// The local names of its images.
    pub(crate) images: Vec<String>,
    /// `METHOD /path` of every request, without the version and the query.
    pub(crate) requests: Vec<String>,
    /// Requests that begin so are answered late.
    pub(crate) slow: Vec<(&'static str, Duration)>,
    /// Requests that begin so are refused, with these words.
    pub(crate) refused: Vec<(&'static str, &'static str)>,
    /// So many connections are taken and closed without an answer.
    pub(crate) hang_ups: usize,
    /// Answers are no JSON.
    pub(crate) garbled: bool,
    /// Networks are gone as soon as they were made.
    pub(crate) forgetful: bool,
    /// What is stopped runs again at once, as a main process that somebody starts each time.
    pub(crate) restless: bool,
    /// What stands behind every text of every answer, but for the fields of these names.
    pub(crate) poison: Option<(&'static str, &'static [&'static str])>,
    /// How many bytes every container has written.
    pub(crate) written: u64,
}

struct Container {
    id: String,
    body: Value,
    status: &'static str,
}

/// The engine; it stops to listen when it is dropped.
pub(crate) struct Engine {
    world: Arc<Mutex<World>>,
    path: std::path::PathBuf,
}

impl Engine {
    /// An engine with one image, listening there.
    pub(crate) fn listen(path: &Path) -> Self {
        let listener = UnixListener::bind(path).expect("a socket");
        let world = World {
            images: vec!["docker.io/library/alpine:latest".to_owned()],
            ..World::default()
        };
        let world = Arc::new(Mutex::new(world));
        let shared = Arc::clone(&world);
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                if Arc::strong_count(&shared) == 1 {
                    return;
                }
                let world = Arc::clone(&shared);
                std::thread::spawn(move || serve(&world, stream));
            }
        });
        Engine { world, path: path.to_owned() }
    }

    /// Where it listens.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// What it has; for looking, and for changes behind vagrantp's back.
    pub(crate) fn world(&self) -> MutexGuard<'_, World> {
        lock(&self.world)
    }

    /// Every container's name and state.
    pub(crate) fn containers(&self) -> Vec<(String, String)> {
        let world = self.world();
        let one = |container: &Container| {
            (text(&container.body["name"]).to_owned(), container.status.to_owned())
        };
        world.containers.iter().map(one).collect()
    }

    /// The names of its networks.
    pub(crate) fn networks(&self) -> Vec<String> {
        self.world().networks.iter().map(|network| text(&network["name"]).to_owned()).collect()
    }

    /// Takes all containers away, as somebody else may.
    pub(crate) fn lose_containers(&self) {
        self.world().containers.clear();
    }

    /// Makes a container that vagrantp knows nothing of.
    pub(crate) fn stranger(&self, name: &str) {
        let (id, body) = (format!("{:0>64}", name.len()), json!({ "name": name, "labels": {} }));
        self.world().containers.push(Container { id, body, status: "running" });
    }

    /// All that it was told to make, as text.
    pub(crate) fn bodies(&self) -> String {
        let world = self.world();
        let containers = world.containers.iter().map(|container| container.body.to_string());
        containers.chain(world.networks.iter().map(Value::to_string)).collect()
    }

    /// What the container that was made last was asked to be.
    pub(crate) fn asked_for(&self) -> Value {
        self.world().containers.last().expect("one was made").body.clone()
    }

    /// Waits until a request that begins so has come.
    pub(crate) fn wait_for(&self, request: &str) {
        for _ in 0..1000 {
            if self.world().requests.iter().any(|seen| seen.starts_with(request)) {
                return;
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        panic!("{request} never came: {:?}", self.world().requests);
    }
}

impl Drop for Engine {
    fn drop(&mut self) {
        // The listener wakes up, and sees that nobody is interested any more.
        self.world = Arc::default();
        let _ = UnixStream::connect(&self.path);
    }
}

fn lock(world: &Mutex<World>) -> MutexGuard<'_, World> {
    world.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

/// Answers one request and closes the connection.
fn serve(world: &Mutex<World>, stream: UnixStream) -> Option<()> {
    let mut reader = BufReader::new(stream);
    let mut head = String::new();
    while !head.ends_with("\r\n\r\n") {
        if reader.read_line(&mut head).ok()? == 0 {
            return None;
        }
    }
    let length = head.lines().find_map(|line| {
        line.to_ascii_lowercase().strip_prefix("content-length:")?.trim().parse::<usize>().ok()
    });
    let mut body = vec![0; length.unwrap_or(0)];
    reader.read_exact(&mut body).ok()?;
    let body = serde_json::from_slice(&body).unwrap_or(Value::Null);
    let mut words = head.split_whitespace();
    let (method, target) = (words.next()?, words.next()?);
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    let request = format!("{method} {}", unversioned(path));
    let (pause, refusal) = {
        let mut world = lock(world);
        if world.hang_ups > 0 {
            world.hang_ups -= 1;
            return None;
        }
        world.requests.push(request.clone());
        let fits = |prefix: &str| request.starts_with(prefix);
        let pause = world.slow.iter().find(|(prefix, _)| fits(prefix)).map(|(_, pause)| *pause);
        let refusal = world.refused.iter().find(|(prefix, _)| fits(prefix)).map(|(_, why)| *why);
        (pause, refusal)
    };
    std::thread::sleep(pause.unwrap_or_default());
    let (status, answer) = match refusal {
        Some(why) => (500, json!({ "message": why, "response": 500 })),
        None => lock(world).answer(&request, &decoded(query), &body),
    };
    let answer = match answer {
        Value::Null => String::new(),
        _ if lock(world).garbled => "<html>".to_owned(),
        Value::String(raw) if request.ends_with("/logs") => raw,
        mut answer => {
            if let Some((text, but)) = lock(world).poison {
                poison(&mut answer, text, but);
            }
            answer.to_string()
        }
    };
    write!(
        reader.get_mut(),
        "HTTP/1.1 {status} X\r\nLibpod-Api-Version: 4.3.1\r\nContent-Type: application/json\r\n\
         Content-Length: {}\r\nConnection: close\r\n\r\n{answer}",
        answer.len()
    )
    .ok()
}

/// Puts the text behind every string, but for fields of these names and what is below them.
fn poison(value: &mut Value, text: &str, but: &[&str]) {
    match value {
        Value::String(held) => held.push_str(text),
        Value::Array(items) => items.iter_mut().for_each(|item| poison(item, text, but)),
        Value::Object(fields) => {
            let fields = fields.iter_mut().filter(|(name, _)| !but.contains(&name.as_str()));
            fields.for_each(|(_, field)| poison(field, text, but));
        }
        _ => {}
    }
}

/// The path after its version, with what is escaped in it made plain.
fn unversioned(path: &str) -> String {
    let mut parts: Vec<&str> = path.trim_start_matches('/').split('/').collect();
    if parts.first().is_some_and(|part| part.starts_with('v')) {
        parts.remove(0);
    }
    parts.retain(|part| *part != "libpod");
    decoded(&format!("/{}", parts.join("/")))
}

fn decoded(text: &str) -> String {
    let mut bytes = Vec::new();
    let mut rest = text.as_bytes();
    while let Some((first, after)) = rest.split_first() {
        let hex = (*first == b'%').then(|| std::str::from_utf8(after.get(..2)?).ok()).flatten();
        match hex.and_then(|hex| u8::from_str_radix(hex, 16).ok()) {
            Some(byte) => {
                bytes.push(byte);
                rest = &after[2..];
            }
            None => {
                bytes.push(*first);
                rest = after;
            }
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

impl World {
    /// Changes labels of every container that has one of vagrantp's.
    pub(crate) fn relabel(&mut self, labels: &[(&str, &str)]) {
        for container in &mut self.containers {
            let held = container.body["labels"].as_object_mut().expect("labels");
            if !held.is_empty() {
                held.extend(labels.iter().map(|(name, value)| ((*name).to_owned(), json!(value))));
            }
        }
    }

    /// Changes a field of every stamp.
    pub(crate) fn restamp(&mut self, field: &str, value: &str) {
        const STAMP: &str = "io.vagrantp.stamp";
        for container in &mut self.containers {
            let labels = &mut container.body["labels"];
            let Some(text) = labels[STAMP].as_str() else { continue };
            let mut stamp: Value = serde_json::from_str(text).expect("a stamp");
            stamp[field] = json!(value);
            labels[STAMP] = json!(stamp.to_string());
        }
    }

    fn answer(&mut self, request: &str, query: &str, body: &Value) -> (u16, Value) {
        let missing = (404, json!({ "message": "no such object", "response": 404 }));
        let (method, path) = request.split_once(' ').unwrap_or_default();
        let parts: Vec<&str> = path.trim_start_matches('/').split('/').collect();
        match (method, &parts[..]) {
            ("GET", ["_ping"]) => (200, json!("OK")),
            ("GET", ["containers", "json"]) => {
                let asked = |container: &&Container| {
                    let labels = container.body["labels"].as_object();
                    labels.is_some_and(|labels| {
                        labels.iter().any(|(name, value)| {
                            query.contains(&format!("\"{name}={}\"", text(value)))
                                || query.contains(&format!("\"{name}\""))
                        })
                    })
                };
                (200, self.containers.iter().filter(asked).map(Container::listed).collect())
            }
            ("POST", ["containers", "create"]) if self.find(text(&body["name"])).is_some() => {
                (500, json!({ "message": "that name is already in use", "response": 500 }))
            }
            ("POST", ["containers", "create"]) => {
                let id = format!("{:064x}", self.requests.len());
                let (answer, body) = (json!({ "Id": id, "Warnings": [] }), body.clone());
                self.containers.push(Container { id, body, status: "created" });
                (201, answer)
            }
            ("GET", ["containers", name, "json"]) => {
                let written = self.written;
                self.find(name).map_or(missing, |found| (200, found.inspected(written)))
            }
            // A frame of each stream.
            ("GET", ["containers", _, "logs"]) => {
                (200, json!("\u{1}\0\0\0\0\0\0\u{4}one\n\u{2}\0\0\0\0\0\0\u{5}oops\n"))
            }
            ("POST", ["containers", name, verb @ ("start" | "stop" | "pause" | "unpause")]) => {
                let status = match *verb {
                    "stop" if self.restless => "running",
                    "stop" => "exited",
                    "pause" => "paused",
                    _ => "running",
                };
                match self.find(name) {
                    Some(found) => {
                        found.status = status;
                        (204, Value::Null)
                    }
                    None => missing,
                }
            }
            ("DELETE", ["containers", name]) => {
                let before = self.containers.len();
                self.containers.retain(|held| !held.is_called(name));
                if self.containers.len() < before { (204, Value::Null) } else { missing }
            }
            ("POST", ["networks", "create"]) => {
                if !self.forgetful {
                    self.networks.push(body.clone());
                }
                (200, body.clone())
            }
            ("GET", ["networks", "json"]) => (200, Value::from(self.networks.clone())),
            ("GET", ["networks", name, "json"]) => {
                let found = self.networks.iter().find(|network| network["name"] == *name);
                found.map_or(missing, |network| (200, network.clone()))
            }
            ("DELETE", ["networks", name]) => {
                let before = self.networks.len();
                self.networks.retain(|network| network["name"] != *name);
                if self.networks.len() < before { (204, Value::Null) } else { missing }
            }
            ("POST", ["commit"]) => {
                let asked = |name: &str| {
                    let found = query.split('&').find_map(|part| part.strip_prefix(name));
                    found.unwrap_or_default().to_owned()
                };
                let label = "changes=LABEL io.vagrantp.snapshot=";
                self.committed.push(json!({
                    "Id": "c0de", "RepoTags": [format!("{}:{}", asked("repo="), asked("tag="))],
                    "Labels": { "io.vagrantp.snapshot": asked(label) }, "Size": 4096,
                }));
                (200, json!({ "Id": "c0de" }))
            }
            ("GET", ["images", "json"]) => {
                let asked = |image: &&Value| {
                    let name = text(&image["RepoTags"][0]).rsplit_once(':');
                    name.is_some_and(|(name, _)| query.contains(&format!("[\"{name}\"]")))
                };
                (200, self.committed.iter().filter(asked).cloned().collect())
            }
            ("GET", ["images", name @ .., "json"]) => {
                let name = name.join("/");
                let named = |image: &&Value| image["RepoTags"][0] == name;
                if let Some(image) = self.committed.iter().find(named) {
                    let labels = json!({ "Labels": image["Labels"] });
                    return (200, json!({ "Id": "c0de", "RepoTags": [name], "Config": labels }));
                }
                let found = self.images.contains(&name);
                if found { (200, json!({ "Id": "f00d", "RepoTags": [name] })) } else { missing }
            }
            _ => (501, json!({ "message": format!("not known here: {request}") })),
        }
    }

    fn find(&mut self, name: &str) -> Option<&mut Container> {
        self.containers.iter_mut().find(|held| held.is_called(name))
    }
}

impl Container {
    fn is_called(&self, name: &str) -> bool {
        self.id == name || text(&self.body["name"]) == name
    }

    fn listed(&self) -> Value {
        json!({
            "Id": self.id, "Names": [self.body["name"]], "Labels": self.body["labels"],
            "State": self.status, "Created": NOW, "Pid": 4711, "StartedAt": 1_767_323_045,
            "Networks": self.networks().collect::<Vec<_>>(), "Ports": self.body["portmappings"],
        })
    }

    fn networks(&self) -> impl Iterator<Item = &String> {
        self.body["Networks"].as_object().into_iter().flat_map(|networks| networks.keys())
    }

    fn inspected(&self, written: u64) -> Value {
        let body = &self.body;
        let limits = &body["resource_limits"];
        let list = |value: &Value| value.as_array().cloned().unwrap_or_default();
        let networks: serde_json::Map<_, _> = self
            .networks()
            .map(|name| (name.clone(), json!({ "IPAddress": "10.89.0.2" })))
            .collect();
        let ports: serde_json::Map<_, _> = list(&body["portmappings"])
            .iter()
            .map(|port| {
                let guest = format!("{}/{}", port["container_port"], text(&port["protocol"]));
                let host = json!([{ "HostIp": port["host_ip"], "HostPort": port["host_port"].to_string() }]);
                (guest, host)
            })
            .collect();
        let mounts: Vec<Value> = list(&body["mounts"])
            .iter()
            .map(|mount| {
                let writable =
                    mount["options"].as_array().is_some_and(|o| o.contains(&json!("rw")));
                json!({ "Type": "bind", "Source": mount["source"],
                        "Destination": mount["destination"], "RW": writable })
            })
            .collect();
        let quota = limits["cpu"]["quota"].as_i64().unwrap_or(0);
        json!({
            "Id": self.id, "Name": body["name"], "Created": NOW, "RestartCount": 0,
            "State": { "Status": self.status, "Pid": 4711, "ExitCode": 0,
                       "StartedAt": if self.status == "created" { "0001-01-01T00:00:00Z" } else { NOW },
                       "FinishedAt": if self.status == "exited" { NOW } else { "0001-01-01T00:00:00Z" } },
            "Mounts": mounts, "SizeRw": written,
            "NetworkSettings": { "Networks": networks },
            "Config": { "Labels": body["labels"] },
            "HostConfig": {
                "Memory": limits["memory"]["limit"].as_u64().unwrap_or(0), "NanoCpus": quota * 10_000,
                "PortBindings": ports, "RestartPolicy": { "Name": text(&body["restart_policy"]) },
            },
        })
    }
}
