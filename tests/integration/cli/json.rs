//! `--json`: one document on stdout on every way out, always of the documented shape.

use std::net::TcpListener;

use insta::assert_snapshot;
use serde_json::Value;

use super::{Engine, Project, container, engined, schema};

fn machine(lines: &str) -> (Project, Engine) {
    engined(Project::new(&format!("INFRA_TYPE=container\n{lines}\n")))
}

/// The whole stdout of a call with `--json`, with what differs from run to run replaced.
fn document(project: &Project, arguments: &[&str]) -> String {
    let mut all = vec!["--json"];
    all.extend(arguments);
    let ran = project.run(&all);
    schema::check(&ran.document());
    let mut text = String::new();
    for line in ran.stdout.lines() {
        let (name, value) = line.split_once(": ").unwrap_or((line, ""));
        let varies =
            ["\"uuid\"", "\"updated_at\"", "\"created_at\"", "\"last_stopped\"", "\"arch\""];
        let said = name.trim() == "\"message\"" && value.contains(" s).");
        text.push_str(name);
        if varies.contains(&name.trim()) && value.starts_with('"') || said {
            text.push_str(": …");
        } else if !value.is_empty() {
            text.push_str(&format!(": {value}"));
        }
        text.push('\n');
    }
    text
}

#[test]
fn up_has_the_documented_shape() {
    let free = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let (project, _engine) =
        machine(&format!("MEMORY=512\nCPUS=1\nPORTS={free}:80\nMOUNTS=.:/work"));
    let made = document(&project, &["up"]).replace(&free.to_string(), "{port}");
    assert_snapshot!(made, @"");
    let again = document(&project, &["up"]).replace(&free.to_string(), "{port}");
    assert_snapshot!(again, @"");
    // Exactly the fields of `status`.
    let (_, up) = project.json(&["up"]);
    let (_, status) = project.json(&["status"]);
    let keys = |document: &Value| -> Vec<String> {
        document["infrastructure"].as_object().unwrap().keys().cloned().collect()
    };
    assert_eq!(keys(&up), keys(&status));
}

#[test]
fn a_failure_has_code_message_details_and_suggestion() {
    let (project, engine) = machine("CPUS=1");
    engine.world().refused.push(("POST /containers/create", "no \u{1b}[31mspace left on device"));
    assert_snapshot!(document(&project, &["up"]), @"");
}

#[test]
fn a_configuration_error_has_field_and_line() {
    let project = container("DATABASE_URL=canary\nMEMORY=100\nCPUS=x");
    assert_snapshot!(document(&project, &["validate"]), @"");
}

#[test]
fn list_has_the_documented_shape() {
    let (project, _engine) = machine("MEMORY=512");
    assert_snapshot!(document(&project, &["list"]), @"");
    project.ok(&["up"]);
    let (_, list) = project.json(&["list"]);
    schema::check(&list);
    let (_, status) = project.json(&["status"]);
    let listed = &list["instances"][0];
    for field in ["id", "uuid", "name", "type", "provider", "state", "project_path"] {
        assert_eq!(listed[field], status["infrastructure"][field], "{field}");
    }
}

#[test]
fn every_way_out_is_one_document() {
    let (project, engine) = machine("MEMORY=512");
    let calls: [(&[&str], i32); 24] = [
        (&["validate"], 0),
        (&["plan"], 0),
        (&["plan", "--exit-code"], 20),
        (&["render"], 0),
        (&["status"], 0),
        (&["list"], 0),
        (&["list", "--filter", "asleep"], 2),
        (&["stop"], 1),
        (&["ssh"], 255),
        (&["adopt"], 1),
        (&["up", "--dry-run"], 0),
        (&["up"], 0),
        (&["up"], 0),
        (&["ssh", "--info"], 0),
        (&["ssh", "-c", "true"], 255),
        (&["stop"], 0),
        (&["stop"], 0),
        (&["rm"], 1),
        (&["rm", "-y"], 0),
        (&["rm"], 0),
        (&["up", "web"], 2),
        (&["-C", "nowhere", "up"], 2),
        (&["up", "--env-file", "nowhere"], 2),
        (&[], 2),
    ];
    for (call, exit) in calls {
        let mut all = vec!["--json"];
        all.extend(call);
        let ran = project.run(&all);
        let document: Value = serde_json::from_str(&ran.stdout)
            .unwrap_or_else(|error| panic!("{call:?}: {error}\n{}", ran.stdout));
        schema::check(&document);
        assert_eq!(ran.status, exit, "{call:?}: {document:#}");
        // Nothing but the stream of `up` goes to stderr, and that is JSON as well.
        for line in ran.stderr.lines() {
            let event: Value = serde_json::from_str(line).expect(line);
            assert!(event["event"].is_string() && call[0] == "up", "{call:?}: {line}");
        }
    }
    assert_eq!(engine.containers(), []);
}

#[test]
fn every_document_fits_its_schema() {
    // The other tests hold each answer against the shape; here the shape is held against mistakes.
    let complains =
        |document: Value| std::panic::catch_unwind(|| schema::check(&document)).is_err();
    let good = serde_json::json!({"schema": 1, "success": true, "message": "x", "warnings": []});
    assert!(!complains(good.clone()));
    let with = |name: &str, value: Value| {
        let mut document = good.clone();
        document[name] = value;
        document
    };
    assert!(complains(with("schema", 2.into())));
    assert!(complains(with("success", "yes".into())));
    assert!(complains(with("success", false.into())));
    assert!(complains(with("surprise", 1.into())));
    assert!(complains(with("infrastructure", serde_json::json!({"id": "web"}))));
    assert!(complains(with("plan", serde_json::json!([{"action": "explode"}]))));
}

#[test]
fn events_of_up_are_json_lines_on_stderr() {
    let (project, _engine) = machine("MEMORY=512");
    let ran = project.run(&["--json", "up"]);
    let events: Vec<Value> =
        ran.stderr.lines().map(|line| serde_json::from_str(line).expect(line)).collect();
    let names = |kind: &str| -> Vec<String> {
        let of_kind = events.iter().filter(|event| event["event"] == kind);
        of_kind.map(|event| event["action"].as_str().unwrap().to_owned()).collect()
    };
    assert_eq!(names("step_started"), ["create_network", "create", "start"]);
    assert_eq!(names("step_done"), names("step_started"));
}
