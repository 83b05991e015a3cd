//! `--json`: one document on stdout on every way out, always of the documented shape.

use std::net::TcpListener;

use insta::assert_snapshot;
use serde_json::Value;

use super::{Engine, Project, container, engined, schema, scrubbed};

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
    for line in scrubbed(&ran.stdout).lines() {
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
    assert_snapshot!(made, @r#"
    {
      "schema": 1,
      "success": true,
      "message": …
      "changed": true,
      "infrastructure": {
        "id": "project",
        "uuid": …
        "name": "project",
        "type": "container",
        "provider": "podman",
        "state": "running",
        "suspend_kind": null,
        "project_path": "{root}/project",
        "created_at": …
        "updated_at": …
        "last_started": "2026-01-02T03:04:05Z",
        "last_stopped": null,
        "ttl": null,
        "expires_at": null,
        "arch": …
        "resources": {
          "memory_mb": 512,
          "cpus": 1,
          "disk_gb": 20,
          "not_enforced": []
        },
        "networking": {
          "mode": "default",
          "ip_address": "10.89.0.2",
          "ports": [
            {
              "bind": "127.0.0.1",
              "host_port": {port},
              "container_port": 80,
              "protocol": "tcp",
              "auto": false
            }
          ]
        },
        "access": {
          "host": null,
          "port": null,
          "user": "root",
          "key": null,
          "command": "vagrantp -C {root}/project ssh",
          "ssh_command": "podman exec -it project sh -l",
          "web_urls": [
            "http://127.0.0.1:{port}"
          ]
        },
        "health": null,
        "restarts": 0,
        "ended": null,
        "unguarded": [],
        "damaged": null,
        "trouble": null,
        "acceleration": null,
        "pending": false
      },
      "plan": [
        {
          "action": "create_network",
          "cost": "none",
          "cause": {
            "key": null,
            "file": null,
            "line": null,
            "found": "no network of the project's",
            "wanted": null
          },
          "says": "Create the network vagrantp-{uuid}"
        },
        {
          "action": "create",
          "cost": "none",
          "cause": {
            "key": null,
            "file": null,
            "line": null,
            "found": "no instance of the project's",
            "wanted": null
          },
          "says": "Create the container project from docker.io/library/alpine:latest (512 MiB, 1 CPU)"
        },
        {
          "action": "start",
          "cost": "none",
          "cause": {
            "key": null,
            "file": null,
            "line": null,
            "found": "no instance of the project's",
            "wanted": null
          },
          "says": "Start the container project"
        }
      ],
      "next_steps": [
        "vagrantp ssh",
        "http://127.0.0.1:{port}"
      ]
    }
    "#);
    let again = document(&project, &["up"]).replace(&free.to_string(), "{port}");
    assert_snapshot!(again, @r#"
    {
      "schema": 1,
      "success": true,
      "message": "project is running already: there is nothing to do. `vagrantp ssh` goes inside, `vagrantp stop` stops it.",
      "changed": false,
      "infrastructure": {
        "id": "project",
        "uuid": …
        "name": "project",
        "type": "container",
        "provider": "podman",
        "state": "running",
        "suspend_kind": null,
        "project_path": "{root}/project",
        "created_at": …
        "updated_at": …
        "last_started": "2026-01-02T03:04:05Z",
        "last_stopped": null,
        "ttl": null,
        "expires_at": null,
        "arch": …
        "resources": {
          "memory_mb": 512,
          "cpus": 1,
          "disk_gb": 20,
          "not_enforced": []
        },
        "networking": {
          "mode": "default",
          "ip_address": "10.89.0.2",
          "ports": [
            {
              "bind": "127.0.0.1",
              "host_port": {port},
              "container_port": 80,
              "protocol": "tcp",
              "auto": false
            }
          ]
        },
        "access": {
          "host": null,
          "port": null,
          "user": "root",
          "key": null,
          "command": "vagrantp -C {root}/project ssh",
          "ssh_command": "podman exec -it project sh -l",
          "web_urls": [
            "http://127.0.0.1:{port}"
          ]
        },
        "health": null,
        "restarts": 0,
        "ended": null,
        "unguarded": [],
        "damaged": null,
        "trouble": null,
        "acceleration": null,
        "pending": false
      },
      "plan": [],
      "next_steps": [
        "vagrantp ssh",
        "http://127.0.0.1:{port}"
      ]
    }
    "#);
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
    engine.world().refused.push(("POST /containers/create", "no space left on device \u{1b}[31m"));
    assert_snapshot!(document(&project, &["up"]), @r#"
    {
      "schema": 1,
      "success": false,
      "error": {
        "code": "CREATE_FAILED",
        "message": "podman could not create project: no space left on device [31m",
        "details": {},
        "suggestion": "free some disk space; `podman system df` shows what takes it",
        "field": null,
        "line": null,
        "troubleshooting": [],
        "errors": [
          {
            "code": "CREATE_FAILED",
            "rule": "vagrantp::provider::refused",
            "message": "podman could not create project: no space left on device [31m",
            "file": null,
            "field": null,
            "line": null,
            "column": null,
            "help": "free some disk space; `podman system df` shows what takes it"
          }
        ]
      }
    }
    "#);
}

#[test]
fn a_configuration_error_has_field_and_line() {
    let project = container("DATABASE_URL=canary\nMEMORY=100\nCPUS=x");
    let (_, document) = project.json(&["validate"]);
    schema::check(&document);
    assert_snapshot!(format!("{:#}", document["error"]), @r#"
    {
      "code": "CONFIG_INVALID",
      "details": {},
      "errors": [
        {
          "code": "CONFIG_INVALID",
          "column": 8,
          "field": "MEMORY",
          "file": ".env",
          "help": "set MEMORY=512 or more, or delete the line to use the default (2048)",
          "line": 3,
          "message": "MEMORY must be at least 512 MiB",
          "rule": "vagrantp::config::memory_too_small"
        },
        {
          "code": "CONFIG_INVALID",
          "column": 6,
          "field": "CPUS",
          "file": ".env",
          "help": "write digits alone, such as `2`",
          "line": 4,
          "message": "CPUS must be a whole number",
          "rule": "vagrantp::config::not_a_number"
        }
      ],
      "field": "MEMORY",
      "line": 3,
      "message": "MEMORY must be at least 512 MiB",
      "suggestion": "set MEMORY=512 or more, or delete the line to use the default (2048)",
      "troubleshooting": []
    }
    "#);
    let (_, of_up) = project.json(&["up"]);
    assert_eq!(of_up["error"], document["error"]);
}

#[test]
fn list_has_the_documented_shape() {
    let (project, _engine) = machine("MEMORY=512");
    assert_snapshot!(document(&project, &["list"]), @r#"
    {
      "schema": 1,
      "success": true,
      "message": "0 machines.",
      "changed": false,
      "instances": []
    }
    "#);
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
