//! For every rule of the configuration: what is said of it holds no word of the application's, which
//! stands on the lines around it, in the comment behind it, and inside of lines that are broken.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;

use vagrantp::config::ground::ground;
use vagrantp::config::{Loaded, keys};
use vagrantp::model::id::ProjectDir;
use vagrantp::resolve;

use super::project::{Project, rule, rules, said, understood};

const CANARY: &str = "c4n4ry";

/// Rules that are broken by lines alone: in a container's `.env`, and in a vm's where a `!` stands in
/// front. `%` is the application's secret.
const LINES: &[(&str, &str)] = &[
    ("address_is_gateway", "IP_ADDRESS=10.9.0.1 # %"),
    ("address_is_ipv6", "DNS=::1 # %"),
    ("address_not_a_host", "IP_ADDRESS=10.9.0.255 # %"),
    ("address_not_usable", "IP_ADDRESS=127.0.0.1 # %"),
    ("address_on_qemu", "!IP_ADDRESS=10.9.0.5 # %"),
    ("bad_bind_address", "PORTS=localhost:80:80 # %"),
    ("bad_box", "BOX=a/b/c # %"),
    ("bad_bridge", "BRIDGE='a b' # %"),
    ("bad_checksum", "!IMAGE=./x.qcow2#md5:1 # %"),
    ("bad_duration", "INFRA_TTL=8 # %"),
    ("bad_extra_vars", "PROVISIONING_EXTRA_VARS='password=%,' # %"),
    ("bad_guest_path", "MOUNTS=.:x # %"),
    ("bad_host", "SSH_HOST=-x # %"),
    ("bad_image_reference", "IMAGE=a//b # %"),
    ("bad_infra_id", "S=%_\nINFRA_ID=$S"),
    ("bad_mount_option", "MOUNTS=.:/x:Z # %"),
    ("bad_os", "S=%!\nREQUIRE_OS=$S"),
    ("bad_playbook_name", "S=%!\nPROVISIONING_PLAYBOOK=vagrantp:$S"),
    ("bad_prefix", "IP_ADDRESS=10.9.0.5/31 # %"),
    ("bad_protocol", "S=%\nPORTS=80:80/$S"),
    ("bad_public_key", "SSH_AUTHORIZED_KEYS='ssh-rsa % me' # %"),
    ("bad_reference", "IMAGE=${S?} # %"),
    ("bad_user", "S=%!\nSSH_USER=$S"),
    ("bare_disk_size", "DISK_SIZE=20 # %"),
    ("box_excludes", "!BOX=a/b # %\nIMAGE=https://e.org/x # %"),
    ("bridge_missing", "NETWORK_MODE=bridge # %\nIP_ADDRESS=10.0.0.5/24"),
    ("bridge_needs_address", "NETWORK_MODE=bridge # %\nBRIDGE=br0 # %"),
    ("bridge_needs_prefix", "NETWORK_MODE=bridge # %\nBRIDGE=br0 # %\nIP_ADDRESS=10.1.0.5 # %"),
    ("bridge_needs_gateway", "NETWORK_MODE=bridge # %\nBRIDGE=br0 # %\nIP_ADDRESS=10.1.0.5/24 # %"),
    (
        "bridge_needs_dns",
        "NETWORK_MODE=bridge # %\nBRIDGE=br0 # %\nIP_ADDRESS=10.1.0.5/24\nGATEWAY=10.1.0.1 # %",
    ),
    ("control_character", "S=\"%\\t%\"\nINFRA_ID=$S"),
    ("cpus_too_few", "CPUS=0 # %"),
    ("disk_too_small", "DISK_SIZE=5119M # %"),
    ("duplicate_key", "CPUS=1 # %\nX=%\nCPUS=2 # %"),
    ("empty_command", "COMMAND=\"'' x\" # %"),
    ("empty_item", "DNS=9.9.9.9,,1.1.1.1 # %"),
    ("file_empty", "PROVISIONING_VARS=./empty # %"),
    ("file_is_directory", "PROVISIONING_VARS=./directory # %"),
    ("file_missing", "S=%\nPROVISIONING_VARS=./$S"),
    ("file_not_regular", "PROVISIONING_VARS=/dev/null # %"),
    ("file_of_wrong_kind", "!ISO=./secret # %"),
    ("file_unreadable", "PROVISIONING_VARS=./loop # %"),
    ("yaml_key_twice", "PROVISIONING_VARS=./twice # %"),
    ("bad_yaml", "PROVISIONING_VARS=./secret # %"),
    ("gateway_outside", "IP_ADDRESS=10.9.0.5 # %\nX=%\nGATEWAY=10.9.1.1 # %"),
    ("image_is_also_file", "IMAGE=empty # %"),
    ("image_name_upper_case", "S=%A\nIMAGE=x/$S"),
    ("kernel_missing", "!IMAGE=https://e.org/x\nAPPEND=quiet # %"),
    ("key_readable", "!SSH_KEY=./key # %"),
    ("lookalike_digit", "MEMORY=\u{664}G # %"),
    ("lookalike_key", "MEMROY=%"),
    ("mac_not_unicast", "MAC_ADDRESS=01:00:5e:00:00:01 # %"),
    ("memory_too_small", "MEMORY=64 # %"),
    ("mount_leads_out", "MOUNTS=./out:/x # %"),
    ("mount_missing", "S=%\nMOUNTS=./$S:/work"),
    ("mount_twice", "MOUNTS=.:/x,./directory:/x # %"),
    ("not_a_command", "S=\"% '\"\nCOMMAND=$S"),
    ("not_a_mac_address", "S=%\nMAC_ADDRESS=$S"),
    ("not_a_mount", "S=%\nMOUNTS=$S"),
    ("not_a_number", "S=%\nCPUS=$S"),
    ("not_a_port", "S=%\nPORTS=80:$S"),
    ("not_a_port_range", "S=%\nPORT_POOL=$S"),
    ("not_a_port_rule", "S=%\nPORTS=$S"),
    ("not_a_size", "S=%\nMEMORY=$S"),
    ("not_an_address", "S=%\nIP_ADDRESS=$S"),
    ("not_an_assignment", "MEMORY: %"),
    ("not_one_of", "S=%\nFIRMWARE=$S\nNETWORK_MODE=$S"),
    ("number_too_large", "CPUS=4294967296 # %"),
    ("old_key", "FIXED_IP=%"),
    ("playbook_suffix", "S=%\nPROVISIONING_PLAYBOOK=$S"),
    ("pool_too_small", "PORTS=auto:1,auto:2 # %\nX=%\nPORT_POOL=8100-8100 # %"),
    ("port_out_of_range", "PORTS=8080:70000 # %"),
    ("port_privileged", "PORTS=80:80 # %"),
    ("port_range_reversed", "PORT_POOL=9-8 # %"),
    ("port_twice", "PORTS=8080:80,8080:81 # %"),
    ("prefix_alone", "VAGRANTP_MEMORY=%"),
    ("provider_of_other_type", "PROVIDER=qemu # %"),
    ("size_too_large", "MEMORY=18446744073709551615G # %"),
    ("skipped_line", "% % %\n%\n% = %+%\n%==%\n%-%: %\nX='%' %"),
    ("ssh_host_missing", "!PROVIDER=ssh # %"),
    ("ssh_port_reserved", "!IMAGE=https://e.org/x\nSSH_PORT=22 # %"),
    ("swallowed_lines", "DB='%\n%\nX='%'"),
    ("taken_in_line", "COMMAND='run\nDB=%\nX='"),
    ("text_after_quote", "CPUS='2' %"),
    ("timeout_out_of_range", "STOP_TIMEOUT=0 # %"),
    ("default_taken", "S=${%}\nSSH_USER=${S:-root}"),
    ("nested_too_deep", "IMAGE=${S:-${S:-${S:-${S:-${S:-${S:-${S:-${S:-${S:-${S:-x}}}}}}}}}} # %"),
    ("unclear_name", "S=$%\nSSH_USER=$S"),
    ("undefined_name", "IMAGE=$S # %"),
    ("unknown_bridge", "S=%\nBRIDGE=$S"),
    ("unknown_unit", "S=%\nMEMORY=2$S"),
    ("unterminated_quote", "MEMORY='%"),
    ("unused_key", "DISPLAY_MODE=none # %"),
    ("unusual_size", "!IMAGE=https://e.org/x\nCPUS=99 # %"),
    ("vm_without_image", "!CPUS=2 # %"),
    ("without_effect", "GATEWAY=10.0.0.1 # %"),
];

