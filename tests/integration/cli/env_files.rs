//! The files themselves: missing, unreadable, too large, no text.

use std::os::unix::fs::PermissionsExt;

use insta::assert_snapshot;

use super::{Project, mistakes, places, project, refused, without_provider};

#[test]
fn a_missing_env_says_how_to_write_one() {
    let project = without_provider(Project::named("project"));
    assert_snapshot!(refused(&project), @"
    vagrantp::config::no_env_file

      × configuration file .env not found in {root}/project
      help: `vagrantp init` writes one, or create a file `.env` there that says
            which machine the project wants, such as

                INFRA_TYPE=container
                IMAGE=docker.io/library/debian:12
                MOUNTS=.:/work

            or name the project's directory with `-C DIR`
    ");
    let mistake = &mistakes(&project)[0];
    assert_eq!(mistake["code"], "CONFIG_MISSING");
    for verb in ["up", "plan", "render"] {
        let ran = project.run(&[verb]);
        assert_eq!((ran.status, &*ran.stdout), (2, ""), "{verb}");
        assert!(ran.stderr.contains(".env not found in {root}/project"), "{}", ran.stderr);
    }
    // `.env.local` alone is no configuration.
    project.file(".env.local", "INFRA_TYPE=container\n");
    assert!(refused(&project).contains(".env not found"));
}

#[test]
fn a_named_env_file_must_exist() {
    let project = project("INFRA_TYPE=container\n");
    let ran = project.run(&["--env-file", "prod.env", "validate"]);
    assert_eq!((ran.status, &*ran.stdout), (2, ""));
    assert_snapshot!(ran.stderr, @"
    vagrantp::config::env_file_missing

      × configuration file prod.env not found
      help: correct the path after `--env-file`, or leave it out to read the
            project's `.env`
    ");
    project.file("prod.env", "INFRA_TYPE=container\nINFRA_ID=production\n");
    let ran = project.ok(&["--env-file", "prod.env", "validate"]);
    assert_snapshot!(ran.stdout, @"
    The configuration is valid: production is a container on podman.
      INFRA_TYPE               container  (prod.env:1)
      INFRA_ID                 production  (prod.env:2)
    ");
}

#[test]
fn a_directory_that_is_not_there_is_named() {
    let project = project("INFRA_TYPE=container\n");
    for verb in ["validate", "status", "rm", "up"] {
        let ran = project.run(&["-C", "../nowhere", verb]);
        assert_eq!((ran.status, &*ran.stdout), (2, ""), "{verb}");
        assert!(ran.stderr.contains("the directory ../nowhere cannot be used"), "{}", ran.stderr);
    }
    assert_snapshot!(project.run(&["-C", "../nowhere", "validate"]).stderr, @"
    vagrantp::usage::directory

      × the directory ../nowhere cannot be used
      help: give an existing directory with -C, or go to one that you may read
      because: No such file or directory (os error 2)
    ");
    assert_snapshot!(project.run(&["-C", ".env", "validate"]).stderr, @"
    vagrantp::usage::directory

      × the directory .env cannot be used
      help: give an existing directory with -C, or go to one that you may read
      because: not a directory
    ");
}

#[test]
fn an_env_that_cannot_be_read_is_refused() {
    let project = without_provider(Project::named("project"));
    std::fs::create_dir(project.dir().join(".env")).unwrap();
    assert_snapshot!(refused(&project), @"
    vagrantp::config::env_file_is_directory

      × .env is a directory
      help: rename the directory and create a file `.env` in its place; a line in
            it looks like `INFRA_TYPE=container`
    ");
    std::fs::remove_dir(project.dir().join(".env")).unwrap();

    std::os::unix::fs::symlink("gone.env", project.dir().join(".env")).unwrap();
    assert_snapshot!(refused(&project), @"
    vagrantp::config::env_file_missing

      × configuration file .env not found
      help: correct the path after `--env-file`, or leave it out to read the
            project's `.env`
    ");
    std::fs::remove_file(project.dir().join(".env")).unwrap();

    let pipe = project.dir().join(".env");
    rustix::fs::mkfifoat(rustix::fs::CWD, &pipe, rustix::fs::Mode::RUSR).unwrap();
    assert_snapshot!(refused(&project), @"
    vagrantp::config::env_file_not_regular

      × .env is not a regular file
      help: write the keys into a regular file, and name that one
    ");
    std::fs::remove_file(&pipe).unwrap();

    // Root may read everything.
    if !rustix::process::getuid().is_root() {
        let path = project.file(".env", "INFRA_TYPE=container\n");
        std::fs::set_permissions(&path, PermissionsExt::from_mode(0o200)).unwrap();
        let said = refused(&project);
        assert!(said.contains(".env cannot be read"), "{said}");
    }
}

#[test]
fn a_file_that_is_no_text_is_refused() {
    let project = project("");
    project.file(".env", b"INFRA_TYPE=container\nSECRET=canary\xff\xfe\n");
    assert_snapshot!(refused(&project), @"
    vagrantp::config::env_file_not_utf8

      × .env is not UTF-8 text
       ╭─[.env:2:14]
     2 │               
       ·              ┬
       ·              ╰── not UTF-8 from here on
       ╰────
      help: save the file as UTF-8; line 2, column 14 is where it stops being that
    ");
    project.file(".env", b"INFRA_TYPE=container\nSECRET=canary\0more\n");
    assert_snapshot!(refused(&project), @"
    vagrantp::config::env_file_nul

      × .env holds a NUL byte
       ╭─[.env:2:14]
     2 │               
       ·              ┬
       ·              ╰── a NUL byte
       ╰────
      help: a text file has none: is it the right file? Delete the byte at line 2,
            column 14
    ");
    let binary: Vec<u8> = (0..=255).cycle().take(4096).collect();
    project.file(".env", binary);
    assert_snapshot!(refused(&project), @"
    vagrantp::config::env_file_nul

      × .env holds a NUL byte
       ╭─[.env:1:1]
     1 │  
       · ┬
       · ╰── a NUL byte
       ╰────
      help: a text file has none: is it the right file? Delete the byte at line 1,
            column 1
    ");
}

#[test]
fn a_file_over_1_mib_is_refused() {
    let project = project("");
    let line = "# a comment of sixty-four bytes, which the parser would skip ...\n";
    project.file(".env", format!("INFRA_TYPE=container\n{}", line.repeat(2 * 16 * 1024)));
    assert_snapshot!(refused(&project), @"
    vagrantp::config::env_file_too_large

      × .env is larger than 1 MiB
      help: a configuration file holds lines such as `INFRA_TYPE=container`: is it
            the right file?
    ");
    let room = (1 << 20) - "INFRA_TYPE=container\n".len();
    project.file(".env", format!("INFRA_TYPE=container\n{}", "#".repeat(room)));
    project.ok(&["validate"]);
}

#[test]
fn what_editors_of_other_systems_write_is_read() {
    let project = project("");
    project.file(".env", "\u{feff}INFRA_TYPE=container\r\nMEMORY=1G\r\nCPUS='1'\r\n");
    assert_eq!(super::understood(&project, &["MEMORY", "CPUS"]), "MEMORY: 1024\nCPUS: 1");
    // The mark at the beginning is no part of the first line.
    project.file(".env", "\u{feff}INFRA_TYPE=pod\r\n");
    assert_eq!(places(&project), ".env:1:12 INFRA_TYPE: INFRA_TYPE must be one of vm, container");
}
