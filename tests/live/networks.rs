//! A network for each project, and no way from one to the other.

use crate::machine::{Machine, until};

#[test]
fn two_projects_do_not_reach_each_other() {
    let lines = [("COMMAND", "nc -ll -p 80 -e echo hello")];
    let Some(machine) = Machine::new("apart", &lines) else { return };
    let other = format!("{}-o", machine.name);
    let dir = machine.beside("other", &[("INFRA_ID", &other)]);
    machine.ok(&["up"]);
    machine.ok(&["-C", &dir.display().to_string(), "up"]);
    let address = machine.inspect("{{range .NetworkSettings.Networks}}{{.IPAddress}}{{end}}");
    let ask = |from: &str| {
        let line = format!("echo | nc -w 2 {address} 80");
        let output = machine.podman_output(&["exec", from, "sh", "-c", &line]);
        String::from_utf8_lossy(&output.stdout).into_owned()
    };
    // It is there and answers: to itself, and not to the other one.
    until("the server answers", || ask(&machine.name) == "hello\n");
    let networks = |name: &str| {
        let format = "{{range $name, $_ := .NetworkSettings.Networks}}{{$name}}{{end}}";
        machine.podman(&["inspect", "--format", format, name])
    };
    let [own, others] = [networks(&machine.name), networks(&other)];
    assert_ne!(own, others);
    for network in [&own, &others] {
        let format = "{{index .Options \"isolate\"}}";
        assert_eq!(machine.podman(&["network", "inspect", "--format", format, network]), "true");
    }
    // netavark 1.4 forgets the isolation of every network when one of them goes, until the next
    // container starts; another test may have one go at any moment.
    let apart = (0..5).any(|_| {
        machine.podman(&["network", "reload", &machine.name]);
        ask(&other).is_empty()
    });
    assert!(apart, "no project reaches another");
}
