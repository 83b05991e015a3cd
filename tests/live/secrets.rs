//! Secrets on a real machine: each has a word of its own, and it is looked for in everything that is
//! said, kept, made and run, but for the `.env` and the guest.
//!
//! A playbook's run joins here once there are any: its verb in `LIFE`, its words in `SECRETS`, and the
//! file of variables that it has while it lasts.

use std::collections::BTreeSet;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use crate::machine::{Machine, files_below};

/// Every word begins so.
const CANARY: &str = "c4n4ry";
/// Registry logins are kept in base64: the same word there.
const LOGIN: &str = "bWU6YzRuNHJ5LWxvZ2lu";
/// What the main process is told by a `${…}`: the guest knows it, and the object that it is made from.
const FOR_THE_GUEST: &str = "c4n4ry-guest";

/// A proxy's password: the engine needs it to get anywhere. It has it in its environment, from where
/// it must not get into a container.
const PROXY: &str = "c4n4ry-proxy";

const SECRETS: &str = "DB_PASSWORD=c4n4ry-app\nexport API_TOKEN='c4n4ry-quoted' # c4n4ry-comment\n\
    MULTI=\"c4n4ry-one\nc4n4ry-two\"\nMEMROY=c4n4ry-lookalike\nFIXED_IP=c4n4ry-old\n\
    TOKEN=c4n4ry-guest\nPROVISIONING_EXTRA_VARS='{\"password\": \"c4n4ry-vars\"}'\n\
    c4n4ry-line is no assignment\n";

const LIFE: &[&[&str]] = &[
    &["validate", "-v"],
    &["plan"],
    &["render"],
    &["explain", "COMMAND"],
    &["explain", "PROVISIONING_EXTRA_VARS"],
    &["up", "--dry-run"],
    &["up", "-v"],
    &["up"],
    &["status"],
    &["list"],
    &["ssh", "--info"],
    &["ssh", "-c", "true"],
    &["logs"],
    &["snapshot", "create", "one"],
    &["snapshot", "list"],
    &["snapshot", "rm", "one", "-y"],
    &["suspend"],
    &["resume"],
    &["restart"],
    &["gc", "--dry-run"],
    &["stop"],
    &["up", "-v"],
];

/// What a mistake beside the secrets may look like, as lines after them.
const MISTAKES: &[&str] = &[
    "MEMORY=lots",
    "MEMORY: 1G",
    "COMMAND=\"sh $TOKEN '\"",
    "IMAGE=$TOKEN//x",
    "INFRA_ID=${NOWHERE}",
    "OPEN='c4n4ry-open\nMEMORY=1G",
    "MOUNTS=./$TOKEN:/x",
    "PROVISIONING_EXTRA_VARS=c4n4ry-broken",
    "SSH_USER=$TOKEN!",
    "PORTS=80:$TOKEN",
];

/// A call with secrets in its environment, which podman's own calls by this test don't have.
fn command(machine: &Machine, call: &[&str]) -> Command {
    let mut command = machine.command(call);
    command
        .env("REGISTRY_AUTH_FILE", machine.root().join("auth.json"))
        .env("APP_SECRET", "c4n4ry-environment")
        .env("HTTPS_PROXY", format!("http://me:{PROXY}@127.0.0.1:9"))
        .env("VAGRANTP_PROVISIONING_EXTRA_VARS", "key=c4n4ry-variable");
    command
}

fn machine() -> Option<Machine> {
    let machine = Machine::new("secrets", &[])?;
    let text = format!("{{\"auths\": {{\"registry.invalid\": {{\"auth\": \"{LOGIN}\"}}}}}}");
    std::fs::write(machine.root().join("auth.json"), text).expect("a file");
    Some(machine)
}

/// The `.env`, with lines more.
fn env(machine: &Machine, more: &str) {
    let keys: BTreeSet<&str> = more.split(['=', ':']).take(1).collect();
    let lines = [
        ("COMMAND", "\"sh -c 'while :; do sleep 1; done' ${TOKEN}\""),
        ("INFRA_ID", &machine.name),
        ("IMAGE", "./rootfs.tar"),
        ("MEMORY", "512M"),
        ("CPUS", "1"),
    ];
    let line = |(key, value): &(&str, &str)| format!("{key}={value}\n");
    let lines: String = lines.iter().filter(|(key, _)| !keys.contains(key)).map(line).collect();
    machine.file(".env", format!("INFRA_TYPE=container\n{SECRETS}{lines}{more}\n"));
}

fn assert_silent(text: &str, what: &str) {
    assert!(!text.contains(CANARY) && !text.contains(LOGIN), "{what}: {text}");
}

/// Runs a call, and keeps it silent.
fn run(machine: &Machine, call: &[&str]) -> i32 {
    let output = command(machine, call).output().expect("it can be run");
    let ran = machine.ran(output);
    assert_silent(&ran.stdout, &format!("{call:?}, stdout"));
    assert_silent(&ran.stderr, &format!("{call:?}, stderr"));
    ran.status
}

fn both(machine: &Machine, call: &[&str]) {
    run(machine, call);
    if !call.contains(&"-c") {
        run(machine, &[&["--json"], call].concat());
    }
}

