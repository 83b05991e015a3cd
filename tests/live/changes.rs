//! Edits to the `.env` of a machine that exists: applied, or told with what they cost.

use serde_json::Value;

use crate::machine::{Machine, actions, text};
use crate::podman_host::free_port;

#[test]
fn every_edit_is_applied_or_told() {
    let Some(machine) = Machine::new("edits", &[]) else { return };
    std::fs::create_dir(machine.dir().join("shared")).expect("a directory to share");
    machine.ok(&["up"]);
    machine.inside("echo kept > /root/note");
    let port = free_port();
    let ports = format!("{port}:80");
    let bound = format!("map[80/tcp:[{{127.0.0.1 {port}}}]]");
    let forwards = "{{.HostConfig.PortBindings}}";
    let mounts = "{{range .Mounts}}{{.Destination}}{{end}}";
    let edits = [
        ("MEMORY", "600M", "{{.HostConfig.Memory}}", "629145600"),
        ("CPUS", "2", "{{.HostConfig.NanoCpus}}", "2000000000"),
        ("PORTS", ports.as_str(), forwards, bound.as_str()),
        ("COMMAND", "sleep 1000", "{{.Args}}", "[-- sleep 1000]"),
        ("MOUNTS", "./shared:/shared", mounts, "/shared"),
        ("MOUNTS", "", mounts, ""),
    ];
    for (key, value, format, expected) in edits {
        // One key is said, and the one before goes back to what it was.
        machine.env(&[(key, value)]);
        let before = machine.id();
        assert_eq!(machine.run(&["plan", "--exit-code"]).status, 20, "{key}={value}");
        let (exit, document) = machine.json(&["up"]);
        assert_eq!((exit, &document["changed"]), (0, &Value::Bool(true)), "{document:#}");
        assert_eq!(machine.inspect(format), expected, "{key}={value}");
        assert_ne!(machine.id(), before, "it was replaced");
        assert_eq!(machine.inside("cat /root/note"), "kept", "{key}={value}");
        assert_eq!(machine.state(), "running");
        machine.settled();
    }
    assert_eq!(machine.objects().len(), 3, "nothing of the old ones: {:?}", machine.objects());
    machine.rm();
}

