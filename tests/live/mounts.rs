//! Mounts, looked at from inside by root: what is read-only stays so whatever is tried, and odd
//! paths arrive whole.

use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use crate::machine::Machine;

const PLAYBOOK: &str = "- hosts: all\n";

/// What somebody inside tries with a protected file or directory, each as root.
fn attempts(path: &str) -> Vec<String> {
    vec![
        format!("echo evil > {path}"),
        format!("echo evil >> {path}"),
        format!("rm -f {path}"),
        format!("mv {path} {path}.away"),
        format!("echo evil > /work/evil; mv -f /work/evil {path}"),
        format!("echo evil > /work/evil; ln -f /work/evil {path}"),
        format!("ln -sf /work/evil {path}"),
        format!("chmod 0666 {path} && echo evil > {path}"),
        format!("truncate -s 0 {path}"),
        format!("umount {path} && echo evil > {path}"),
        format!("umount -l {path} && echo evil > {path}"),
        format!("mount -o remount,rw {path} && echo evil > {path}"),
        format!("mount -o remount,rw,bind {path} && echo evil > {path}"),
        format!("mount --bind /work/evil {path} && test evil = $(cat {path})"),
        format!("unshare -m sh -c 'umount {path} && echo evil > {path}'"),
        format!("unshare -rm sh -c 'umount {path} && echo evil > {path}'"),
        format!("touch {path}"),
    ]
}

/// What must succeed where everything else must not, so that the means are known to work.
const CONTROL: &str =
    "echo x > /work/a; mv /work/a /work/b; ln -f /work/b /work/c; rm /work/b /work/c";

/// Which of these lines succeed, each run inside by root.
fn succeeded(machine: &Machine, lines: &[String]) -> Vec<String> {
    // Applets that the image has no links for are reached all the same.
    let applets =
        ["mv", "rm", "rmdir", "ln", "chmod", "truncate", "umount", "mount", "unshare", "mknod"];
    let mut script = String::new();
    for name in applets {
        script.push_str(&format!("{name}() {{ /bin/busybox {name} \"$@\"; }}\n"));
    }
    for (number, line) in lines.iter().enumerate() {
        script.push_str(&format!("( {line} ) >/dev/null 2>&1 && echo {number}\n"));
    }
    script.push_str("true\n");
    let said = machine.podman(&["exec", "--user", "0", &machine.name, "sh", "-c", &script]);
    said.lines().map(|number| lines[number.parse::<usize>().expect("a number")].clone()).collect()
}

fn write_project(machine: &Machine) -> (String, String) {
    machine.file("plays/deep/site.yml", PLAYBOOK);
    machine.file("vagrantp.env", "CPUS=1\n");
    let keys = [("MOUNTS", ".:/work"), ("PROVISIONING_PLAYBOOK", "plays/deep/site.yml")];
    machine.env(&keys);
    (machine.text(&keys), PLAYBOOK.to_owned())
}

#[test]
fn what_decides_the_next_up_cannot_be_written_from_inside() {
    let Some(machine) = Machine::new("guarded", &[]) else { return };
    let (env, playbook) = write_project(&machine);
    machine.ok(&["up"]);
    machine.inside("echo mine > /work/mine");
    let kept = [
        (".env", env.as_str()),
        ("vagrantp.env", "CPUS=1\n"),
        ("plays/deep/site.yml", playbook.as_str()),
    ];
    for (name, content) in kept {
        let mut tried = attempts(&format!("/work/{name}"));
        tried.push(CONTROL.to_owned());
        assert_eq!(succeeded(&machine, &tried), [CONTROL], "{name}");
        let read = std::fs::read_to_string(machine.dir().join(name));
        assert_eq!(read.ok().as_deref(), Some(content), "{name}");
    }
    // What holds them cannot be moved away to make room for another.
    let moves = [
        "mv /work/plays /work/elsewhere",
        "mv /work/plays/deep /work/plays/shallow",
        "mv /work /elsewhere",
        "rm -rf /work/plays",
        "rmdir /work/plays/deep",
    ];
    assert_eq!(succeeded(&machine, &moves.map(str::to_owned)), [""; 0]);
    let read = std::fs::read_to_string(machine.dir().join("plays/deep/site.yml"));
    assert_eq!(read.ok().as_deref(), Some(PLAYBOOK));
    // The host's own disk, by its number.
    let disk = rustix::fs::stat(machine.dir()).expect("it is there").st_dev;
    let (major, minor) = (rustix::fs::major(disk), rustix::fs::minor(disk));
    let node = format!("mknod /tmp/disk b {major} {minor} && dd if=/tmp/disk of=/dev/null count=1");
    assert_eq!(succeeded(&machine, &[node]), [""; 0], "the disk can be read");
    assert_eq!(machine.inside("cat /work/mine"), "mine", "all else can be written");
    machine.settled();
    machine.rm();
}

