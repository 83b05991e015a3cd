//! Images: from registries, from tarballs, from Containerfiles; and why they cannot be had.

use std::path::Path;

use serde_json::Value;

use crate::machine::{Machine, actions, text, until};
use crate::podman_host::free_port;
use crate::registry::{Door, PASSWORD, Registry, USER, engine_of_its_own};

/// A call that must fail for want of the image; the rule that it names, and what helps.
fn refused(machine: &Machine, image: &str) -> (String, String) {
    machine.env(&[("IMAGE", image)]);
    let document = machine.fails(&["up", "--no-start"], 1, "IMAGE_UNAVAILABLE");
    let error = &document["error"];
    assert_eq!((error["field"].as_str(), error["line"].as_u64()), (Some("IMAGE"), Some(3)));
    assert_eq!(machine.objects(), [""; 0], "nothing half-made stays");
    let rule = text(&error["errors"][0]["rule"]);
    let says = format!("{} · {}", text(&error["message"]), text(&error["suggestion"]));
    (rule.strip_prefix("vagrantp::image::").unwrap_or(&rule).to_owned(), says)
}

#[test]
fn a_registry_gives_an_image_or_says_why_not() {
    let root = tempfile::tempdir().expect("a directory");
    let Some(open) = Registry::new(root.path(), Door::Open) else { return };
    let Some(closed) = Registry::new(root.path(), Door::Login) else { return };
    let machine =
        Machine::made("registry", &[], |project| engine_of_its_own(project, &[&open, &closed]));
    let Some(machine) = machine else { return };
    let (here, there) = (open.host(), closed.host());
    machine.podman(&["import", "rootfs.tar", "localhost/base:1"]);
    let creds = format!("{USER}:{PASSWORD}");
    for push in [
        vec!["push", "localhost/base:1", &format!("{here}/team/web:bookworm")],
        vec!["push", "--creds", &creds, "localhost/base:1", &format!("{there}/team/web:1")],
    ] {
        machine.podman(&push);
    }
    machine.podman(&["import", "--arch", "s390x", "rootfs.tar", "localhost/base:odd"]);
    machine.podman(&["push", "localhost/base:odd", &format!("{here}/team/odd:1")]);
    machine.podman(&["rmi", "localhost/base:1", "localhost/base:odd"]);

    let says = |image: &str, rule: &str, words: &str| {
        let (found, says) = refused(&machine, image);
        assert_eq!(found, rule, "{image}: {says}");
        assert!(says.contains(words), "{image}: {says}");
    };
    says(&format!("{here}/team/web:bookwrm"), "no_such_tag", "it has: bookworm");
    says(&format!("{here}/team/wbe:1"), "no_such_image", "does not know team/wbe");
    says(&format!("{here}/team/odd:1"), "wrong_architecture", "built for s390x");
    let dead = format!("127.0.0.1:{}", free_port());
    says(&format!("{dead}/a:1"), "registry_unreachable", &dead);
    let untrusted = here.replace("127.0.0.1", "localhost");
    says(&format!("{untrusted}/team/web:1"), "registry_insecure", "plain HTTP");
    let login = format!("podman login {there}");
    says(&format!("{there}/team/web:1"), "not_allowed", &login);
    assert_eq!(machine.podman(&["images", "--all", "--quiet"]), "", "none of them stays");

    // Where `podman login` writes it, once wrongly.
    let auth = machine.root().join("run/containers/auth.json");
    std::fs::create_dir_all(auth.parent().expect("a parent")).expect("made");
    let log_in = |password: &str| {
        use base64::Engine;
        let pair = format!("{USER}:{password}");
        let pair = base64::engine::general_purpose::STANDARD.encode(pair);
        let file = serde_json::json!({ "auths": { &there: { "auth": pair } } });
        std::fs::write(&auth, file.to_string()).expect("written");
    };
    log_in("guessed");
    says(&format!("{there}/team/web:1"), "not_allowed", &login);
    log_in(PASSWORD);
    for image in [format!("{here}/team/web:bookworm"), format!("{there}/team/web:1")] {
        machine.env(&[("IMAGE", &image)]);
        let ran = machine.run(&["up", "--no-start", "--json", "-v"]);
        assert_eq!(ran.status, 0, "{} {}", ran.stdout, ran.stderr);
        let events = ran.stderr.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
        assert!(events.into_iter().any(|event| event["event"] == "progress"), "{}", ran.stderr);
        assert!(!format!("{}{}", ran.stdout, ran.stderr).contains(PASSWORD));
        assert_eq!(machine.inspect("{{.ImageName}}"), image);
        machine.ok(&["rm", "-y"]);
    }
    let kept = machine.kept_in();
    let secret = |dir: &Path| {
        crate::machine::files_below(dir)
            .iter()
            .any(|file| std::fs::read_to_string(dir.join(file)).is_ok_and(|t| t.contains(PASSWORD)))
    };
    assert!(!secret(&kept), "the password is in none of vagrantp's files");
}