#[test]
fn an_edit_is_planned_with_its_line_and_cost() {
    let Some(machine) = Machine::new("lines", &[]) else { return };
    machine.ok(&["up"]);
    machine.env(&[("MEMORY", "600M")]);
    let plan = machine.ok(&["plan"]);
    insta::assert_snapshot!(machine.plain(&plan.stdout), @r"
      1. [replace] Stop the container {name} (killed after 30 s)  ← MEMORY: 512 MiB → 600 MiB (.env:4)
      2. [replace] Save the files of the container {name}
      3. Rename the container {name} to {name}-replaced-1
      4. [replace] Create the container {name} again with its files (600 MiB, 1 CPU)
      5. Start the container {name}
      6. Remove the old container {name}-replaced-1 (its files are kept)
    6 steps: what runs inside is restarted; files stay ({size} are copied).
    ");
    let up = machine.ok(&["up"]);
    insta::assert_snapshot!(machine.plain(&(up.stderr + &up.stdout)), @r"
    {name} (container on podman)
    [1/6] Stop the container {name} (killed after 30 s)
    [2/6] Save the files of the container {name}
    [3/6] Rename the container {name} to {name}-replaced-1
    [4/6] Create the container {name} again with its files (600 MiB, 1 CPU)
    [5/6] Start the container {name}
    [6/6] Remove the old container {name}-replaced-1 (its files are kept)
    {name} is ready (replaced, with its files, {time}).
      resources  600 MiB of memory, 1 CPU
      address    {address}
      next       vagrantp ssh
    ");
}

#[test]
fn what_can_be_changed_live_needs_no_consent() {
    let Some(machine) = Machine::new("live", &[]) else { return };
    machine.ok(&["up"]);
    let started = machine.inspect("{{.Id}} {{.State.StartedAt}}");
    let name = format!("{}-b", machine.name);
    machine.env(&[("INFRA_ID", &name)]);
    machine.ok(&["up"]);
    let format = "{{.Id}} {{.State.StartedAt}}";
    assert_eq!(machine.podman(&["inspect", "--format", format, &name]), started);
    machine.settled();
    let (_, document) = machine.json(&["status"]);
    assert_eq!(document["infrastructure"]["name"], name.as_str());
    machine.env(&[]);
    machine.ok(&["up"]);

    let address = machine.inspect("{{range .NetworkSettings.Networks}}{{.IPAddress}}{{end}}");
    let (range, _) = address.rsplit_once('.').expect("four numbers");
    let wanted = format!("{range}.77");
    machine.env(&[("IP_ADDRESS", &wanted)]);
    machine.ok(&["up"]);
    let shown = machine.inspect("{{range .NetworkSettings.Networks}}{{.IPAddress}}{{end}}");
    assert_eq!(shown, wanted);
    assert!(machine.inside("ip addr").contains(&wanted));
    assert_eq!(machine.inspect("{{.Id}} {{.State.StartedAt}}"), started, "it ran on");
    machine.settled();
}

#[test]
fn what_is_no_business_of_the_machines_changes_nothing() {
    let Some(machine) = Machine::new("nobiz", &[]) else { return };
    machine.ok(&["up"]);
    let keys =
        [("STOP_TIMEOUT", "3"), ("SSH_USER", "dev"), ("DATABASE_URL", "x"), ("DISK_SIZE", "9G")];
    for edit in keys {
        machine.env(&[edit]);
        machine.settled();
        let (exit, document) = machine.json(&["up"]);
        assert_eq!((exit, &document["changed"]), (0, &Value::Bool(false)), "{edit:?}");
    }
    // The same in other words.
    machine.env(&[("MEMORY", "\"512 MiB\" # the least"), ("NETWORK_MODE", "nat")]);
    machine.settled();
}

#[test]
fn much_to_copy_needs_a_yes() {
    let Some(machine) = Machine::new("much", &[]) else { return };
    machine.ok(&["up"]);
    // A hole of 1200 MiB takes no room here, and would when it is copied.
    machine.inside("dd if=/dev/zero of=/root/much bs=1M count=0 seek=1200");
    let before = (machine.id(), machine.inspect("{{.State.StartedAt}}"));
    machine.env(&[("MEMORY", "600M")]);
    let failure = machine.fails(&["up"], 3, "RESTART_REQUIRED");
    let error = &failure["error"];
    assert_eq!((&error["field"], &error["line"]), (&"MEMORY".into(), &4.into()), "{error:#}");
    assert_eq!(failure["changed"], false);
    assert!(actions(&failure).contains(&"save_files".to_owned()), "{failure:#}");
    assert_eq!((machine.id(), machine.inspect("{{.State.StartedAt}}")), before, "nothing is done");
    let shown = machine.run(&["up"]);
    assert_eq!(shown.status, 3);
    insta::assert_snapshot!(machine.plain(&shown.stderr), @r"
    {name} (container on podman)
    vagrantp::consent::restart_required

      × this stops what runs in the container, copies 1.2 GiB of its files, and
      │ starts it again
       ╭─[.env:4:8]
     4 │ MEMORY=600M
       ·        ──┬─
       ·          ╰── asked for here
       ╰────
      help: `vagrantp up -y` agrees to that; `vagrantp plan` shows each step
    ");
}

#[test]
fn another_image_needs_to_be_asked_for() {
    let Some(machine) = Machine::new("image", &[]) else { return };
    crate::podman_host::write_rootfs(&machine.dir().join("other.tar"), "another");
    machine.ok(&["up"]);
    machine.inside("touch /root/note");
    let id = machine.id();
    machine.env(&[("IMAGE", "./other.tar")]);
    for consent in [&["up"][..], &["up", "-y"]] {
        let failure = machine.fails(consent, 3, "RECREATE_REQUIRED");
        assert_eq!(
            (&failure["error"]["field"], &failure["error"]["line"]),
            (&"IMAGE".into(), &3.into())
        );
        let steps = failure["plan"].as_array().expect("the plan is in it");
        let lost = steps.iter().find(|step| step["action"] == "remove").expect("it is removed");
        assert_eq!((&lost["cost"], &lost["cause"]["key"]), (&"recreate".into(), &"IMAGE".into()));
        assert_eq!((machine.id(), machine.inside("ls /root")), (id.clone(), "note".to_owned()));
    }
    let (exit, document) = machine.json(&["up", "--recreate"]);
    assert_eq!((exit, &document["changed"]), (0, &Value::Bool(true)), "{document:#}");
    assert!(machine.inside("cat /etc/issue").starts_with("another "));
    assert_eq!(machine.inside("ls /root"), "", "what was written is lost, as was said");
    machine.settled();
    let image = machine.inspect("{{.Image}}");
    machine.rm();
    machine.podman(&["rmi", "-f", &image]);
}

#[test]
fn recreate_starts_from_the_image_again() {
    let Some(machine) = Machine::new("recreate", &[]) else { return };
    machine.ok(&["up"]);
    machine.inside("touch /root/note");
    let id = machine.id();
    machine.ok(&["up", "--recreate"]);
    assert_ne!(machine.id(), id);
    assert_eq!(machine.inside("ls /root"), "");
    machine.settled();
}

#[test]
fn an_edit_to_a_stopped_machine_is_applied_when_it_starts() {
    let Some(machine) = Machine::new("asleep", &[]) else { return };
    machine.ok(&["up"]);
    machine.inside("echo kept > /root/note");
    machine.ok(&["stop"]);
    machine.env(&[("MEMORY", "600M")]);
    // Nothing runs, so nothing is interrupted and nobody has to agree.
    let (exit, document) = machine.json(&["up"]);
    assert_eq!(exit, 0, "{document:#}");
    assert_eq!(machine.inspect("{{.HostConfig.Memory}}"), "629145600");
    assert_eq!(machine.inside("cat /root/note"), "kept");
    assert_eq!(text(&document["infrastructure"]["state"]), "running");
    machine.settled();
}
