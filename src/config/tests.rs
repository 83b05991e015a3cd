//! Whole files through [`load`](super::load): what is understood, what is told, what is shown.

mod keys;
mod schema;
mod secrets;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use miette::{Diagnostic, GraphicalReportHandler, GraphicalTheme, LabeledSpan, NamedSource};

use super::{Config, LoadRequest, Loaded, load};
use crate::model::code::Code;
use crate::model::host::{BridgeNetwork, HostFacts, HostNetworks, Places};
use crate::model::problem::Problem;
use crate::model::source::{Layer, Origin};
use crate::model::units::Memory;

/// A project's directory, with what a caller would bring along.
pub(crate) struct Project {
    dir: tempfile::TempDir,
    pub(crate) facts: HostFacts,
    set: Vec<String>,
    env_files: Vec<PathBuf>,
}

impl Project {
    pub(crate) fn new(env: &str) -> Self {
        let project = Project {
            dir: tempfile::tempdir().expect("a directory"),
            facts: facts(),
            set: Vec::new(),
            env_files: Vec::new(),
        };
        project.write(".env", env);
        project
    }

    pub(crate) fn path(&self) -> PathBuf {
        self.dir.path().canonicalize().expect("the directory is there")
    }

    pub(crate) fn write(&self, name: &str, content: impl AsRef<[u8]>) {
        let path = self.dir.path().join(name);
        std::fs::create_dir_all(path.parent().expect("has a parent")).expect("a directory");
        std::fs::write(path, content).expect("a file");
    }

    fn set(mut self, assignment: &str) -> Self {
        self.set.push(assignment.to_owned());
        self
    }

    fn env(mut self, name: &str, value: &str) -> Self {
        self.facts.environment.insert(name.to_owned(), value.to_owned());
        self
    }

    pub(crate) fn load(&self) -> Loaded {
        self.load_with(&self.set)
    }

    /// As [`Project::load`], with these for `--set`.
    pub(crate) fn load_with(&self, set: &[String]) -> Loaded {
        let (env_files, facts) = (&self.env_files, &self.facts);
        load(&LoadRequest { dir: self.dir.path(), env_files, set, facts })
    }

    /// What a file somewhere else says, for a project that lies beside it.
    fn load_from(&self, file: &Path) -> Loaded {
        let dir = file.parent().expect("a file has a parent");
        let (env_files, facts) = (&[file.to_owned()], &self.facts);
        load(&LoadRequest { dir, env_files, set: &[], facts })
    }

    pub(crate) fn config(&self) -> Config {
        let loaded = self.load();
        assert_eq!(rules(&loaded.errors), Vec::<String>::new(), "{:#?}", loaded.errors);
        loaded.config.expect("no error, so a configuration")
    }

    /// `rule@line:column` of every mistake.
    fn errors(&self) -> Vec<String> {
        rules(&self.load().errors)
    }

    fn warnings(&self) -> Vec<String> {
        let loaded = self.load();
        assert_eq!(rules(&loaded.errors), Vec::<String>::new());
        rules(&loaded.warnings)
    }
}

fn facts() -> HostFacts {
    let nowhere = PathBuf::from("/nonexistent");
    HostFacts {
        uid: 1000,
        gid: 1000,
        user: Some("me".to_owned()),
        home: nowhere.clone(),
        machine_id: "m".to_owned(),
        cpus: 2,
        memory_available: Memory(4096),
        memory_total: Memory(8192),
        first_unprivileged_port: 1024,
        bridges: vec!["br0".to_owned(), "virbr0".to_owned()],
        attached: HostNetworks {
            on_bridges: vec![BridgeNetwork {
                bridge: "br0".to_owned(),
                range: "10.0.0.0/24".parse().expect("a range"),
                gateway: Some("10.0.0.1".parse().expect("an address")),
            }],
            has_name_servers: true,
        },
        places: Places {
            state: nowhere.clone(),
            data: nowhere.clone(),
            cache: nowhere.clone(),
            runtime: nowhere,
        },
        environment: BTreeMap::new(),
        own_key: None,
        distribution: Vec::new(),
    }
}

fn rules(problems: &[Problem]) -> Vec<String> {
    let rule = |problem: &Problem| {
        let rule = problem.rule().expect("every problem has a rule");
        let rule = rule.trim_start_matches("vagrantp::config::").to_owned();
        match &problem.place {
            Some(place) => format!("{rule}@{}:{}", place.line, place.column),
            None => rule,
        }
    };
    problems.iter().map(rule).collect()
}

/// A problem together with the text that it may show.
#[derive(Debug)]
struct Rendered<'a>(&'a Problem, Option<NamedSource<String>>);