/// Every file of vagrantp's own, and everything that podman shows of what it made.
fn assert_nothing_is_kept(machine: &Machine) {
    for place in ["state", "data", "cache", "config", "run", "home"] {
        let root = machine.root().join(place);
        for name in files_below(&root) {
            // A socket has no content.
            let content = std::fs::read(root.join(&name)).unwrap_or_default();
            assert_silent(&String::from_utf8_lossy(&content), &format!("{place}/{name}"));
        }
    }
    for object in machine.objects() {
        let Some((kind, name)) = object.split_once(' ') else { continue };
        let shown = machine.podman(&["inspect", "--type", kind, name]);
        // The main process's own argument is the guest's.
        assert_silent(&shown.replace(FOR_THE_GUEST, ""), &object);
        let lines = shown.lines().filter(|line| line.contains(FOR_THE_GUEST));
        for line in lines {
            assert!(!line.contains("io.vagrantp") && !line.contains("Env"), "{object}: {line}");
        }
    }
}

/// Looks at the arguments and the environments of all processes that the calls start, all the time.
/// A call itself has what the caller gave it; what runs inside of the container is the guest.
fn watch(end: Arc<AtomicBool>) -> std::thread::JoinHandle<(usize, BTreeSet<String>)> {
    std::thread::spawn(move || {
        let (mut looks, mut told) = (0, BTreeSet::new());
        while !end.load(Ordering::Relaxed) {
            looks += 1;
            for entry in std::fs::read_dir("/proc").expect("there is /proc").flatten() {
                let process = entry.path();
                let read = |name: &str| std::fs::read(process.join(name)).unwrap_or_default();
                let holds = |text: &[u8], word: &str| {
                    text.windows(word.len()).any(|window| window == word.as_bytes())
                };
                let words = read("cmdline");
                let variables = String::from_utf8_lossy(&read("environ")).replace(PROXY, "");
                let variables = variables.as_bytes();
                // One that was becoming another program meanwhile is looked at the next time: its words
                // and its variables may be those of two programs.
                if words.is_empty() || words != read("cmdline") {
                    continue;
                }
                let is_told = holds(&words, CANARY) || holds(&words, LOGIN);
                let knows = holds(variables, CANARY) || holds(variables, LOGIN);
                if (is_told || knows) && !is_allowed(&process, &words) {
                    told.insert(String::from_utf8_lossy(&words).replace('\0', " "));
                }
            }
            std::thread::sleep(Duration::from_millis(1));
        }
        (looks, told)
    })
}

fn is_allowed(process: &Path, words: &[u8]) -> bool {
    let status = std::fs::read_to_string(process.join("status")).unwrap_or_default();
    let ids = status.lines().find_map(|line| line.strip_prefix("NSpid:"));
    let is_guest = ids.is_none_or(|ids| ids.split_whitespace().count() > 1);
    let mut words = words.split(|byte| *byte == 0);
    let program = words.next().unwrap_or_default();
    let is_hidden_verb = words.next().is_some_and(|word| word.starts_with(b"__"));
    // A process that is about to become another one still has the words of its caller.
    let is_call = program == env!("CARGO_BIN_EXE_vagrantp").as_bytes() && !is_hidden_verb;
    is_guest || is_call
}

#[test]
fn no_secret_is_said_kept_made_or_run() {
    let Some(machine) = machine() else { return };
    env(&machine, "");
    let end = Arc::new(AtomicBool::new(false));
    let watcher = watch(Arc::clone(&end));
    for call in LIFE {
        both(&machine, call);
        if matches!(call[0], "up" | "stop" | "snapshot") {
            assert_nothing_is_kept(&machine);
        }
    }
    // The life was one: the machine is there, and what it was told is inside.
    assert_eq!(machine.state(), "running");
    assert!(machine.inside("cat /proc/1/cmdline").contains(FOR_THE_GUEST));
    // A plan that is kept, and carried out.
    let plan = machine.run(&["--json", "plan"]).stdout;
    assert_silent(&plan, "a plan");
    machine.file("plan.json", &plan);
    both(&machine, &["up", "--plan", "plan.json"]);
    // An edit: what the command stood for has changed.
    let text = std::fs::read_to_string(machine.dir().join(".env")).expect("is there");
    machine.file(".env", text.replace(FOR_THE_GUEST, "c4n4ry-guest-2"));
    both(&machine, &["plan"]);
    both(&machine, &["status"]);
    env(&machine, "");
    for lines in MISTAKES {
        env(&machine, lines);
        for call in [&["validate"][..], &["--json", "validate"], &["up"], &["--json", "status"]] {
            run(&machine, call);
        }
    }
    // The engine's own words, about what it was told.
    env(&machine, "COMMAND=\"$TOKEN\"");
    both(&machine, &["up", "--recreate", "-y"]);
    env(&machine, "COMMAND=\"sh -c 'echo ended; exit 3' $TOKEN\"");
    both(&machine, &["up", "--recreate", "-y"]);
    // Killed in the middle.
    env(&machine, "");
    for pause in [30, 120, 300] {
        let mut up = command(&machine, &["up", "--recreate", "-y"]);
        up.stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = up.spawn().expect("it can be run");
        std::thread::sleep(Duration::from_millis(pause));
        child.kill().expect("it is ours");
        let ran = machine.end(child);
        assert_silent(&(ran.stdout + &ran.stderr), "a killed call");
        assert_nothing_is_kept(&machine);
        both(&machine, &["status"]);
    }
    both(&machine, &["up", "-y"]);
    both(&machine, &["--set", "PROVISIONING_EXTRA_VARS=a=c4n4ry-option", "plan"]);
    assert_nothing_is_kept(&machine);
    assert_eq!(run(&machine, &["rm", "-y"]), 0);
    end.store(true, Ordering::Relaxed);
    let (looks, told) = watcher.join().expect("it looked");
    assert!(looks > 50, "{looks}");
    assert_eq!(told, BTreeSet::new(), "after {looks} looks");
    assert_nothing_is_kept(&machine);
}
