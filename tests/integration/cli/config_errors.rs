//! Wrong values, and keys that do not go together: what the user gets to see, in full.

use std::os::unix::fs::PermissionsExt;

use insta::assert_snapshot;

use super::{
    Project, container, places, project, refused, understood, vm, warned, without_help,
    without_provider,
};

#[test]
fn a_missing_infra_type_is_asked_for() {
    assert_snapshot!(refused(&project("MEMORY=1024\n")), @"
    vagrantp::config::infra_type_missing

      × INFRA_TYPE is required
      help: add the line `INFRA_TYPE=container`, or `INFRA_TYPE=vm` for a virtual
            machine
    ");
    // An empty value is the same as none.
    assert_eq!(places(&project("INFRA_TYPE=\n")), "-:-:- INFRA_TYPE: INFRA_TYPE is required");
}

#[test]
fn a_wrong_value_is_refused_with_its_field() {
    let wrong = project(
        "INFRA_TYPE=pod\n\
         INFRA_ID=My_App\n\
         MEMORY=2.5G\n\
         CPUS=two\n\
         DISK_SIZE=20 GB\n\
         NETWORK_MODE=host\n\
         IP_ADDRESS=192.168.300.1\n\
         PORTS=8080:80,99999:1,8081\n\
         PORT_POOL=9000-8000\n\
         COMMAND='sleep\n\
         STOP_TIMEOUT=1m\n\
         AUTOSTART=maybe\n\
         INFRA_TTL=8 hours\n\
         SSH_USER='Robert\"; DROP'\n\
         SSH_AUTHORIZED_KEYS='ssh-dss AAAA'\n",
    );
    assert_snapshot!(places(&wrong), @"
    .env:1:12 INFRA_TYPE: INFRA_TYPE must be one of vm, container
    .env:2:10 INFRA_ID: INFRA_ID must be a hostname label
    .env:3:8 MEMORY: MEMORY must be a size
    .env:4:6 CPUS: CPUS must be a whole number
    .env:6:14 NETWORK_MODE: NETWORK_MODE must be one of default, nat, bridge
    .env:7:12 IP_ADDRESS: IP_ADDRESS must be an IPv4 address
    .env:8:15 PORTS: PORTS has a port out of range
    .env:8:23 PORTS: PORTS must be a list of `host:guest` ports
    .env:9:11 PORT_POOL: PORT_POOL ends before it starts
    .env:10:9 -: a quote takes in the lines after it
    .env:11:14 STOP_TIMEOUT: STOP_TIMEOUT must be a whole number
    .env:12:11 AUTOSTART: AUTOSTART must be one of true, false, yes, no, on, off, 1, 0
    .env:13:11 INFRA_TTL: INFRA_TTL must be a span of time
    .env:14:11 SSH_USER: SSH_USER must be a user's name
    .env:15:22 SSH_AUTHORIZED_KEYS: SSH_AUTHORIZED_KEYS has a line that is not a public key
    ");
    assert_snapshot!(refused(&project("INFRA_TYPE=pod\n")), @"
    vagrantp::config::not_one_of

      × INFRA_TYPE must be one of vm, container
       ╭─[.env:1:12]
     1 │ INFRA_TYPE=pod
       ·            ─┬─
       ·             ╰── expected vm, container
       ╰────
      help: write one of vm, container
    ");
    assert_snapshot!(refused(&container("INFRA_ID=My_App")), @"
    vagrantp::config::bad_infra_id

      × INFRA_ID must be a hostname label
       ╭─[.env:2:10]
     2 │ INFRA_ID=My_App
       ·          ───┬──
       ·             ╰── not a hostname label
       ╰────
      help: write `my-app`: 1 to 63 lower-case letters, digits and hyphens, no
            hyphen first or last
    ");
    assert_snapshot!(refused(&container("PORTS=8080:80,99999:1")), @"
    vagrantp::config::port_out_of_range

      × PORTS has a port out of range
       ╭─[.env:2:15]
     2 │ PORTS=8080:80,99999:1
       ·               ──┬──
       ·                 ╰── expected 1 to 65535
       ╰────
      help: ports go from 1 to 65535; for a free port of the host, write `auto`
    ");
    assert_snapshot!(refused(&container("IP_ADDRESS=192.168.300.1")), @"
    vagrantp::config::not_an_address

      × IP_ADDRESS must be an IPv4 address
       ╭─[.env:2:12]
     2 │ IP_ADDRESS=192.168.300.1
       ·            ──────┬──────
       ·                  ╰── expected an IPv4 address
       ╰────
      help: write four numbers from 0 to 255 without leading zeros, such as
            `192.168.77.10`
    ");
}

#[test]
fn sizes_and_counts_have_their_least() {
    assert_snapshot!(refused(&container("MEMORY=511")), @"
    vagrantp::config::memory_too_small

      × MEMORY must be at least 512 MiB
       ╭─[.env:2:8]
     2 │ MEMORY=511
       ·        ─┬─
       ·         ╰── this is 511 MiB
       ╰────
      help: set MEMORY=512 or more, or delete the line to use the default (2048)
    ");
    assert_snapshot!(refused(&container("CPUS=0")), @"
    vagrantp::config::cpus_too_few

      × CPUS must be at least 1
       ╭─[.env:2:6]
     2 │ CPUS=0
       ·      ┬
       ·      ╰── this is 0
       ╰────
      help: set CPUS=1 or more, or delete the line to use the default (2)
    ");
    assert_snapshot!(refused(&vm("DISK_SIZE=4G")), @"
    vagrantp::config::unusual_size

      ⚠ DISK_SIZE is less than a vm usually has
       ╭─[.env:4:11]
     4 │ DISK_SIZE=4G
       ·           ─┬
       ·            ╰── usual are 20G to 500G
       ╰────
      help: if it is meant, nothing is wrong; usual are 20G to 500G

    vagrantp::config::disk_too_small

      × DISK_SIZE must be at least 5 GiB
       ╭─[.env:4:11]
     4 │ DISK_SIZE=4G
       ·           ─┬
       ·            ╰── this is 4 GiB
       ╰────
      help: set DISK_SIZE=5G or more, or delete the line to use the default (20G)
    ");
    assert_snapshot!(places(&container("STOP_TIMEOUT=0\nBOOT_TIMEOUT=3601")), @"
    .env:2:14 STOP_TIMEOUT: STOP_TIMEOUT must be from 1 to 3600 seconds
    .env:3:14 BOOT_TIMEOUT: BOOT_TIMEOUT must be from 1 to 3600 seconds
    ");
    let least = container("MEMORY=512\nCPUS=1\nDISK_SIZE=5gib\nSTOP_TIMEOUT=3600");
    assert_snapshot!(understood(&least, &["MEMORY", "CPUS", "DISK_SIZE", "STOP_TIMEOUT"]), @"
    MEMORY: 512
    CPUS: 1
    DISK_SIZE: 5120
    STOP_TIMEOUT: 3600
    ");
    let defaults = understood(&container(""), &["MEMORY", "CPUS", "STOP_TIMEOUT"]);
    assert_snapshot!(defaults, @"
    MEMORY: 2048
    CPUS: 2
    STOP_TIMEOUT: 30
    ");
}

#[test]
fn a_provider_of_the_other_type_is_refused() {
    assert_snapshot!(refused(&container("PROVIDER=qemu")), @"
    vagrantp::config::provider_of_other_type

      × PROVIDER qemu runs no container
       ╭─[.env:2:10]
     2 │ PROVIDER=qemu
       ·          ──┬─
       ·            ╰── makes a vm
       ╰────
      help: write one of podman, or set INFRA_TYPE=vm
    ");
    assert_snapshot!(places(&project("INFRA_TYPE=vm\nPROVIDER=podman\nIMAGE=./x\n")), @"
    .env:2:10 PROVIDER: PROVIDER podman runs no vm
    .env:3:7 IMAGE: IMAGE names a file that does not exist
    ");
}

#[test]
fn a_vm_without_a_provider_is_told_which_there_are() {
    let bin = Project::named("bin");
    let program = bin.file("VBoxManage", "#!/bin/sh\n");
    std::fs::set_permissions(&program, PermissionsExt::from_mode(0o755)).unwrap();
    let project = project("INFRA_TYPE=vm\nBOX=debian/bookworm64\n")
        .with("PATH", &bin.dir().display().to_string());
    let said = refused(&project);
    assert_snapshot!(without_help(&said), @"
    vagrantp::config::provider_missing

      × PROVIDER is required for a vm
       ╭─[.env:1:12]
     1 │ INFRA_TYPE=vm
       ·            ─┬
       ·             ╰── more than one provider can make a vm
       ╰────
    ");
    assert!(said.contains("found on this host: ") && said.contains("virtualbox"), "{said}");
}

#[test]
fn a_directory_name_without_a_letter_asks_for_infra_id() {
    let project = without_provider(Project::named("___"));
    project.file(".env", "INFRA_TYPE=container\n");
    assert_snapshot!(refused(&project), @"
    vagrantp::config::no_infra_id

      × no INFRA_ID can be made from the directory's name
      help: add the line `INFRA_ID=my-machine`, or rename the directory
    ");
    project.file(".env", "INFRA_TYPE=container\nINFRA_ID=web\n");
    project.ok(&["validate"]);
}

#[test]
fn a_directory_whose_path_is_no_text_is_refused_by_every_verb() {
    use std::ffi::{OsStr, OsString};
    use std::os::unix::ffi::OsStrExt;

    let project = without_provider(Project::new(""));
    let dir = project.root().join(OsStr::from_bytes(b"n\xff"));
    std::fs::create_dir(&dir).expect("a directory");
    std::fs::write(dir.join(".env"), "INFRA_TYPE=container\nINFRA_ID=web\n").expect("a file");
    for verb in ["up", "plan", "status", "stop", "rm", "logs", "restart", "validate", "render"] {
        let call = [OsString::from("-C"), dir.clone().into(), "--json".into(), verb.into()];
        let ran = project.ran(project.command(&call).output().expect("it can be run"));
        let document = ran.document();
        assert_eq!(ran.status, 2, "{verb}: {document:#}");
        let said = document.to_string();
        assert!(said.contains("usage::directory_not_text"), "{verb}: {document:#}");
        assert!(!ran.stderr.contains("panicked"), "{verb}: {}", ran.stderr);
    }
}

#[test]
fn a_key_without_use_warns_with_its_line() {
    assert_snapshot!(warned(&container("DISK_SIZE=20G")), @"
    vagrantp::config::unused_key

      ⚠ DISK_SIZE is not used with podman
       ╭─[.env:2:11]
     2 │ DISK_SIZE=20G
       ·           ─┬─
       ·            ╰── has no effect
       ╰────
      help: delete the line; nothing changes by it
    ");
    assert_snapshot!(warned(&container("MEMROY=1G\nFIXED_IP=10.0.0.2")), @"
    vagrantp::config::lookalike_key

      ⚠ `MEMROY` is not a key of vagrantp
       ╭─[.env:2:1]
     2 │ MEMROY   
       · ───┬──
       ·    ╰── one letter off `MEMORY`
       ╰────
      help: did you mean `MEMORY`? If the name is the application's own, nothing
            is wrong

    vagrantp::config::old_key

      ⚠ `FIXED_IP` is an older name that is no longer read
       ╭─[.env:3:1]
     3 │ FIXED_IP         
       · ────┬───
       ·     ╰── not read
       ╰────
      help: write `IP_ADDRESS` instead: an address such as `192.168.77.10`
    ");
}

#[test]
fn all_mistakes_come_at_once_with_their_lines() {
    let project = project("INFRA_TYPE=container\n");
    project.file("vagrantp.env", "INFRA_TYPE=container\nCPUS=none\nMEMORY=lots\n");
    project.file(".env", "PORTS=80\nDATABASE_URL=postgres://app:canary@db/app\nMEMORY=100\n");
    project.file(".env.local", "\nSTOP_TIMEOUT=soon\n");
    // MEMORY of the first file is not what counts: its mistake is a warning.
    assert_snapshot!(refused(&project), @"
    vagrantp::config::overridden_mistake

      ⚠ MEMORY is wrong here as well, and overridden in .env
       ╭─[vagrantp.env:3:8]
     3 │ MEMORY=lots
       ·        ──┬─
       ·          ╰── not accepted
       ╰────
      help: correct or delete the line: where .env does not set MEMORY, it fails;
            expected is a size; a bare number counts MiB; at least 512M

    vagrantp::config::not_a_number

      × CPUS must be a whole number
       ╭─[vagrantp.env:2:6]
     2 │ CPUS=none
       ·      ──┬─
       ·        ╰── expected digits
       ╰────
      help: write digits alone, such as `2`

    vagrantp::config::not_a_port_rule

      × PORTS must be a list of `host:guest` ports
       ╭─[.env:1:7]
     1 │ PORTS=80
       ·       ─┬
       ·        ╰── expected `host:guest`
       ╰────
      help: write `8080:80`, or `auto:80` for a free port of the host; an address
            in front (`0.0.0.0:8080:80`, `[::1]:8080:80`) says who may connect,
            `/udp` at the end the protocol

    vagrantp::config::memory_too_small

      × MEMORY must be at least 512 MiB
       ╭─[.env:3:8]
     3 │ MEMORY=100
       ·        ─┬─
       ·         ╰── this is 100 MiB
       ╰────
      help: set MEMORY=512 or more, or delete the line to use the default (2048)

    vagrantp::config::not_a_number

      × STOP_TIMEOUT must be a whole number
       ╭─[.env.local:2:14]
     2 │ STOP_TIMEOUT=soon
       ·              ──┬─
       ·                ╰── expected digits
       ╰────
      help: write digits alone, such as `2`
    ");
    assert_snapshot!(places(&project), @"
    vagrantp.env:2:6 CPUS: CPUS must be a whole number
    .env:1:7 PORTS: PORTS must be a list of `host:guest` ports
    .env:3:8 MEMORY: MEMORY must be at least 512 MiB
    .env.local:2:14 STOP_TIMEOUT: STOP_TIMEOUT must be a whole number
    ");
}

#[test]
fn no_invalid_file_reaches_a_provider() {
    let project = Project::new("INFRA_TYPE=container\nMEMORY=none\n");
    let path = project.root().join("podman.sock");
    let socket = std::os::unix::net::UnixListener::bind(&path).unwrap();
    socket.set_nonblocking(true).unwrap();
    let project = project.with("CONTAINER_HOST", &format!("unix://{}", path.display()));
    for verb in [&["up"][..], &["up", "--dry-run"], &["plan"], &["render"], &["validate"]] {
        let ran = project.run(verb);
        assert_eq!((ran.status, &*ran.stdout), (2, ""), "{verb:?}: {}", ran.stderr);
        assert!(ran.stderr.contains("MEMORY must be a size"), "{verb:?}: {}", ran.stderr);
        let nobody = socket.accept().map(|_| ()).map_err(|error| error.kind());
        assert_eq!(nobody, Err(std::io::ErrorKind::WouldBlock), "{verb:?} asked the provider");
    }
    assert!(!project.state().exists(), "a failed call wrote something");
}