#[test]
fn an_image_in_a_tarball_is_imported_once_and_takes_nobodys_name() {
    let machine = Machine::made("archive", &[], |project| engine_of_its_own(project, &[]));
    let Some(machine) = machine else { return };
    machine.podman(&["import", "--change", "ENV FROM=archive", "rootfs.tar", "localhost/mine:1"]);
    for (format, file) in [("oci-archive", "oci.tar"), ("docker-archive", "docker.tar")] {
        machine.podman(&["save", "--format", format, "--output", file, "localhost/mine:1"]);
    }
    // Somebody's image has that name by now.
    machine.podman(&["import", "--change", "ENV FROM=another", "rootfs.tar", "localhost/mine:1"]);
    let mine = machine.podman(&["inspect", "--format", "{{.Id}}", "localhost/mine:1"]);
    let docker = std::fs::read(machine.dir().join("docker.tar")).expect("saved");
    machine.file("docker.tar.gz", gzip(&docker));
    for file in ["oci.tar", "docker.tar", "docker.tar.gz"] {
        machine.env(&[("IMAGE", &format!("./{file}"))]);
        let (exit, document) = machine.json(&["up", "--no-start"]);
        assert_eq!((exit, actions(&document)[0].as_str()), (0, "fetch_image"), "{document:#}");
        assert!(machine.inspect("{{.Config.Env}}").contains("FROM=archive"), "{file}");
        machine.rm();
        machine.file(&format!("copy-{file}"), std::fs::read(machine.dir().join(file)).expect("it"));
        machine.env(&[("IMAGE", &format!("./copy-{file}"))]);
        machine.ok(&["up", "--no-start"]);
        machine.rm();
    }
    let id = machine.podman(&["inspect", "--format", "{{.Id}}", "localhost/mine:1"]);
    assert_eq!(id, mine, "the user's name is where it was");
    let ids = machine.podman(&["images", "--all", "--quiet", "--no-trunc"]);
    let ids: std::collections::BTreeSet<&str> = ids.lines().collect();
    assert!(ids.len() <= 3, "equal images are one: {ids:?}");
}