#[test]
fn read_only_is_read_only_all_the_way_down() {
    let Some(machine) = Machine::new("readonly", &[("MOUNTS", ".:/work:ro,./out:/work/out")])
    else {
        return;
    };
    machine.file("src/main.rs", "fn main() {}\n");
    std::fs::create_dir(machine.dir().join("out")).expect("made");
    machine.ok(&["up"]);
    for attempt in ["echo x > /work/new", "echo x > /work/src/main.rs", "rm /work/src/main.rs"] {
        let output = machine.podman_output(&["exec", &machine.name, "sh", "-c", attempt]);
        assert!(!output.status.success(), "{attempt}");
    }
    assert!(!machine.dir().join("new").exists());
    machine.inside("echo made > /work/out/made");
    let made = std::fs::read_to_string(machine.dir().join("out/made")).expect("written inside");
    assert_eq!(made, "made\n", "the nested mount is writable");
    machine.settled();
    machine.rm();
}

#[test]
fn odd_paths_and_single_files_arrive_whole() {
    let mounts =
        "\"./we b, it's \\\"so\\\":/in side/we b,./one file:/etc/one,.:/a/b,./deep:/a/b/deep/er\"";
    let Some(machine) = Machine::new("odd", &[]) else { return };
    // A comma parts two mounts and a colon two paths: these two cannot be in a path of MOUNTS.
    let refused = machine.text(&[("MOUNTS", mounts)]);
    machine.file(".env", refused);
    machine.fails(&["up"], 2, "CONFIG_INVALID");
    let odd = "we b; it's $so (\u{e9})";
    machine.file(&format!("{odd}/note"), "odd");
    machine.file("one file", "one");
    machine.file("deep/note", "deep");
    std::fs::create_dir_all(machine.dir().join("deep/er")).expect("made");
    let value = format!(
        "\"./{}:/in side/{}, ./one file:/etc/one:ro, ./deep:/a/b/deep/er, .:/a/b\"",
        odd.replace('$', "\\$"),
        odd.replace('$', "\\$")
    );
    machine.env(&[("MOUNTS", &value)]);
    machine.ok(&["up"]);
    assert_eq!(
        machine.inside(&format!("cat \"/in side/{}/note\"", odd.replace('$', "\\$"))),
        "odd"
    );
    assert_eq!(machine.inside("cat /etc/one"), "one");
    assert_eq!(machine.inside("cat /a/b/deep/note /a/b/deep/er/note"), "deepdeep");
    let write = machine.podman_output(&["exec", &machine.name, "sh", "-c", "echo x > /etc/one"]);
    assert!(!write.status.success(), "a single file can be read-only too");
    machine.settled();
    machine.rm();
}

