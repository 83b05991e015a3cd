//! `explain`: keys, codes and rules, with what there is to know of them now.

use insta::assert_snapshot;

use super::{Project, container, project, schema, without_provider};

#[cfg(feature = "podman")]
#[test]
fn a_key_tells_its_value_and_where_it_is_from() {
    let project = container("MEMORY=1G").with("VAGRANTP_CPUS", "3");
    assert_snapshot!(project.ok(&["explain", "memory"]).stdout, @"
    MEMORY: How much memory the machine has at most.
      value     1 GiB
      from      .env:2:8
      expected  a size; a bare number counts MiB; at least 512M
      default   2048M
      example   MEMORY=2G
      used by   podman, libvirt, qemu, virtualbox
      change    it cannot be told now what there is: podman does not answer at
                {root}/no.sock
    ");
    let (_, document) = project.json(&["explain", "VAGRANTP_MEMORY"]);
    schema::check(&document);
    let says = &document["explain"];
    assert_eq!((&says["value"], &says["file"]), (&1024.into(), &".env".into()));
    assert_eq!((&says["line"], &says["column"]), (&2.into(), &8.into()));
    assert_eq!((&says["kind"], &says["default"]), (&"key".into(), &"2048M".into()));
    assert_eq!(
        (&says["change"]["cost"], &says["change"]["state"]),
        (&None::<()>.into(), &"unknown".into())
    );
    let from = |arguments: &[&str]| {
        let stdout = project.ok(arguments).stdout;
        let line = |name: &str| {
            let line = stdout.lines().find(|line| line.trim_start().starts_with(name));
            line.unwrap_or_default().trim().to_owned()
        };
        format!("{}, {}", line("value "), line("from "))
    };
    assert_eq!(
        from(&["explain", "CPUS"]),
        "value     3, from      VAGRANTP_CPUS in the environment"
    );
    assert_eq!(from(&["explain", "CPUS", "--set", "CPUS=4"]), "value     4, from      --set");
    assert_eq!(from(&["explain", "STOP_TIMEOUT"]), "value     30 s, from      the default");
    assert_eq!(from(&["explain", "INFRA_ID"]), "value     project, from      the default");
    assert_eq!(from(&["explain", "PORTS"]), "value     not set, ");
}

#[test]
fn a_value_that_is_wrong_is_explained_all_the_same() {
    let broken = project("INFRA_TYPE=container\nMEMORY=lots\nDB='secret\n");
    let ran = broken.ok(&["explain", "MEMORY"]);
    assert!(ran.stdout.contains("value     not understood"), "{}", ran.stdout);
    assert!(ran.stdout.contains("but       MEMORY must be a size; write"), "{}", ran.stdout);
    assert!(!ran.stdout.contains("secret") && !ran.stderr.contains("secret"));
    let (status, document) = broken.json(&["explain", "MEMORY"]);
    schema::check(&document);
    assert_eq!(status, 0);
    assert_eq!(document["explain"]["errors"][0]["rule"], "vagrantp::config::not_a_size");
    // A prefixed name is the same key.
    let prefixed = project("VAGRANTP_INFRA_TYPE=container\nVAGRANTP_CPUS=0\n");
    let (_, document) = prefixed.json(&["explain", "cpus"]);
    assert_eq!(document["explain"]["errors"][0]["rule"], "vagrantp::config::cpus_too_few");
    let nothing = without_provider(Project::named("empty"));
    let ran = nothing.ok(&["explain", "MEMORY"]);
    assert!(ran.stdout.contains("value     not set: there is no .env here"), "{}", ran.stdout);
}

#[test]
fn secrets_stay_so() {
    let project = container("PROVISIONING_EXTRA_VARS=token=canary");
    for arguments in [
        &["explain", "PROVISIONING_EXTRA_VARS"][..],
        &["--json", "explain", "PROVISIONING_EXTRA_VARS"],
    ] {
        let ran = project.ok(arguments);
        assert!(ran.stdout.contains("***"), "{}", ran.stdout);
        assert!(!ran.stdout.contains("canary") && !ran.stderr.contains("canary"));
    }
}

#[cfg(feature = "podman")]
#[test]
fn a_key_that_is_not_used_says_so() {
    let says = |project: &Project, key: &str| {
        let (_, document) = project.json(&["explain", key]);
        document["explain"]["change"]["says"].as_str().expect("a sentence").to_owned()
    };
    let project = container("");
    assert_eq!(says(&project, "DISK_SIZE"), "nothing: podman has no use for the key");
    assert_eq!(says(&project, "REQUIRE_DISK"), "nothing: this version does not act on the key yet");
    assert!(says(&project, "MEMORY").starts_with("it cannot be told now what there is: podman"));
}

#[test]
fn codes_and_rules_tell_what_to_do() {
    let project = project("");
    assert_snapshot!(project.ok(&["explain", "PORT_CONFLICT"]).stdout, @"
    PORT_CONFLICT: A host port is taken.
      exit status  6
      what to do   Free the port, write another into PORTS, or `auto` to have one
                   picked.
      rules        vagrantp::plan::port_taken
                   vagrantp::plan::port_pool_empty
                   vagrantp::provider::port_conflict
                   vagrantp::plan::ssh_port_taken
    ");
    assert_snapshot!(project.ok(&["explain", "vagrantp::config::memory_too_small"]).stdout, @"
    vagrantp::config::memory_too_small: MEMORY is less than 512 MiB.
      comes as     CONFIG_INVALID (exit status 2)
      what to do   Write 512M or more, or delete the line.
    ");
    let short = project.ok(&["explain", "memory_too_small"]).stdout;
    assert_eq!(short, project.ok(&["explain", "config::memory_too_small"]).stdout);
    for topic in ["port_conflict", "memory_too_small", "unused_key", "name_taken"] {
        let (status, document) = project.json(&["explain", topic]);
        schema::check(&document);
        assert_eq!(status, 0, "{topic}");
    }
    let both = project.ok(&["explain", "name_taken"]).stdout;
    assert!(both.contains("vagrantp::plan::name_taken: "), "{both}");
    assert!(both.contains("vagrantp::provider::name_taken: "), "{both}");
}

#[test]
fn without_a_topic_all_are_listed() {
    let project = without_provider(Project::named("empty"));
    let ran = project.ok(&["explain"]);
    for name in ["MEMORY", "PROVISIONING_EXTRA_VARS", "PORT_CONFLICT", "INTERRUPTED"] {
        assert!(ran.stdout.contains(&format!("\n  {name} ")), "{name}\n{}", ran.stdout);
    }
    assert!(ran.stdout.lines().all(|line| line.chars().count() <= 80), "{}", ran.stdout);
    let (_, document) = project.json(&["explain"]);
    schema::check(&document);
    let count = |name: &str| document["explain"][name].as_array().map_or(0, Vec::len);
    assert_eq!(count("keys"), vagrantp::config::keys::all().count());
    assert_eq!(count("codes"), vagrantp::model::code::Code::ALL.len());
}

#[test]
fn an_unknown_topic_is_a_usage_error_with_the_nearest() {
    let project = project("");
    let ran = project.run(&["explain", "memroy"]);
    assert_eq!((ran.status, &*ran.stdout), (2, ""));
    assert_snapshot!(ran.stderr, @"
    vagrantp::usage::arguments

      × `memroy` is no key, no code and no rule
      help: did you mean `MEMORY`?
    ");
    let (status, document) = project.json(&["explain", "\u{1b}[2J"]);
    schema::check(&document);
    assert_eq!((status, &document["error"]["code"]), (2, &"USAGE".into()));
}

#[cfg(feature = "podman")]
mod with_a_machine {
    use super::super::{container, engined};

    #[test]
    fn a_change_has_its_price() {
        let (project, _engine) = engined(container(""));
        let change = |key: &str| {
            let (_, document) = project.json(&["explain", key]);
            let change = &document["explain"]["change"];
            let says = change["says"].as_str().expect("a sentence");
            format!("{} {}: {says}", change["state"], change["cost"])
        };
        assert_eq!(change("MEMORY"), "\"not_created\" \"none\": nothing: there is no machine yet");
        project.ok(&["up"]);
        let lines: Vec<String> = [
            "MEMORY",
            "IMAGE",
            "IP_ADDRESS",
            "PORTS",
            "SSH_USER",
            "NETWORK_MODE",
            "DNS",
            "INFRA_TYPE",
        ]
        .map(change)
        .to_vec();
        insta::assert_snapshot!(lines.join("\n"), @r#"
        "running" "replace": project is running on podman: it is made again around its files; what runs in it is stopped
        "running" "recreate": project is running on podman: it starts from its image again, and everything written in it since is lost: `up --recreate` agrees to that
        "running" "live_or_replace": project is running on podman: it is changed as it runs where that can be done; where not, it is made again around its files, and what runs in it is stopped
        "running" "replace": project is running on podman: it is made again around its files; what runs in it is stopped; ports that were picked are kept
        "running" "none": project is running on podman: nothing; the new value holds from the next call on
        "running" "replace": project is running on podman: it is made again around its files; what runs in it is stopped
        "running" "replace": project is running on podman: it is made again around its files; what runs in it is stopped
        "running" "none": project is running on podman: nothing; another machine is made beside it
        "#);
        let says = |key: &str| change(key).split_once(": ").expect("a state").1.to_owned();
        assert!(
            change("PROVIDER").starts_with("\"running\" \"refused\""),
            "{}",
            change("PROVIDER")
        );
        assert!(change("BRIDGE").starts_with("\"running\" \"none\""), "{}", change("BRIDGE"));
        assert!(says("BRIDGE").ends_with("nothing: it counts with NETWORK_MODE=bridge alone"));
        assert!(says("GATEWAY").ends_with("nothing: it counts with IP_ADDRESS alone"));
        project.ok(&["stop"]);
        assert_eq!(
            change("MEMORY"),
            "\"stopped\" \"replace\": project is stopped on podman: it is made again around its files"
        );
        project.ok(&["up"]);
        // Also where the file has been broken since.
        project.file(".env", "INFRA_TYPE=container\nMEMORY=lots\n");
        assert!(change("MEMORY").starts_with("\"running\" \"replace\""), "{}", change("MEMORY"));
    }
}