impl std::fmt::Display for Rendered<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.diagnostic.fmt(f)
    }
}

impl std::error::Error for Rendered<'_> {}

impl Diagnostic for Rendered<'_> {
    fn code<'a>(&'a self) -> Option<Box<dyn std::fmt::Display + 'a>> {
        self.0.diagnostic.code()
    }

    fn help<'a>(&'a self) -> Option<Box<dyn std::fmt::Display + 'a>> {
        self.0.diagnostic.help()
    }

    fn labels(&self) -> Option<Box<dyn Iterator<Item = LabeledSpan> + '_>> {
        self.0.diagnostic.labels()
    }

    fn source_code(&self) -> Option<&dyn miette::SourceCode> {
        self.1.as_ref().map(|source| source as &dyn miette::SourceCode)
    }
}

/// Every mistake and doubt as a person would see it, with the lines around, in which nothing may
/// stand that is not vagrantp's.
fn render(loaded: &Loaded) -> String {
    let handler = GraphicalReportHandler::new_themed(GraphicalTheme::unicode_nocolor())
        .with_links(false)
        .with_context_lines(1);
    let mut out = String::new();
    for problem in loaded.errors.iter().chain(&loaded.warnings) {
        let source = problem.place.as_ref().and_then(|place| loaded.sources.of(place));
        let source = source.map(|s| NamedSource::new(&s.name, s.visible.to_string()));
        handler.render_report(&mut out, &Rendered(problem, source)).expect("renders");
        out.push('\n');
    }
    out.lines().map(|line| line.trim_end().to_owned() + "\n").collect()
}

#[test]
fn one_line_is_a_configuration() {
    let config = Project::new("INFRA_TYPE=container\n").config();
    assert!(config.memory.is_none() && config.image.is_none());
}

#[test]
fn all_mistakes_of_all_files_are_told_at_once_in_order() {
    let project = Project::new("INFRA_TYPE=container\nMEMORY=64\nCPUS=two\nPORTS=8080\n");
    project.write(".env.local", "DNS=::1\nIP_ADDRESS=999.1.1.1\n");
    assert_eq!(
        project.errors(),
        [
            "memory_too_small@2:8",
            "not_a_number@3:6",
            "not_a_port_rule@4:7",
            "address_is_ipv6@1:5",
            "not_an_address@2:12",
        ]
    );
}