/// The `.env` for a row of [`LINES`].
fn env(lines: &str) -> String {
    let (vm, lines) = match lines.strip_prefix('!') {
        Some(lines) => (true, lines),
        None => (false, lines),
    };
    let head = match (vm, lines.starts_with("PROVIDER")) {
        (false, _) => "INFRA_TYPE=container",
        (true, true) => "INFRA_TYPE=vm",
        (true, false) => "INFRA_TYPE=vm # %\nPROVIDER=qemu",
    };
    format!("BEFORE=%\n{head} # %\nPASSWORD='%'\n{lines}\nAFTER=\"%\"\n# %").replace('%', CANARY)
}

/// What the lines refer to.
fn populate(project: &Project) {
    let path = project.path();
    project.write("empty", "");
    project.write("secret", format!("password: '{CANARY}\n"));
    project.write("twice", format!("{CANARY}: {CANARY}\n{CANARY}: 1\n"));
    project.write("key", format!("-----BEGIN OPENSSH PRIVATE KEY-----\n{CANARY}\n"));
    fs::set_permissions(path.join("key"), PermissionsExt::from_mode(0o644)).expect("is ours");
    fs::create_dir(path.join("directory")).expect("a directory");
    symlink("loop", path.join("loop")).expect("a symlink");
    symlink("/", path.join("out")).expect("a symlink");
}