#[test]
fn a_tarball_that_is_none_says_so() {
    let machine = Machine::made("tarball", &[], |project| engine_of_its_own(project, &[]));
    let Some(machine) = machine else { return };
    let rootfs = std::fs::read(machine.dir().join("rootfs.tar")).expect("it is there");
    let packed = gzip(&rootfs);
    machine.podman(&["import", "rootfs.tar", "localhost/mine:1"]);
    machine.podman(&["save", "--format", "oci-archive", "--output", "oci.tar", "localhost/mine:1"]);
    let oci = std::fs::read(machine.dir().join("oci.tar")).expect("saved");
    let mut mangled = packed.clone();
    let middle = mangled.len() / 2;
    mangled[middle..middle + 4000].fill(0x55);
    for (file, content, words) in [
        ("cut.tar", &rootfs[..rootfs.len() / 2], "cut short"),
        ("cut.tar.gz", &packed[..packed.len() / 2], "cut short"),
        ("mangled.tar.gz", &mangled[..], "damaged"),
        ("cut-oci.tar", &oci[..oci.len() / 2], "cut short"),
    ] {
        machine.file(file, content);
        let (rule, says) = refused(&machine, &format!("./{file}"));
        assert_eq!(rule, "bad_file", "{file}: {says}");
        assert!(says.contains(words) && says.contains(file), "{file}: {says}");
    }
    for file in ["rootfs.tar.gz", "rootfs.tar"] {
        machine.file("rootfs.tar.gz", &packed);
        machine.env(&[("IMAGE", &format!("./{file}"))]);
        machine.ok(&["up", "--no-start"]);
        machine.rm();
    }
}

fn gzip(content: &[u8]) -> Vec<u8> {
    use std::io::Write;
    let mut packer = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    packer.write_all(content).expect("a vector takes it");
    packer.finish().expect("a vector takes it")
}

/// What a build leaves in the engine's cache, by the label that its first step gives.
fn cached(machine: &Machine) -> Vec<String> {
    let label = format!("label=test={}", machine.name);
    let said = machine.podman(&["images", "--all", "--quiet", "--no-trunc", "--filter", &label]);
    said.lines().map(str::to_owned).collect()
}

/// Removes it, the newest first.
struct Cache<'a>(&'a Machine);

impl Drop for Cache<'_> {
    fn drop(&mut self) {
        let label = format!("label=test={}", self.0.name);
        for _ in 0..20 {
            let listed = ["images", "--all", "--quiet", "--filter", &label];
            let said = self.0.podman_output(&listed).stdout;
            let said = String::from_utf8_lossy(&said).into_owned();
            let Some(id) = said.lines().next() else { return };
            self.0.podman_output(&["rmi", "--force", id]);
        }
    }
}

#[test]
fn a_containerfile_is_built_when_the_machine_is_made_and_when_it_is_made_anew() {
    let Some(machine) = Machine::new("build", &[("IMAGE", "./Containerfile")]) else { return };
    let recipe = |steps: &str| {
        let label = &machine.name;
        let text = format!("FROM scratch\nLABEL test={label}\nADD rootfs.tar /\n{steps}");
        machine.file("Containerfile", text)
    };
    let _cache = Cache(&machine);
    recipe("COPY . /made/\nRUN echo hello from within; cp /made/app /app\n");
    machine.file(".containerignore", "private\n*.md\n.containerignore\n");
    machine.file("private/key", "secret");
    machine.file("README.md", "no need");
    machine.file("app", "one");
    std::os::unix::fs::symlink("app", machine.dir().join("link")).expect("linked");

    let ran = machine.ok(&["up"]);
    assert!(ran.stderr.contains("\n      hello from within\n"), "{}", ran.stderr);
    assert_eq!(machine.inside("cat /app"), "one");
    let listed = machine.inside("ls /made");
    assert!(!listed.contains("private") && !listed.contains("README"), "{listed}");
    assert_eq!(machine.inside("cat /made/link"), "one", "a link is a link");
    machine.settled();

    // A file that the build does not see says nothing; one that it sees is a note, and no drift.
    let note = "have changed since the image was built";
    machine.file("README.md", "another");
    assert!(!machine.run(&["plan"]).stderr.contains(note));
    machine.file("app", "two");
    let ran = machine.run(&["plan", "--exit-code"]);
    assert_eq!((ran.status, ran.stdout.as_str()), (0, "Nothing to do.\n"), "{}", ran.stderr);
    assert!(ran.stderr.contains(note) && ran.stderr.contains("--recreate"), "{}", ran.stderr);
    machine.ok(&["up"]);
    assert_eq!(machine.inside("cat /app"), "one");

    // A step that fails leaves the machine as it is, and says which one it was.
    recipe("RUN echo first words; echo last words; exit 3\n");
    let document = machine.fails(&["up", "--recreate"], 1, "IMAGE_UNAVAILABLE");
    let error = &document["error"];
    assert_eq!(text(&error["errors"][0]["rule"]), "vagrantp::image::build_failed");
    assert_eq!(error["line"], 3);
    let message = text(&error["message"]);
    assert!(message.contains("step 4/4 `RUN echo first words"), "{message}");
    assert!(message.ends_with("failed: exit status 3"), "{message}");
    assert_eq!(text(&error["details"]["last_output"]), "first words\nlast words");
    assert_eq!((machine.state().as_str(), machine.inside("cat /app").as_str()), ("running", "one"));

    recipe("COPY app /app\n");
    let before = machine.inspect("{{.Image}}");
    machine.ok(&["up", "--recreate"]);
    assert_eq!(machine.inside("cat /app"), "two");
    assert!(!machine.run(&["plan"]).stderr.contains(note));
    assert_ne!(machine.inspect("{{.Image}}"), before);
    assert!(!cached(&machine).contains(&before), "the image before is gone");
    let image = machine.inspect("{{.Image}}");
    machine.rm();
    assert!(!cached(&machine).contains(&image), "and the last one with the machine");
}

