//! The real binary on real Podman: a project with a service and a small image of its own, looked at
//! with podman's own eyes, and cleared away whatever the test came to.

use std::cell::RefCell;
use std::io::Write;
use std::ops::Deref;
use std::path::{Path, PathBuf};
use std::process::{Child, Output, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;
use vagrantp::exec::Program;
use vagrantp::model::id::{InfraType, InstanceUuid};

use crate::cli_support::{Project, Ran, variable};
use crate::podman_host::{containers_conf, end_service, write_rootfs};

/// One test's project, and what podman has of it.
pub(crate) struct Machine {
    project: Project,
    /// INFRA_ID, and with it the container's name.
    pub(crate) name: String,
    /// Every directory that a machine may have been made for.
    places: RefCell<Vec<PathBuf>>,
}

impl Deref for Machine {
    type Target = Project;

    fn deref(&self) -> &Project {
        &self.project
    }
}

impl Machine {
    /// A project whose `.env` asks for a small container, with these lines more. Nothing where
    /// podman is not installed.
    pub(crate) fn new(name: &str, more: &[(&str, &str)]) -> Option<Machine> {
        Machine::made(name, more, |project| project)
    }

    /// The same, with the project changed before anything is made of it.
    pub(crate) fn made(
        name: &str,
        more: &[(&str, &str)],
        change: impl FnOnce(Project) -> Project,
    ) -> Option<Machine> {
        if Program::find("podman", variable("PATH").as_deref()).is_err() {
            skipped("podman is not installed");
            return None;
        }
        let mut project = Project::named("project");
        if let Some(conf) = containers_conf(&project.root()) {
            project = project.with("CONTAINERS_CONF", &conf);
        }
        if !rustix::process::getuid().is_root() {
            // Without root's rights, podman's storage and its processes belong to the user.
            for name in ["HOME", "XDG_RUNTIME_DIR"] {
                project = project.with(name, &variable(name).unwrap_or_default());
            }
        }
        let project = change(project);
        write_rootfs(&project.dir().join("rootfs.tar"), name);
        let places = RefCell::new(vec![project.dir().to_owned()]);
        let name = format!("vpl-{name}-{}", std::process::id());
        let machine = Machine { project, name, places };
        machine.env(more);
        Some(machine)
    }

    /// Writes the `.env`: what every test's has, with these keys changed, added, or, where the value
    /// is empty, left out.
    pub(crate) fn env(&self, changes: &[(&str, &str)]) {
        self.file(".env", self.text(changes));
    }

    /// What [`Machine::env`] writes.
    pub(crate) fn text(&self, changes: &[(&str, &str)]) -> String {
        let mut lines = vec![
            ("INFRA_TYPE", "container"),
            ("INFRA_ID", self.name.as_str()),
            ("IMAGE", "./rootfs.tar"),
            ("MEMORY", "512M"),
            ("CPUS", "1"),
        ];
        for (key, value) in changes {
            match lines.iter_mut().find(|(known, _)| known == key) {
                Some(line) => line.1 = value,
                None => lines.push((key, value)),
            }
        }
        lines.retain(|(_, value)| !value.is_empty());
        lines.iter().map(|(key, value)| format!("{key}={value}\n")).collect()
    }

    /// Another project of the same user's: its directory, to be given with `-C`.
    pub(crate) fn beside(&self, name: &str, changes: &[(&str, &str)]) -> PathBuf {
        let dir = self.sibling(name, &self.text(changes));
        std::fs::copy(self.dir().join("rootfs.tar"), dir.join("rootfs.tar")).expect("copied");
        self.places.borrow_mut().push(dir.clone());
        dir
    }

    /// Remembers a directory that a machine may be made for.
    pub(crate) fn also_at(&self, dir: &Path) {
        self.places.borrow_mut().push(dir.to_owned());
    }

    /// Runs podman with the project's surroundings, and returns what it says.
    pub(crate) fn podman(&self, arguments: &[&str]) -> String {
        let output = self.podman_output(arguments);
        let text = String::from_utf8_lossy(&output.stdout).trim().to_owned();
        let errors = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "podman {arguments:?}: {text} {errors}");
        text
    }

    /// Runs podman, whatever comes of it.
    pub(crate) fn podman_output(&self, arguments: &[&str]) -> Output {
        self.program("podman").args(arguments).output().expect("podman can be run")
    }

    /// One fact of the container.
    pub(crate) fn inspect(&self, format: &str) -> String {
        self.podman(&["inspect", "--type", "container", "--format", format, &self.name])
    }

    /// The container's id.
    pub(crate) fn id(&self) -> String {
        self.inspect("{{.Id}}")
    }

    /// Runs a line inside of the container, by podman's own hand.
    pub(crate) fn inside(&self, line: &str) -> String {
        self.podman(&["exec", &self.name, "sh", "-c", line])
    }

    /// The state that `status` shows.
    pub(crate) fn state(&self) -> String {
        let (exit, document) = self.json(&["status"]);
        assert_eq!(exit, 0, "{document}");
        text(&document["infrastructure"]["state"])
    }

    /// What podman has of the test's projects: containers, networks, saved files.
    pub(crate) fn objects(&self) -> Vec<String> {
        const LABEL: &str = "label=io.vagrantp.uuid";
        const OWNED: &str = "{{index .Labels \"io.vagrantp.uuid\"}} {{.Names}}";
        const NETWORK: &str = "{{json .Labels}} {{.Name}}";
        let uuids = self.uuids();
        let listings = [
            ("container", vec!["ps", "-a", "--filter", LABEL, "--format", OWNED]),
            ("network", vec!["network", "ls", "--filter", LABEL, "--format", NETWORK]),
            ("image", vec!["images", "--format", "{{.Repository}} {{.Repository}}:{{.Tag}}"]),
        ];
        // However many projects there are, each kind is listed once.
        let list = |(kind, arguments): (&str, Vec<&str>)| {
            let said = self.listed(&arguments);
            let ours = |line: &str| {
                let (owner, name) = line.rsplit_once(' ')?;
                uuids.iter().any(|uuid| owner.contains(uuid)).then(|| format!("{kind} {name}"))
            };
            said.lines().filter_map(ours).collect::<Vec<_>>()
        };
        listings.into_iter().flat_map(list).collect()
    }

    /// A list of podman's. One object that goes away meanwhile can spoil the whole of it.
    fn listed(&self, arguments: &[&str]) -> String {
        let mut output = self.podman_output(arguments);
        for _ in 0..5 {
            if output.status.success() {
                break;
            }
            output = self.podman_output(arguments);
        }
        String::from_utf8_lossy(&output.stdout).into_owned()
    }

    /// The uuids of what may have been made for the test's directories.
    fn uuids(&self) -> Vec<String> {
        self.places.borrow().iter().map(|path| self.uuid_of(path)).collect()
    }

    /// The uuid of a directory's container.
    pub(crate) fn uuid_of(&self, dir: &Path) -> String {
        let machine_id = std::fs::read_to_string("/etc/machine-id").unwrap_or_default();
        let machine_id = match machine_id.trim() {
            "" => rustix::system::uname().nodename().to_string_lossy().into_owned(),
            id => id.to_owned(),
        };
        let uid = rustix::process::getuid().as_raw();
        InstanceUuid::derive(&machine_id, uid, dir, InfraType::Container).to_string()
    }

    /// What vagrantp keeps on disk beyond the history and the empty frame of its directories.
    pub(crate) fn kept(&self) -> Vec<String> {
        let mut kept = files_below(&self.kept_in());
        kept.retain(|path| !path.starts_with("history/") && path != "leases.lock");
        kept
    }

    /// Where vagrantp keeps it.
    pub(crate) fn kept_in(&self) -> PathBuf {
        self.project.state()
    }

    /// Has the image imported anew by the next `up`.
    pub(crate) fn forget_image(&self) {
        self.podman_output(&["rmi", "-f", &self.image()]);
    }

    /// Removes the machine with vagrantp's own hand, after which there is nothing of it.
    pub(crate) fn rm(&self) {
        self.ok(&["rm", "-y"]);
        assert_eq!(self.objects(), [""; 0]);
        assert_eq!(self.kept(), [""; 0]);
    }

    /// A plan that must be empty: what `up` made is what the `.env` asks for.
    pub(crate) fn settled(&self) {
        let ran = self.run(&["plan", "--exit-code"]);
        assert_eq!((ran.status, ran.stdout.as_str()), (0, "Nothing to do.\n"), "{}", ran.stderr);
    }

    /// A call that must fail in this way; its document.
    pub(crate) fn fails(&self, arguments: &[&str], exit: i32, code: &str) -> Value {
        let (status, document) = self.json(arguments);
        let found = (status, document["error"]["code"].as_str());
        assert_eq!(found, (exit, Some(code)), "{arguments:?}: {document:#}");
        document
    }

    /// A text with this test's own name, address and durations replaced, to be compared whole.
    pub(crate) fn plain(&self, text: &str) -> String {
        let mut plain = text.replace(&self.name, "{name}");
        let format = "{{range .NetworkSettings.Networks}}{{.IPAddress}}{{end}}";
        let output =
            self.podman_output(&["inspect", "--type", "container", "--format", format, &self.name]);
        let address = String::from_utf8_lossy(&output.stdout).trim().to_owned();
        if !address.is_empty() {
            plain = plain.replace(&address, "{address}");
        }
        for place in self.uuids() {
            plain = plain.replace(&place[..13].replace('-', ""), "{uuid}");
        }
        if let Some(end) = plain.find(" are copied)")
            && let Some(start) = plain[..end].rfind('(')
        {
            plain.replace_range(start + 1..end, "{size}");
        }
        while let Some(end) = plain.find(" s).") {
            let start = plain[..end].rfind(", ").expect("a duration follows a comma");
            plain.replace_range(start..end + 3, ", {time})");
        }
        plain
    }

    /// Starts a call and returns while it runs.
    pub(crate) fn start(&self, arguments: &[&str]) -> Child {
        let mut command = self.command(arguments);
        command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("it can be run")
    }

    /// The end of a call that was started.
    pub(crate) fn end(&self, child: Child) -> Ran {
        self.ran(child.wait_with_output().expect("it ends"))
    }
}