fn broken(loaded: &Loaded) -> BTreeSet<String> {
    loaded.errors.iter().chain(&loaded.warnings).map(rule).collect()
}

/// Rules that need more than lines, with what is said of each.
fn others() -> BTreeMap<&'static str, String> {
    let mut found = BTreeMap::new();
    let mut keep = |wanted: &'static str, project: &Project| {
        let loaded = project.load();
        assert!(broken(&loaded).contains(wanted), "{wanted}: {:?}", loaded.errors);
        found.insert(wanted, said(&loaded));
    };
    let app = format!("INFRA_TYPE=container\nPASSWORD={CANARY}\n");
    let without = || {
        let project = Project::new("");
        fs::remove_file(project.path().join(".env")).expect("was there");
        project
    };
    keep("no_env_file", &without());
    let project = without();
    fs::create_dir(project.path().join(".env")).expect("a directory");
    keep("env_file_is_directory", &project);
    let project = without();
    symlink("/dev/zero", project.path().join(".env")).expect("a symlink");
    keep("env_file_not_regular", &project);
    let project = without();
    symlink(".env", project.path().join(".env")).expect("a symlink");
    keep("env_file_unreadable", &project);
    let mut project = Project::new(&app);
    project.env_files = vec!["gone.env".into()];
    keep("env_file_missing", &project);
    let large = app.repeat(1 + (1 << 20) / app.len());
    keep("env_file_too_large", &Project::new(&large));
    let many = format!("{app}{}", format!("MEMROY={CANARY}\n").repeat(501));
    keep("more_warnings", &Project::new(&many));
    let many = format!("{app}S={CANARY}\n{}", "MEMORY=$S\n".repeat(600));
    keep("more_mistakes", &Project::new(&many));
    keep("env_file_nul", &Project::new(&format!("{app}MEMORY={CANARY}\0{CANARY}\nX={CANARY}\n")));
    let project = Project::new("");
    let bytes = [app.as_bytes(), b"MEMORY=", CANARY.as_bytes(), b"\xff", app.as_bytes()].concat();
    project.write(".env", bytes);
    keep("env_file_not_utf8", &project);
    let half = "x".repeat(600 << 10);
    let project = Project::new(&format!("{app}CPUS=2\n"));
    project.write("vagrantp.env", format!("A={CANARY}\nCPUS=$A # {CANARY}\n"));
    keep("overridden_mistake", &project);
    keep("value_too_long", &Project::new(&format!("{app}X={CANARY}{half}\nAPPEND=$X$X\n")));
    keep("infra_type_missing", &Project::new(&format!("CPUS=2 # {CANARY}\nX={CANARY}\n")));
    let mut project = Project::new(&format!("INFRA_TYPE=vm\nKERNEL=.env # {CANARY}\n"));
    project.facts.environment.insert("PATH".to_owned(), "/nonexistent".to_owned());
    keep("provider_missing", &project);
    for (wanted, set) in [
        ("set_not_an_assignment", "MEMORY".to_owned()),
        ("set_unknown_key", format!("FOO={CANARY}")),
    ] {
        let mut project = Project::new(&app);
        project.set = vec![set, format!("PROVISIONING_EXTRA_VARS=password={CANARY},")];
        let environment =
            ("VAGRANTP_SSH_AUTHORIZED_KEYS".to_owned(), format!("ssh-rsa {CANARY} x"));
        project.facts.environment.extend([environment]);
        keep(wanted, &project);
    }
    let project = Project::new(&app);
    let config = project.load().config.expect("no mistake");
    let nameless = ProjectDir { path: "/x/___".into(), device: 0, inode: 0, mount: None };
    let errors = resolve::resolve(&config, &nameless, &project.facts).expect_err("has no name");
    let loaded = Loaded { errors, ..project.load() };
    assert!(broken(&loaded).contains("no_infra_id"));
    found.insert("no_infra_id", said(&loaded));
    // What `init` finds where it would write.
    let described = Project::new(&app);
    let leads_out = without();
    symlink("/etc/passwd", leads_out.path().join(".env")).expect("a symlink");
    for (wanted, project) in [("described_already", described), ("env_file_leads_out", leads_out)] {
        let refusal = ground(project.path(), None).expect_err(wanted);
        let (errors, sources) = (refusal.problems, refusal.sources);
        let loaded = Loaded { errors, sources, warnings: Vec::new(), ..project.load() };
        assert!(broken(&loaded).contains(wanted), "{wanted}: {:?}", loaded.errors);
        found.insert(wanted, said(&loaded));
    }
    found
}