#[test]
fn what_cannot_be_built_says_what_to_correct() {
    let root = tempfile::tempdir().expect("a directory");
    let Some(open) = Registry::new(root.path(), Door::Open) else { return };
    let machine = Machine::made("unbuilt", &[], |project| engine_of_its_own(project, &[&open]));
    let Some(machine) = machine else { return };
    let here = open.host();
    machine.podman(&["import", "rootfs.tar", "localhost/base:1"]);
    machine.podman(&["push", "localhost/base:1", &format!("{here}/base:1")]);
    machine.podman(&["rmi", "localhost/base:1"]);
    for (recipe, words) in [
        ("FROM {here}/base:2", "base has no tag 2 · it has: 1"),
        ("FROM {here}/nothing:1", "does not know nothing"),
        ("ARG BASE\nFROM $BASE", "needs a default"),
        ("FROM scratch\nCOPY missing /", "step 2/2 `COPY missing /` failed"),
        ("FROM scratch\nINVENT x", "Unknown instruction"),
        ("FROM {here}/base:1\nRUN exit 5", "step 2/2 `RUN exit 5` failed: exit status 5"),
    ] {
        machine.file("dev.containerfile", recipe.replace("{here}", &here));
        let (rule, says) = refused(&machine, "./dev.containerfile");
        assert_eq!(rule, "build_failed", "{says}");
        assert!(says.contains(words), "{recipe}: {says}");
        assert!(!says.contains("/var/tmp"), "{says}");
    }
    machine.env(&[("IMAGE", "./Containerfile")]);
    let document = machine.fails(&["up"], 2, "CONFIG_INVALID");
    assert_eq!(text(&document["error"]["errors"][0]["rule"]), "vagrantp::config::file_missing");
}

#[test]
fn a_build_that_is_interrupted_leaves_nothing_half_made() {
    let Some(machine) = Machine::new("halt", &[("IMAGE", "./Containerfile")]) else { return };
    let _cache = Cache(&machine);
    let label = &machine.name;
    machine.file(
        "Containerfile",
        format!(
            "FROM scratch\nLABEL test={label}\nADD rootfs.tar /\n\
             RUN touch /made; test -e /made && sleep 2\n"
        ),
    );
    let child = machine.start(&["up"]);
    let pid = i32::try_from(child.id()).expect("a pid");
    let pid = rustix::process::Pid::from_raw(pid).expect("a process");
    until("the build runs", || cached(&machine).len() >= 2);
    rustix::process::kill_process(pid, rustix::process::Signal::KILL).expect("it runs");
    machine.end(child);
    assert_eq!(machine.objects(), [""; 0]);
    machine.ok(&["up"]);
    machine.settled();
    machine.rm();
}