impl Drop for Machine {
    /// By podman's own hand, so that a test that failed half-way leaves nothing either.
    fn drop(&mut self) {
        for object in self.objects() {
            match object.split_once(' ') {
                Some(("container", name)) => {
                    self.podman_output(&["rm", "-f", "-v", "-t", "0", name])
                }
                Some(("network", name)) => self.podman_output(&["network", "rm", "-f", name]),
                Some(("image", name)) => self.podman_output(&["rmi", "-f", name]),
                _ => continue,
            };
        }
        self.forget_image();
        end_service(&self.root());
        let left = self.objects();
        if !std::thread::panicking() {
            assert_eq!(left, [""; 0], "the test leaves nothing");
        }
    }
}

impl Machine {
    /// The image that was imported for this test alone.
    fn image(&self) -> String {
        use sha2::{Digest, Sha256};
        let content = std::fs::read(self.dir().join("rootfs.tar")).unwrap_or_default();
        let digest = Sha256::digest(&content);
        let tag: String = digest.iter().take(8).map(|byte| format!("{byte:02x}")).collect();
        let name = format!("localhost/vagrantp/rootfs:{tag}");
        let output = self.podman_output(&["images", "-q", "--no-trunc", &name]);
        String::from_utf8_lossy(&output.stdout).trim().to_owned()
    }
}