#[test]
fn of_every_rule_nothing_of_the_applications_is_said() {
    let mut seen = BTreeSet::new();
    for (wanted, lines) in LINES {
        let env = env(lines);
        for env in [env.clone(), env.replace('\n', "\r\n"), format!("\u{feff}{env}\n")] {
            let project = Project::new(&env);
            populate(&project);
            let loaded = project.load();
            let broken = broken(&loaded);
            assert!(broken.contains(*wanted), "{wanted}: {env}\n{broken:?}");
            let said = said(&loaded);
            assert!(!said.contains(CANARY), "{wanted}: {env}\n---\n{said}");
        }
        assert!(seen.insert((*wanted).to_owned()), "{wanted} stands twice");
    }
    for (wanted, said) in others() {
        assert!(!said.contains(CANARY), "{wanted}\n---\n{said}");
        assert!(seen.insert(wanted.to_owned()), "{wanted} stands twice");
    }
    let wanted = rules_of_the_source();
    let missing: Vec<_> = wanted.difference(&seen).collect();
    let unknown: Vec<_> = seen.difference(&wanted).collect();
    assert!(missing.is_empty() && unknown.is_empty(), "missing {missing:?}, unknown {unknown:?}");
}

/// Every rule that an error or a doubt of the configuration carries, as the source declares it.
fn rules_of_the_source() -> BTreeSet<String> {
    fn walk(directory: &Path, rules: &mut BTreeSet<String>) {
        for entry in fs::read_dir(directory).expect("the source is there").flatten() {
            let path = entry.path();
            if path.is_dir() {
                walk(&path, rules);
            } else {
                let text = fs::read_to_string(&path).expect("is text");
                let after = text.split("code(vagrantp::config::").skip(1);
                rules.extend(after.filter_map(|rest| Some(rest.split_once(')')?.0.to_owned())));
            }
        }
    }
    let mut rules = BTreeSet::new();
    for part in ["src/config", "src/model"] {
        walk(&Path::new(env!("CARGO_MANIFEST_DIR")).join(part), &mut rules);
    }
    assert!(rules.len() > 90, "{}", rules.len());
    rules
}

