//! Health checks and volumes of images: made by podman's own builder from the test's small files.

use serde_json::Value;

use crate::machine::{Machine, text, until};

/// An image of the test's own, gone with it.
struct Image<'a> {
    machine: &'a Machine,
    name: String,
}

impl<'a> Image<'a> {
    fn new(machine: &'a Machine, lines: &str) -> Self {
        let name = format!("localhost/{}:1", machine.name);
        machine.file("Containerfile", format!("FROM scratch\nADD rootfs.tar /\n{lines}\n"));
        let dir = machine.dir().display().to_string();
        // The form that knows health checks.
        machine.podman(&["build", "-q", "--format", "docker", "-t", &name, &dir]);
        Image { machine, name }
    }
}

impl Drop for Image<'_> {
    fn drop(&mut self) {
        self.machine.podman_output(&["rmi", "-f", &self.name]);
    }
}

fn health(machine: &Machine) -> Value {
    let (exit, document) = machine.json(&["status"]);
    assert_eq!(exit, 0, "{document:#}");
    document["infrastructure"]["health"].clone()
}

const CHECK: &str = "HEALTHCHECK --interval=1s --timeout=2s --retries=2 CMD test -e /tmp/well || \
                     { echo not well; false; }\nCMD [\"sleep\", \"1000\"]";

#[test]
fn a_health_check_is_made_and_shown() {
    let Some(machine) = Machine::new("health", &[]) else { return };
    let image = Image::new(&machine, CHECK);
    let lines = [("IMAGE", image.name.as_str()), ("COMMAND", "image")];
    machine.env(&lines);
    let (_, up) = machine.json(&["up"]);
    assert_eq!(up["infrastructure"]["health"]["status"], "starting", "{up:#}");
    assert_eq!(machine.inspect("{{.Config.Cmd}}"), "[sleep 1000]", "the image's own");
    until("it is unhealthy", || health(&machine)["status"] == "unhealthy");
    let found = health(&machine);
    assert_eq!(found["output"], "not well", "{found:#}");
    assert!(found["failures"].as_u64() >= Some(2) && !found["checked_at"].is_null(), "{found:#}");
    let status = machine.ok(&["status"]).stdout;
    assert!(status.contains("  health     unhealthy: the last "), "{status}");
    machine.inside("touch /tmp/well");
    until("it is healthy", || health(&machine)["status"] == "healthy");
    // The engine's own books say the same.
    assert_eq!(machine.inspect("{{.State.Health.Status}}"), "healthy");

    // A replacement keeps the check, and starts from nothing.
    machine.env(&[lines[0], lines[1], ("MEMORY", "600M")]);
    machine.ok(&["up", "-y"]);
    until("it is healthy again", || health(&machine)["status"] == "healthy");
    machine.ok(&["stop"]);
    assert_eq!(health(&machine), Value::Null, "what does not run has no health");
    drop(image);
}

#[test]
fn a_check_that_hangs_holds_nobody_up() {
    let Some(machine) = Machine::new("hangs", &[]) else { return };
    let check = "HEALTHCHECK --interval=1s --timeout=3s CMD sleep 3\nCMD [\"sleep\", \"1000\"]";
    let image = Image::new(&machine, check);
    machine.env(&[("IMAGE", &image.name), ("COMMAND", "image")]);
    machine.ok(&["up"]);
    let begun = std::time::Instant::now();
    assert_eq!(text(&health(&machine)["status"]), "starting");
    assert!(begun.elapsed() < std::time::Duration::from_millis(2500), "{:?}", begun.elapsed());
    assert_eq!(health(&machine).get("status").map(text).as_deref(), Some("starting"));
    drop(image);
}

#[test]
fn its_volume_is_removed_behind_our_back() {
    let Some(machine) = Machine::new("volume", &[]) else { return };
    let image = Image::new(&machine, "VOLUME /data");
    machine.env(&[("IMAGE", &image.name)]);
    machine.ok(&["up"]);
    machine.inside("echo kept > /data/note");
    let volume = machine.inspect("{{range .Mounts}}{{.Name}}{{end}}");
    // Podman takes the containers along that use it.
    machine.podman(&["volume", "rm", "-f", &volume]);
    assert_eq!(machine.state(), "not_created");
    machine.ok(&["up"]);
    machine.settled();
    assert_ne!(machine.inspect("{{range .Mounts}}{{.Name}}{{end}}"), volume);
    machine.rm();
    drop(image);
}
