//! `validate`: every mistake at once, or how the configuration is understood.

use insta::assert_snapshot;

use super::{container, places, project, schema};

#[test]
fn a_valid_file_shows_what_was_understood() {
    let project =
        container("MEMORY = 1g # enough\nPORTS=127.0.0.1:18080:80,auto:443/tcp\nAPP_SECRET=canary");
    let ran = project.ok(&["validate"]);
    assert_eq!(ran.stderr, "");
    assert_snapshot!(ran.stdout, @"
    The configuration is valid: project is a container on podman.
      INFRA_TYPE               container  (.env:1)
      MEMORY                   1 GiB  (.env:2)
      PORTS                    127.0.0.1:18080:80/tcp, 127.0.0.1:auto:443/tcp  (.env:3)
    ");
    let (_, document) = project.json(&["validate"]);
    schema::check(&document);
    assert_eq!(document["valid"], true);
    assert_eq!(document["errors"], serde_json::json!([]));
    assert_snapshot!(format!("{:#}", document["config"]["MEMORY"]), @r#"
    {
      "column": 10,
      "file": ".env",
      "line": 2,
      "source": "file",
      "value": 1024
    }
    "#);
    assert_snapshot!(format!("{:#}", document["config"]["CPUS"]), @r#"
    {
      "column": null,
      "file": null,
      "line": null,
      "source": "default",
      "value": 2
    }
    "#);
    assert!(document["config"].get("APP_SECRET").is_none());
}

#[test]
fn an_invalid_file_lists_every_mistake() {
    let project = project("MEMORY=12\nCPUS=0\nPORTS=80\n");
    assert_snapshot!(places(&project), @"
    .env:1:8 MEMORY: MEMORY must be at least 512 MiB
    .env:2:6 CPUS: CPUS must be at least 1
    .env:3:7 PORTS: PORTS must be a list of `host:guest` ports
    -:-:- INFRA_TYPE: INFRA_TYPE is required
    ");
    let (status, document) = project.json(&["validate"]);
    schema::check(&document);
    assert_eq!((status, &document["valid"]), (2, &false.into()));
}

#[test]
fn the_nearest_layer_wins() {
    let project = container("CPUS=2\nMEMORY=1G").with("VAGRANTP_CPUS", "4").with("CPUS", "7");
    project.file("vagrantp.env", "INFRA_TYPE=container\nCPUS=1\nMEMORY=2G\nSTOP_TIMEOUT=9\n");
    project.file(".env.local", "MEMORY=3G\n");
    let from = |arguments: &[&str], key: &str| {
        let (status, document) = project.json(arguments);
        assert_eq!(status, 0, "{document:#}");
        let setting = &document["config"][key];
        format!("{} {} {}", setting["value"], setting["source"], setting["file"])
    };
    let validate = &["validate"][..];
    assert_eq!(from(validate, "BOOT_TIMEOUT"), "null null null", "no use for it in a container");
    assert_eq!(from(validate, "NETWORK_MODE"), "\"default\" \"default\" null");
    assert_eq!(from(validate, "STOP_TIMEOUT"), "9 \"file\" \"vagrantp.env\"");
    assert_eq!(from(validate, "MEMORY"), "3072 \"file\" \".env.local\"");
    assert_eq!(from(validate, "CPUS"), "4 \"environment\" \"environment\"");
    let set = ["validate", "--set", "CPUS=5", "--set", "CPUS=6"];
    assert_eq!(from(&set, "CPUS"), "6 \"set\" \"--set\"");
    // A named file takes the place of all three.
    assert_eq!(
        from(&["--env-file", "vagrantp.env", "validate"], "MEMORY"),
        "2048 \"file\" \"vagrantp.env\""
    );
    let both = ["--env-file", ".env.local", "--env-file", ".env", "validate"];
    assert_eq!(from(&both, "MEMORY"), "1024 \"file\" \".env\"");
}