/// The lines with the prefix at each key of ours, which makes those without one the application's.
fn prefixed(lines: &str) -> String {
    let line = |line: &str| {
        let word = line.split(|c: char| !c.is_ascii_uppercase() && c != '_').next();
        match word.is_some_and(|word| keys::find(word).is_some()) {
            true => format!("VAGRANTP_{line}"),
            false => line.to_owned(),
        }
    };
    lines.split('\n').map(line).collect::<Vec<_>>().join("\n")
}

/// Lines of an application that has the same names.
const NAMESAKES: &str = "PORTS=%:80\nSSH_USER=%!\nIMAGE=%//%\nCOMMAND=\"run %\"\nMEMORY='%' x\n\
                         CPUS: %\nINFRA_TYPE=%\nMOUNTS=./%:%\nCOMMAND=%";

#[test]
fn with_the_prefix_the_names_without_it_are_the_applications() {
    let unprefixed = ["prefix_alone", "old_key", "lookalike_key"];
    for (wanted, lines) in LINES.iter().filter(|(rule, _)| !unprefixed.contains(rule)) {
        let env = format!("{NAMESAKES}\n{}", prefixed(&env(lines))).replace('%', CANARY);
        let project = Project::new(&env);
        populate(&project);
        let loaded = project.load();
        assert!(broken(&loaded).contains(*wanted), "{wanted}: {env}\n{:?}", broken(&loaded));
        let said = said(&loaded);
        assert!(!said.contains(CANARY), "{wanted}: {env}\n---\n{said}");
    }
}

#[test]
fn a_line_of_the_type_that_cannot_be_read_turns_the_prefix_on_all_the_same() {
    for (line, wanted) in [
        ("VAGRANTP_INFRA_TYPE=container", None),
        ("  export VAGRANTP_INFRA_TYPE = 'container' # %", None),
        ("VAGRANTP_INFRA_TYPE=\"container\" x", Some("text_after_quote")),
        ("VAGRANTP_INFRA_TYPE=\"container", Some("unterminated_quote")),
        ("VAGRANTP_INFRA_TYPE='container\nX='%'", Some("swallowed_lines")),
        ("VAGRANTP_INFRA_TYPE: container", Some("not_an_assignment")),
        ("VAGRANTP_INFRA_TYPE container", Some("not_an_assignment")),
        ("export VAGRANTP_INFRA_TYPE container", Some("not_an_assignment")),
        ("VAGRANTP_INFRA_TYPE-x=container", Some("not_an_assignment")),
        ("VAGRANTP_INFRA_TYPE=", Some("infra_type_missing")),
        ("VAGRANTP_INFRA_TYPE", Some("infra_type_missing")),
        ("VAGRANTP_INFRA_TYPE=pod", Some("not_one_of")),
    ] {
        let mut files = vec![format!("{NAMESAKES}\n{line}\n"), format!("{line}\n{NAMESAKES}\n")];
        if wanted == Some("unterminated_quote") {
            // With the other lines behind it, the quote ends where one of theirs begins.
            files.pop();
        }
        for env in files {
            let loaded = Project::new(&env.replace('%', CANARY)).load();
            let said = said(&loaded) + &understood(&loaded);
            assert!(!said.contains(CANARY), "{env}\n---\n{said}");
            let errors: Vec<_> = loaded.errors.iter().map(rule).collect();
            assert_eq!(errors, wanted.into_iter().collect::<Vec<_>>(), "{env}\n{said}");
            assert!(
                loaded
                    .settings
                    .iter()
                    .all(|setting| { setting.origin.is_default() || setting.key == "INFRA_TYPE" })
            );
            if wanted == Some("infra_type_missing") {
                assert!(said.contains("`VAGRANTP_INFRA_TYPE=container`"), "{said}");
            }
        }
    }
}