#[test]
fn a_mistake_is_underlined_to_the_character() {
    let project = Project::new("INFRA_TYPE=container\n\nPORTS=8080:80, 9090:90, 70000:70 # web\n");
    insta::assert_snapshot!(render(&project.load()), @r"
    vagrantp::config::port_out_of_range

      × PORTS has a port out of range
       ╭─[.env:3:25]
     2 │
     3 │ PORTS=8080:80, 9090:90, 70000:70
       ·                         ──┬──
       ·                           ╰── expected 1 to 65535
       ╰────
      help: ports go from 1 to 65535; for a free port of the host, write `auto`
    ");
}

#[test]
fn no_file_says_how_to_write_one() {
    let project = Project::new("");
    std::fs::remove_file(project.path().join(".env")).expect("was there");
    let loaded = project.load();
    assert_eq!(loaded.errors[0].code, Code::ConfigMissing);
    assert!(loaded.errors[0].message().contains(".env not found in"));
    assert!(loaded.errors[0].help().expect("help").contains("INFRA_TYPE=container"));
    assert_eq!(rules(&loaded.errors), ["no_env_file"]);
    // `.env.local` alone is none either.
    project.write(".env.local", "INFRA_TYPE=container\n");
    assert_eq!(project.errors(), ["no_env_file"]);
    project.write("vagrantp.env", "CPUS=1\n");
    assert_eq!(project.errors(), Vec::<String>::new());
}

#[test]
fn files_that_are_none_are_told_apart() {
    let project = Project::new("");
    let env = project.path().join(".env");
    project.write(".env", vec![b'#'; (1 << 20) + 1]);
    assert_eq!(project.errors(), ["env_file_too_large"]);
    project.write(".env", b"# \xc3\xa9\nA=\xc3\xa9\xff\nCPUS=x\n");
    assert_eq!(project.errors(), ["env_file_not_utf8@2:4"]);
    project.write(".env", b"A=1\nB=a\0b\n");
    assert_eq!(project.errors(), ["env_file_nul@2:4"]);
    std::fs::remove_file(&env).expect("was there");
    std::fs::create_dir(&env).expect("a directory");
    assert_eq!(project.errors(), ["env_file_is_directory"]);
    std::fs::remove_dir(&env).expect("was there");
    std::os::unix::fs::symlink("/dev/zero", &env).expect("a symlink");
    assert_eq!(project.errors(), ["env_file_not_regular"]);
    let mut project = Project::new("INFRA_TYPE=container");
    project.env_files = vec!["other.env".into()];
    let loaded = project.load();
    assert_eq!(rules(&loaded.errors), ["env_file_missing"]);
    assert_eq!(loaded.errors[0].code, Code::ConfigMissing);
}

#[test]
fn the_mistakes_of_readable_files_stand_beside_an_unreadable_one() {
    let project = Project::new("A=\0\n");
    project.write(".env.local", "CPUS=x\n");
    let loaded = project.load();
    assert_eq!(rules(&loaded.errors), ["env_file_nul@1:3", "not_a_number@1:6"]);
    assert!(render(&loaded).contains("CPUS=x"));
}

#[test]
fn byte_order_marks_and_windows_line_ends_are_no_matter() {
    let project = Project::new("\u{feff}INFRA_TYPE=container\r\nCPUS='3'\r\nMEMORY=x\r\n");
    assert_eq!(project.errors(), ["not_a_size@3:8"]);
    project.write(".env", "\u{feff}INFRA_TYPE=container\r\nCPUS='3'\r\n");
    assert_eq!(project.config().cpus.map(|cpus| cpus.value.0), Some(3));
}

#[test]
fn the_stronger_layer_wins() {
    let project = Project::new("INFRA_TYPE=container\nCPUS=2\n");
    let cpus = |project: &Project| {
        let cpus = project.config().cpus.expect("is written");
        let Origin::Written { layer, place } = cpus.origin else { panic!("written") };
        (cpus.value.0, layer, place.file.to_string())
    };
    project.write("vagrantp.env", "CPUS=1\n");
    assert_eq!(cpus(&project), (2, Layer::File, ".env".to_owned()));
    project.write(".env.local", "CPUS=3\n");
    assert_eq!(cpus(&project), (3, Layer::File, ".env.local".to_owned()));
    // An empty value is the same as none.
    project.write(".env.local", "CPUS=\n");
    assert_eq!(cpus(&project).0, 2);
    let project = project.env("VAGRANTP_CPUS", "4");
    assert_eq!(cpus(&project), (4, Layer::Environment, "environment".to_owned()));
    let project = project.set("CPUS=5");
    assert_eq!(cpus(&project), (5, Layer::Set, "--set".to_owned()));
    // The application's own variable is none of vagrantp's.
    assert_eq!(cpus(&project.env("CPUS", "6")).0, 5);
}

#[test]
fn mistakes_in_options_and_variables_are_underlined_too() {
    let project = Project::new("INFRA_TYPE=container\n")
        .env("VAGRANTP_MEMORY", "64")
        .set("CPUS=none")
        .set("FOO=hunter2")
        .set("MEMORY");
    let loaded = project.load();
    let mut found = rules(&loaded.errors);
    found.sort();
    assert_eq!(
        found,
        [
            "memory_too_small@1:17",
            "not_a_number@1:6",
            "set_not_an_assignment@1:1",
            "set_unknown_key@1:1",
        ]
    );
    let rendered = render(&loaded);
    assert!(rendered.contains("VAGRANTP_MEMORY=64") && rendered.contains("CPUS=none"));
    assert!(!rendered.contains("hunter2"), "{rendered}");
}

#[test]
fn references_see_earlier_lines_then_the_environment() {
    let project = Project::new("A=file\nINFRA_TYPE=container\nINFRA_ID=${A}-$B-${C:-c}\nC=late\n")
        .env("A", "environment")
        .env("B", "b");
    assert_eq!(project.config().infra_id.expect("written").value.as_str(), "file-b-c");
    project.write("vagrantp.env", "C=first\n");
    assert_eq!(project.config().infra_id.expect("written").value.as_str(), "file-b-first");
    // Through names of the application, and only where it is needed.
    let project = Project::new("X=$NOWHERE\nY=${X:-z}\nINFRA_TYPE=container\nINFRA_ID=a$Y\n");
    assert_eq!(project.config().infra_id.expect("written").value.as_str(), "az");
    let project = Project::new("X=$NOWHERE\nINFRA_TYPE=container\nINFRA_ID=a${X}\n");
    assert_eq!(project.errors(), ["unclear_name@3:11"]);
    let project = Project::new("INFRA_TYPE=container\nINFRA_ID=${NO}\nCPUS=${X?}\nDB=$NO\n");
    assert_eq!(project.errors(), ["undefined_name@2:10", "bad_reference@3:6"]);
}

#[test]
fn what_grows_without_end_is_stopped() {
    use std::fmt::Write as _;
    let mut env = "A0=0123456789\n".to_owned();
    for step in 1..40 {
        writeln!(env, "A{step}=${{A{0}}}${{A{0}}}", step - 1).expect("into a string");
    }
    env.push_str("INFRA_TYPE=container\nAPPEND=$A39\n");
    assert!(Project::new(&env).errors().iter().all(|rule| rule.starts_with("unclear_name")));
}

#[test]
fn broken_lines_are_told_by_whose_they_are() {
    let project = Project::new(
        "INFRA_TYPE=container\nsome words\nMEMORY: 2G\nX='a' b\nCPUS='2' x\nexport IMAGE\n",
    );
    assert_eq!(project.errors(), ["not_an_assignment@3:7", "text_after_quote@5:10"]);
    assert_eq!(rules(&project.load().warnings), ["skipped_line@2:1", "skipped_line@4:1"]);
    let project = Project::new("INFRA_TYPE=container\nDB='x\nCPUS=none\n");
    assert_eq!(project.errors(), ["unterminated_quote@2:4", "not_a_number@3:6"]);
    let project = Project::new("DB='x\nINFRA_TYPE=container\nE='y'\n");
    assert_eq!(project.errors(), ["swallowed_lines@1:4"]);
}

#[test]
fn a_key_twice_in_one_file_has_both_places() {
    let project = Project::new("CPUS=1\nINFRA_TYPE=container\nexport CPUS=2\nX=1\nX=2\n");
    let loaded = project.load();
    assert_eq!(rules(&loaded.errors), ["duplicate_key@3:8"]);
    let labels = loaded.errors[0].diagnostic.labels().expect("labels").count();
    assert_eq!(labels, 2);
}

#[test]
fn names_that_look_like_ours_are_doubted() {
    let project = Project::new(
        "INFRA_TYPE=container\nMEMROY=1G\nPORT=80\nIMAGES=x\nDISK=1\nFIXED_IP=1\nVAGRANTP_CPUS=1\n",
    );
    let doubts = [
        "lookalike_key@2:1",
        "lookalike_key@4:1",
        "old_key@5:1",
        "old_key@6:1",
        "prefix_alone@7:1",
    ];
    assert_eq!(project.warnings(), doubts);
}

#[test]
fn a_prefix_leaves_the_plain_names_to_the_application() {
    let project = Project::new(
        "IMAGE=logo.png\nPORTS=everything\nVAGRANTP_INFRA_TYPE=container\nVAGRANTP_CPUS=3\nVAGRANTP_MEMROY=1\nDISK=1\n",
    );
    project.write("vagrantp.env", "CPUS=lots\nVAGRANTP_MEMORY=1G\n");
    let config = project.config();
    assert_eq!(config.cpus.map(|cpus| cpus.value.0), Some(3));
    assert_eq!(config.memory.map(|memory| memory.value.0), Some(1024));
    assert!(config.image.is_none() && config.ports.is_empty());
    assert_eq!(project.warnings(), ["lookalike_key@5:1"]);
    let project = Project::new("VAGRANTP_INFRA_TYPE=pod\n");
    assert!(project.load().errors[0].message().starts_with("VAGRANTP_INFRA_TYPE must be"));
    assert_eq!(project.load().errors[0].field.as_deref(), Some("INFRA_TYPE"));
}

#[test]
fn every_setting_says_where_it_is_from() {
    let project = Project::new("INFRA_TYPE=container\nPORTS=auto:80/udp\nMEMORY=1G\n");
    let settings = project.load().settings;
    let of = |key: &str| settings.iter().find(|setting| setting.key == key).expect("is there");
    assert_eq!(of("MEMORY").value, 1024);
    assert_eq!(of("MEMORY").origin.place().map(|place| (place.line, place.column)), Some((3, 8)));
    assert_eq!((&of("CPUS").value, &of("CPUS").origin), (&2.into(), &Origin::Default));
    assert_eq!(
        of("PORTS").value,
        serde_json::json!([{"bind": "127.0.0.1", "host_port": 0, "container_port": 80,
            "protocol": "udp", "auto": true}])
    );
    assert!(settings.iter().all(|setting| setting.key != "DISK_SIZE"));
}

#[test]
fn what_decides_the_next_up_is_guarded() {
    let project = Project::new("INFRA_TYPE=container\nPROVISIONING_PLAYBOOK=play/site.yml\n");
    project.write(".envrc", "");
    project.write("vagrantp.env", "");
    project.write("play/site.yml", "- hosts: all\n");
    project.write("notes.env", "");
    let at = |name: &str| project.path().join(name);
    let guarded = [at(".env"), at(".envrc"), at("play/site.yml"), at("vagrantp.env")];
    assert_eq!(project.config().guarded, guarded);
    assert!(Path::new(&guarded[0]).is_absolute());
}
