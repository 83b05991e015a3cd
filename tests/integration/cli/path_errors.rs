//! Mistakes in the files and directories that keys name.

use std::os::unix::fs::PermissionsExt;

use insta::assert_snapshot;

use super::{container, refused, vm};

#[test]
fn a_mount_must_exist() {
    assert_snapshot!(refused(&container("MOUNTS=./src:/src,.:/work")), @"
    vagrantp::config::mount_missing

      × MOUNTS names a directory that does not exist
       ╭─[.env:2:8]
     2 │ MOUNTS=./src:/src,.:/work
       ·        ──┬──
       ·          ╰── does not exist
       ╰────
      help: create it with `mkdir -p '{root}/project/src'`, or correct the
            path
    ");
    let project = container("MOUNTS=.:/work,./src:/work");
    std::fs::create_dir(project.dir().join("src")).unwrap();
    assert_snapshot!(refused(&project), @"
    vagrantp::config::mount_twice

      × MOUNTS mounts two directories onto one
       ╭─[.env:2:8]
     2 │ MOUNTS=.:/work,./src:/work
       ·        ───┬─── ─────┬─────
       ·           │         ╰── the same path inside
       ·           ╰── here first
       ╰────
      help: give one of them another path inside
    ");
}

#[test]
fn a_playbook_must_exist_and_be_yaml() {
    assert_snapshot!(refused(&container("PROVISIONING_PLAYBOOK=site.yml")), @"
    vagrantp::config::file_missing

      × PROVISIONING_PLAYBOOK names a file that does not exist
       ╭─[.env:2:23]
     2 │ PROVISIONING_PLAYBOOK=site.yml
       ·                       ────┬───
       ·                           ╰── no such file
       ╰────
      help: create it, or correct the path; it is looked for at
            `{root}/project/site.yml`
    ");
    let project = container("PROVISIONING_PLAYBOOK=site.txt,broken.yml,vagrantp:Dev_Tools,ok.yaml");
    project.file("site.txt", "- hosts: all\n");
    project.file("broken.yml", "- hosts: all\n  tasks: [\n");
    project.file("ok.yaml", "- hosts: all\n");
    assert_snapshot!(refused(&project), @"
    vagrantp::config::playbook_suffix

      × PROVISIONING_PLAYBOOK names a file with a suffix that playbooks don't have
       ╭─[.env:2:23]
     2 │ PROVISIONING_PLAYBOOK=site.txt,broken.yml,vagrantp:Dev_Tools,ok.yaml
       ·                       ────┬───
       ·                           ╰── expected `.yml` or `.yaml`
       ╰────
      help: name a playbook that ends in `.yml` or `.yaml`

    vagrantp::config::bad_yaml

      × PROVISIONING_PLAYBOOK names a file that is not valid YAML
       ╭─[.env:2:32]
     2 │ PROVISIONING_PLAYBOOK=site.txt,broken.yml,vagrantp:Dev_Tools,ok.yaml
       ·                                ─────┬────
       ·                                     ╰── does not parse
       ╰────
      help: correct line 2, column 10 of `{root}/project/broken.yml`: a
            bracket or a brace is not closed

    vagrantp::config::bad_playbook_name

      × PROVISIONING_PLAYBOOK names a playbook that cannot be
       ╭─[.env:2:52]
     2 │ PROVISIONING_PLAYBOOK=site.txt,broken.yml,vagrantp:Dev_Tools,ok.yaml
       ·                                                    ────┬────
       ·                                                        ╰── expected a playbook's name
       ╰────
      help: after `vagrantp:` comes a name of lower-case letters, digits and
            hyphens
    ");
}

#[test]
fn a_variables_file_must_exist() {
    assert_snapshot!(refused(&container("PROVISIONING_VARS=vars.yml")), @"
    vagrantp::config::file_missing

      × PROVISIONING_VARS names a file that does not exist
       ╭─[.env:2:19]
     2 │ PROVISIONING_VARS=vars.yml
       ·                   ────┬───
       ·                       ╰── no such file
       ╰────
      help: create it, or correct the path; it is looked for at
            `{root}/project/vars.yml`
    ");
    let project = container("PROVISIONING_VARS=vars.yml\nPROVISIONING_EXTRA_VARS=release");
    project.file("vars.yml", "a: 1\n");
    assert_snapshot!(refused(&project), @r#"
    vagrantp::config::bad_extra_vars

      × PROVISIONING_EXTRA_VARS must be variables
       ╭─[.env:3:25]
     3 │ PROVISIONING_EXTRA_VARS=*******
       ·                         ───┬───
       ·                            ╰── expected `name=value`
       ╰────
      help: write `name=value` pairs with commas between, or a JSON object:
            '{"name": "value"}'
    "#);
}

#[test]
fn an_ssh_key_must_exist_and_be_private() {
    assert_snapshot!(refused(&vm("SSH_KEY=id_test")), @"
    vagrantp::config::file_missing

      × SSH_KEY names a file that does not exist
       ╭─[.env:4:9]
     4 │ SSH_KEY=id_test
       ·         ───┬───
       ·            ╰── no such file
       ╰────
      help: create it, or correct the path; it is looked for at
            `{root}/project/id_test`
    ");
    let project = vm("SSH_KEY=id_test");
    let key = project.file("id_test", "-----BEGIN OPENSSH PRIVATE KEY-----\ncanary\n");
    std::fs::set_permissions(&key, PermissionsExt::from_mode(0o644)).unwrap();
    assert_snapshot!(refused(&project), @"
    vagrantp::config::key_readable

      × SSH_KEY names a private key that others may read
       ╭─[.env:4:9]
     4 │ SSH_KEY=id_test
       ·         ───┬───
       ·            ╰── its mode is 644
       ╰────
      help: run `chmod 600 '{root}/project/id_test'`
    ");
    std::fs::set_permissions(&key, PermissionsExt::from_mode(0o600)).unwrap();
    // Nothing is wrong with the file any more; there is no provider of vms yet.
    assert_eq!(project.run(&["validate"]).status, 5);
    project.file("id_test", "ssh-ed25519 AAAA\n");
    assert_snapshot!(refused(&project), @"
    vagrantp::config::file_of_wrong_kind

      × SSH_KEY names a file that is not a private key
       ╭─[.env:4:9]
     4 │ SSH_KEY=id_test
       ·         ───┬───
       ·            ╰── not a private key
       ╰────
      help: name the private one of the pair: it has no `.pub` at its end
    ");
}