#[test]
fn lines_that_an_open_quote_takes_in_are_not_shown() {
    // The quote of MEMORY closes where KEY's opens: by the grammar all of it is MEMORY's.
    let text = format!("INFRA_TYPE=container\nMEMORY='64\nDB={CANARY}\nKEY='\n{CANARY}\n'\n");
    let project = Project::new(&text);
    let loaded = project.load();
    assert!(!loaded.errors.is_empty());
    let said = said(&loaded);
    assert!(said.contains("MEMORY='64") && !said.contains(CANARY), "{said}");
}

#[test]
fn what_a_free_text_refers_to_or_takes_in_is_not_shown() {
    let vm = "INFRA_TYPE=vm\nPROVIDER=qemu\nIMAGE=https://e.org/x\n";
    for (lines, shown) in [
        ("S=%\nCOMMAND=\"serve --tok ${S}\"", "COMMAND=\"serve --tok ${S}\""),
        ("S=%\nCOMMAND=$S", "COMMAND=\"$S\""),
        ("COMMAND='run\nDB=%\nX='", "COMMAND=\"run …\""),
        ("COMMAND=\"run\n export DB = '%' x\n\"", "COMMAND=\"run …\""),
        ("KERNEL=.env\nS=%\nAPPEND=\"quiet token=$S\"", "APPEND=\"quiet token=$S\""),
        ("S=%\nQEMU_ARGS=${S:-none}", "QEMU_ARGS=\"${S:-none}\""),
        ("S=%\nPROVISIONING_EXTRA_VARS=a=$S", "PROVISIONING_EXTRA_VARS=\"***\""),
    ] {
        let head = if lines.contains("COMMAND") { "INFRA_TYPE=container\n" } else { vm };
        let loaded = Project::new(&format!("{head}{lines}\n").replace('%', CANARY)).load();
        assert_eq!(rules(&loaded.errors), Vec::<String>::new(), "{lines}");
        let said = said(&loaded) + &understood(&loaded) + &format!("{:?}", loaded.config);
        assert!(said.contains(shown), "{lines}: {said}");
        let ran = lines.contains("APPEND") || lines.contains("QEMU");
        // The configuration itself has what is handed on; nothing prints it.
        assert!(ran || !said.contains(CANARY), "{lines}: {said}");
        assert!(!understood(&loaded).contains(CANARY), "{lines}");
    }
}

#[test]
fn a_word_in_a_line_without_a_key_is_not_taken_for_one() {
    let project = Project::new(&format!("INFRA_TYPE=container\n{CANARY} x\nA-{CANARY}=1\nB: 1\n"));
    let said = said(&project.load());
    assert!(!said.contains(CANARY), "{said}");
    assert!(said.contains(".env:2:1") && said.contains("4 │ B "), "{said}");
}
