//! All mistakes at once: across files, options and variables, across types and the rules between
//! keys, sorted by their place.

use vagrantp::report::json;

use super::project::{Project, rules};

fn project() -> Project {
    let mut project = Project::new(
        "# the application's\nDB='a' b\nINFRA_ID=My_App\nMEMORY=64\nPORTS=8080:80,80:90,x:1,8080:81\n\
         CPUS: 2\nIP_ADDRESS=10.9.0.5\nNETWORK_MODE=bridged\nIMAGE=${NOWHERE}\n",
    );
    project.write(
        "vagrantp.env",
        "INFRA_TYPE=container\nDISK_SIZE=5119M\nMOUNTS=./gone:/a,.:/b,.:/b\nDISK=20\n",
    );
    project.write(
        ".env.local",
        "GATEWAY=10.9.1.1\nDNS=9.9.9.9,dns.example,::1\nSSH_USER=Root\nSSH_USER=me\n\
         PROVISIONING_PLAYBOOK=site.txt\nINFRA_TTL='8h",
    );
    project.set = ["STOP_TIMEOUT=0", "MAC_ADDRESS=zz", "NO=1"].map(str::to_owned).to_vec();
    project.facts.environment.insert("VAGRANTP_PORT_POOL".to_owned(), "9-8".to_owned());
    project
}

#[test]
fn all_mistakes_of_all_sources_come_at_once_and_sorted() {
    let loaded = project().load();
    assert!(loaded.config.is_none());
    assert_eq!(
        rules(&loaded.errors),
        [
            "disk_too_small@vagrantp.env:2:11",
            "mount_missing@vagrantp.env:3:8",
            "mount_twice@vagrantp.env:3:23",
            "bad_infra_id@.env:3:10",
            "memory_too_small@.env:4:8",
            "port_privileged@.env:5:15",
            "not_a_port@.env:5:21",
            "port_twice@.env:5:25",
            "not_an_assignment@.env:6:5",
            "not_one_of@.env:8:14",
            "undefined_name@.env:9:7",
            "gateway_outside@.env.local:1:9",
            "not_an_address@.env.local:2:13",
            "address_is_ipv6@.env.local:2:25",
            "duplicate_key@.env.local:4:1",
            "playbook_suffix@.env.local:5:23",
            "unterminated_quote@.env.local:6:11",
            "port_range_reversed@environment:1:20",
            "set_unknown_key@--set:1:1",
            "timeout_out_of_range@--set:1:14",
            "not_a_mac_address@--set:2:13",
        ]
    );
    assert_eq!(
        rules(&loaded.warnings),
        [
            "unused_key@vagrantp.env:2:11",
            "old_key@vagrantp.env:4:1",
            "skipped_line@.env:2:1",
            "unused_key@--set:2:13",
        ]
    );
}

#[test]
fn the_document_has_them_all_and_repeats_the_first() {
    let loaded = project().load();
    let text = json::text(&json::failure(&loaded.errors, loaded.errors.first()));
    let document: serde_json::Value =
        serde_json::from_str(&text.expect("it has a form")).expect("is JSON");
    let error = &document["error"];
    let errors = error["errors"].as_array().expect("a list");
    assert_eq!(errors.len(), loaded.errors.len());
    for (shown, problem) in errors.iter().zip(&loaded.errors) {
        let place = problem.place.as_ref().expect("all have one here");
        assert_eq!(shown["file"], *place.file);
        assert_eq!((&shown["line"], &shown["column"]), (&place.line.into(), &place.column.into()));
        assert_eq!(shown["code"], "CONFIG_INVALID");
        assert!(shown["help"].as_str().is_some_and(|help| !help.is_empty()), "{shown}");
    }
    for field in ["code", "message", "field", "line"] {
        assert_eq!(error[field], errors[0][field], "{field}");
    }
}

#[test]
fn a_mistake_does_not_bring_others_that_are_none() {
    // With the type, the mode or the provider unreadable nothing is said of what hangs on them.
    for (env, wanted) in [
        ("INFRA_TYPE=pod\nIMAGE=x\nDISK_SIZE=20G\n", "not_one_of@.env:1:12"),
        ("INFRA_TYPE=vm\nPROVIDER=kvm\nIMAGE=https://e.org/x\n", "not_one_of@.env:2:10"),
        ("INFRA_TYPE=container\nNETWORK_MODE=x\nBRIDGE=br0\n", "not_one_of@.env:2:14"),
        ("INFRA_TYPE: container\nIMAGE=x\n", "not_an_assignment@.env:1:11"),
    ] {
        let loaded = Project::new(env).load();
        assert_eq!(rules(&loaded.errors), [wanted], "{env}");
        assert_eq!(rules(&loaded.warnings), Vec::<String>::new(), "{env}");
    }
}
