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
    assert_eq!(ask(&other), "");
    let networks = |name: &str| {
        let format = "{{range $name, $_ := .NetworkSettings.Networks}}{{$name}} {{end}}";
        machine.podman(&["inspect", "--format", format, name])
    };
    assert_ne!(networks(&machine.name), networks(&other));
}