/// A main process that stays up until [`go`] is called, and then does this: however slow a host is,
/// it does not end while `up` is still at it.
pub(crate) fn once_told(line: &str) -> String {
    format!("sh -c 'until test -e /tmp/go; do sleep 0.1; done; {line}'")
}

/// Tells it.
pub(crate) fn go(machine: &Machine) {
    go_to(machine, &machine.name);
}

/// Tells another one's. What is told may end before podman has looked after its messenger, and
/// podman then says that it failed: what counts is that the message is there, or that it worked.
pub(crate) fn go_to(machine: &Machine, name: &str) {
    let format = "{{.RestartCount}} {{.State.Running}}";
    until(&format!("{name} is told"), || {
        machine.podman_output(&["exec", name, "touch", "/tmp/go"]).status.success() || {
            let facts = machine.podman_output(&[
                "inspect",
                "--type",
                "container",
                "--format",
                format,
                name,
            ]);
            String::from_utf8_lossy(&facts.stdout).trim() != "0 true"
        }
    });
}

/// Every file below a directory, by its path from there, in order.
pub(crate) fn files_below(root: &Path) -> Vec<String> {
    let mut found = Vec::new();
    let mut open = vec![root.to_owned()];
    while let Some(dir) = open.pop() {
        for entry in std::fs::read_dir(&dir).into_iter().flatten().flatten() {
            let path = entry.path();
            if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
                open.push(path);
            } else if let Ok(path) = path.strip_prefix(root) {
                found.push(path.display().to_string());
            }
        }
    }
    found.sort();
    found
}

/// A value's text.
pub(crate) fn text(value: &Value) -> String {
    value.as_str().unwrap_or_else(|| panic!("no text: {value}")).to_owned()
}

/// The actions of a document's plan.
pub(crate) fn actions(document: &Value) -> Vec<String> {
    let steps = document["plan"].as_array().unwrap_or_else(|| panic!("no plan: {document:#}"));
    steps.iter().map(|step| text(&step["action"])).collect()
}

/// Waits until something holds; a test that waits for nothing fails.
pub(crate) fn until(what: &str, mut holds: impl FnMut() -> bool) {
    let begun = Instant::now();
    while !holds() {
        assert!(begun.elapsed() < Duration::from_secs(30), "in vain: {what}");
        std::thread::sleep(Duration::from_millis(10));
    }
}

/// Says what a test is at, for whoever reads why it failed.
pub(crate) fn note(text: &str) {
    let _ = writeln!(std::io::stderr(), "{text}");
}

/// Says why a test does not run here.
pub(crate) fn skipped(why: &str) {
    let _ = writeln!(std::io::stderr(), "skipped: {why}");
}