/// A project in a directory whose path has what separates mounts.
#[test]
fn the_project_itself_may_lie_anywhere() {
    let Some(machine) = Machine::new("anywhere", &[]) else { return };
    let name = "a, b:c \"d\" 'e'";
    let dir = machine.beside(name, &[("INFRA_ID", &machine.name), ("MOUNTS", ".:/work")]);
    let at = |arguments: &[&str]| {
        let dir = dir.display().to_string();
        let all: Vec<&str> = ["-C", &dir].into_iter().chain(arguments.iter().copied()).collect();
        machine.ok(&all)
    };
    std::fs::write(dir.join("note"), "there").expect("written");
    at(&["up"]);
    assert_eq!(machine.inside("cat /work/note"), "there");
    let protected =
        machine.podman_output(&["exec", &machine.name, "sh", "-c", "echo x > /work/.env"]);
    assert!(!protected.status.success());
    at(&["plan", "--exit-code"]);
    at(&["rm", "-y"]);
    assert!(is_dir(&dir));
}

/// What `sed -i` and many editors do: a new file in the old one's place.
fn replace_by_rename(machine: &Machine, content: &str) {
    machine.file(".env.new", content);
    let dir = machine.dir();
    std::fs::rename(dir.join(".env.new"), dir.join(".env")).expect("renamed");
}

#[test]
fn what_was_written_inside_after_an_edit_by_rename_is_asked_for() {
    let Some(machine) = Machine::new("unguarded", &[("MOUNTS", ".:/work")]) else { return };
    let unguarded = |machine: &Machine| {
        let (exit, document) = machine.json(&["status"]);
        assert_eq!(exit, 0, "{document}");
        document["infrastructure"]["unguarded"].clone()
    };
    let env = machine.dir().canonicalize().expect("a path").join(".env");
    let lost = serde_json::json!(["{root}/project/.env"]);
    machine.ok(&["up"]);
    assert_eq!(unguarded(&machine), serde_json::json!([]));
    // An edit in place keeps the mount, and costs no question.
    machine.env(&[("MOUNTS", ".:/work"), ("AUTOSTART", "false")]);
    assert_eq!(unguarded(&machine), serde_json::json!([]));

    let edited = machine.text(&[("MOUNTS", ".:/work")]);
    replace_by_rename(&machine, &edited);
    assert_eq!(unguarded(&machine), lost);
    for verb in ["status", "plan", "up"] {
        let ran = machine.ok(&[verb]);
        let warned = ran.stderr.contains("open to what runs inside");
        assert!(warned, "{verb}: {} {}", ran.stdout, ran.stderr);
    }

    let stolen = machine.root().join("stolen");
    std::fs::create_dir(&stolen).expect("made");
    let mounts = format!(".:/work,{}:/steal", stolen.display());
    machine.inside(&format!("sed -i 's|^MOUNTS=.*|MOUNTS={mounts}|' /work/.env"));
    let written = std::fs::read_to_string(&env).expect("read");
    assert!(written.contains(":/steal"), "it is open indeed: {written}");
    let before = machine.id();
    let document = machine.fails(&["up"], 3, "RESTART_REQUIRED");
    assert!(document["error"]["message"].as_str().is_some_and(|text| text.contains(".env")));
    assert!(document["plan"].as_array().is_some_and(|plan| !plan.is_empty()), "{document:#}");
    assert_eq!(machine.id(), before, "nothing was done");
    assert_eq!(
        machine.podman_output(&["exec", &machine.name, "ls", "/steal"]).status.code(),
        Some(1)
    );

    // A person's own content, and the protection again.
    machine.file(".env", &edited);
    machine.ok(&["restart"]);
    assert_eq!(unguarded(&machine), serde_json::json!([]));
    let write = machine.podman_output(&["exec", &machine.name, "sh", "-c", "echo x >> /work/.env"]);
    assert!(!write.status.success(), "it can be written");
    machine.settled();

    // Who agrees gets what the file says, with its protection.
    replace_by_rename(&machine, &machine.text(&[("MOUNTS", &mounts)]));
    assert_eq!(unguarded(&machine), lost);
    machine.ok(&["up", "-y"]);
    assert_eq!(machine.inside("ls -d /steal"), "/steal");
    assert_eq!(unguarded(&machine), serde_json::json!([]));
    machine.settled();
    machine.rm();
}

fn is_dir(path: &Path) -> bool {
    std::fs::metadata(path).is_ok_and(|facts| facts.is_dir() && facts.permissions().mode() > 0)
}
