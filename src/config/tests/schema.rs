//! The JSON Schema against the parsers: both take and refuse the same, as far as a schema can say
//! it. The validator here knows the words that the schema uses, and stops at any other.

use std::collections::{BTreeMap, HashMap};
use std::path::{Path, PathBuf};

use regex::Regex;
use serde_json::{Map, Value};

use super::{Project, rules};
use crate::config::keys::{self, Form, schema};
use crate::config::layers::Layers;
use crate::config::text::Text;
use crate::model::id::ProviderKind;

/// Holds values against the schema.
struct Validator {
    schema: Value,
    patterns: HashMap<String, Regex>,
}

impl Validator {
    fn new() -> Self {
        Validator { schema: schema::schema(), patterns: HashMap::new() }
    }

    fn takes(&mut self, object: &BTreeMap<String, String>) -> bool {
        let schema = self.schema.clone();
        self.fits(&schema, &serde_json::json!(object))
    }

    fn takes_value(&mut self, key: &str, value: &str) -> bool {
        let schema = self.schema["$defs"][key].clone();
        self.fits(&schema, &value.into())
    }

    fn fits(&mut self, schema: &Value, value: &Value) -> bool {
        let schema = schema.as_object().expect("a schema is an object");
        schema.iter().all(|(word, says)| match word.as_str() {
            "type" => match says.as_str() {
                Some("string") => value.is_string(),
                Some("object") => value.is_object(),
                other => panic!("type {other:?}"),
            },
            "pattern" => {
                let pattern = says.as_str().expect("a pattern is a text");
                let regex = self.patterns.entry(pattern.to_owned());
                let regex = regex.or_insert_with(|| Regex::new(pattern).expect("a pattern"));
                value.as_str().is_none_or(|text| regex.is_match(text))
            }
            "enum" => says.as_array().expect("a list").contains(value),
            "required" => says.as_array().expect("a list").iter().all(|name| {
                value.as_object().is_none_or(|o| o.contains_key(name.as_str().expect("a name")))
            }),
            "properties" => {
                let none = Map::new();
                let object = value.as_object().unwrap_or(&none);
                let properties = says.as_object().expect("an object");
                properties
                    .iter()
                    .all(|(name, schema)| object.get(name).is_none_or(|v| self.fits(schema, v)))
            }
            // Nothing stands beside it that names properties, so it is about all of them.
            "additionalProperties" => {
                value.as_object().expect("an object").values().all(|value| self.fits(says, value))
            }
            "allOf" => says.as_array().expect("a list").iter().all(|s| self.fits(s, value)),
            "anyOf" => says.as_array().expect("a list").iter().any(|s| self.fits(s, value)),
            "not" => !self.fits(says, value),
            "if" => {
                let branch = if self.fits(says, value) { "then" } else { "else" };
                schema.get(branch).is_none_or(|schema| self.fits(schema, value))
            }
            "$ref" => {
                let pointer = says.as_str().and_then(|name| name.strip_prefix('#'));
                let schema = self.schema.pointer(pointer.expect("within")).expect("there").clone();
                self.fits(&schema, value)
            }
            "then" | "else" | "$defs" | "$schema" | "$id" | "title" | "description"
            | "examples" | "default" => true,
            note if note.starts_with("x-vagrantp-") => true,
            other => panic!("the validator does not know `{other}`"),
        })
    }
}

/// Names and decoded values of a file.
fn decoded(env: &str) -> BTreeMap<String, String> {
    let layers =
        Layers::collect(vec![Text::new(0, ".env", env.to_owned())], false, &BTreeMap::new(), &[]);
    let candidates = layers.candidates.into_values().flatten();
    candidates.filter_map(|one| Some((one.name, one.value.ok()?.text))).collect()
}

/// Every `.env` that is committed.
fn committed() -> Vec<PathBuf> {
    fn walk(dir: &Path, found: &mut Vec<PathBuf>) {
        for entry in std::fs::read_dir(dir).expect("a directory").flatten() {
            let path = entry.path();
            if path.is_dir() {
                walk(&path, found);
            } else if path.to_string_lossy().ends_with(".env") {
                found.push(path);
            }
        }
    }
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut found = Vec::new();
    walk(&root.join("tests/scenarios"), &mut found);
    walk(&root.join("examples"), &mut found);
    found
}

#[test]
fn every_file_that_is_understood_fits_the_schema() {
    let mut validator = Validator::new();
    let (mut good, mut bad) = (0, 0);
    for path in committed() {
        let env = std::fs::read_to_string(&path).expect("a file");
        let loaded = Project::new("").load_from(&path);
        let fits = validator.takes(&decoded(&env));
        match loaded.config {
            Some(_) => {
                assert!(fits, "{}", path.display());
                good += 1;
            }
            None => {
                let beyond = |rule: &String| is_beyond(rule.split('@').next().unwrap_or_default());
                let beyond = rules(&loaded.errors).iter().all(beyond);
                assert_eq!(fits, beyond, "{}: {:?}", path.display(), loaded.errors);
                bad += 1;
            }
        }
    }
    assert!(good > 50 && bad > 0, "{good} good and {bad} bad files");
}

/// Whether a rule is one that the schema says it leaves out.
fn is_beyond(rule: &str) -> bool {
    schema::BEYOND.iter().any(|(_, rules)| rules.contains(&rule))
}

/// Values of all kinds, right and wrong.
const POOL: &str = "\
    vm container Container pod libvirt podman Podman ssh docker auto bios uefi UEFI efi none \
    gtk spice default nat bridge host true FALSE yes off maybe boot 0 1 2 00 007 -1 +1 1.5 \
    512 511 0512 511M 512M 512m 512MiB 1G 1g 0G 1T 2.5G G M 5G 4G 5 4 5119M 5120M 5120 20G \
    20GX 17592186044415M 17592186044416M 17179869183G 17179869184G 17179869184 \
    18446744073709551616 4294967295 4294967296 3600 3601 22 1023 1024 65535 65536 8080:80 \
    8080:80/udp 8080:80/UDP 8080:80/sctp auto:80 AUTO:80 0:80 80 a:b 127.0.0.1:8080:80 \
    [::1]:8080:80 ::1:8080:80 localhost:8080:80 1.2.3:8080:80 8080:80, ,8080:80 8080:80:90 \
    :80 8100-8900 8100- 0-5 8100-70000 - 9000-8000 192.168.77.10 192.168.77.10/24 \
    192.168.77.10/7 192.168.77.10/31 192.168.77.10/024 192.168.300.1 192.168.077.1 192.168.1 \
    10.0.0.5,10.0.0.6 fe80::1 ::1 52:54:00:12:34:56 52-54-00-12-34-56 53:54:00:12:34:56 \
    52:54:00:12:34 52:54:00:12:34:5g 52:54-00:12:34:56 00:00:00:00:00:00 web Web my_app a-b \
    -a a- a.b a..b root _x 1x x;y user@host build.example.org build.example.org. a_b br0 \
    br0/1 br:0 sixteen-letters- fifteen-letters debian/bookworm64 debian/bookworm64@12.1 \
    a/b/c a/b@ /b -x .x debian:12 debian:12,debian:13 debian Debian:12 debian: a:b:c 30m 8h \
    8H 2d 3650d 3651d 87600h 87601h 5256000m 5256001m 0m 1w m .:/work .:/work:ro .:/work:rw \
    .:/work:rx .:work .:/ .: :/x .:/a,.:/b .:/work/ .:// vagrantp:base vagrantp:Base \
    vagrantp: x.yml x.yaml x.txt .yml a/.yml x.yml,vagrantp:base x.YML ٣ alpine Alpine \
    docker.io/library/alpine:3 alpine: a//b registry.example:5000/a/b:1 ./x /x ~/x ../x \
    alpine@sha256:0 a/b. a__b";

/// Those with blanks and control characters.
const ODD: &[&str] = &[
    "VM ",
    "512 MB",
    "1 GiB",
    "20 GB",
    "8080:80, 9090:90",
    "8080 :80",
    "8080:80 /udp",
    "8100 - 8900",
    "10.0.0.5, 10.0.0.6 ",
    "10.0.0.5 10.0.0.6",
    "x y",
    "8 h",
    ".:/a, .:/b:ro",
    "\u{7}",
    "a\u{1b}b",
    "a\nb",
    "512\tMB",
    "512\u{a0}MB",
    "512 ",
    "20\nG",
    "8080:80,\t9090:90\t",
    "8080:80,\n9090:90",
    "\t8080:80",
    "8100\t-8900",
    "10.0.0.5,\t10.0.0.6",
    "10.0.0.5,\u{3000}10.0.0.6",
    "debian:12,\tarch",
    ".:/a,\t.:/b",
    "\tx.yml",
    ".",
    "..",
    "...",
    ".br0",
    "..br0",
    "sh -c 'a b'",
    "sh -c 'a",
    "'' x",
    "a=1,b=2",
    "a=1,a=2",
    "{\"a\": 1}",
    "{\"a\"",
    "ssh-ed25519 AAAA me",
    "./missing",
    "./x.qcow2#md5:1",
];

#[test]
fn schema_and_parsers_agree_on_values() {
    let mut validator = Validator::new();
    let mut wrong = Vec::new();
    let (mut taken, mut refused) = (0, 0);
    for key in keys::all() {
        let base = match key.name {
            "INFRA_TYPE" => "",
            _ if key.used_by.contains(&ProviderKind::Podman) => "INFRA_TYPE=container\n",
            _ => "INFRA_TYPE=vm\nPROVIDER=libvirt\nBOX=a/b\n",
        };
        let project = Project::new(base);
        for value in POOL.split(' ').chain(ODD.iter().copied()) {
            let set = [format!("{}={value}", key.name)];
            let errors = rules(&project.load_with(&set).errors);
            let about_it: Vec<&str> = errors
                .iter()
                .map(|rule| rule.split('@').next().unwrap_or_default())
                // What is wrong with others, and what this value asks of them.
                .filter(|rule| !["provider_missing", "provider_of_other_type"].contains(rule))
                .filter(|rule| {
                    !["vm_without_image", "bridge_missing", "kernel_missing"].contains(rule)
                })
                .collect();
            if about_it.iter().any(|rule| is_beyond(rule)) {
                continue;
            }
            let mut object = decoded(base);
            object.insert(key.name.to_owned(), value.to_owned());
            let fits = match key.form {
                // What an image may be depends on the type.
                Form::Image => validator.takes(&object),
                _ if key.name == "SSH_PORT" => validator.takes(&object),
                _ => validator.takes_value(key.name, value),
            };
            if fits != about_it.is_empty() {
                wrong.push(format!("{}={value:?}: schema {fits}, parser {about_it:?}", key.name));
            }
            if fits { taken += 1 } else { refused += 1 }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
    assert!(taken > 200 && refused > 3000, "{taken} taken, {refused} refused");
}

#[test]
fn schema_and_checks_agree_on_what_goes_together() {
    let mut validator = Validator::new();
    let vm = "INFRA_TYPE=vm\nPROVIDER=libvirt\n";
    for env in [
        "INFRA_TYPE=container\n".to_owned(),
        "INFRA_TYPE=CONTAINER\nPROVIDER=podman\n".to_owned(),
        "CPUS=1\n".to_owned(),
        "INFRA_TYPE=\n".to_owned(),
        "INFRA_TYPE=container\nPROVIDER=qemu\n".to_owned(),
        "INFRA_TYPE=container\nPROVIDER=\nIMAGE=\nSSH_PORT=\n".to_owned(),
        "INFRA_TYPE=container\nIMAGE=https://example.org/x\n".to_owned(),
        "INFRA_TYPE=vm\nIMAGE=https://example.org/x\n".to_owned(),
        "INFRA_TYPE=vm\nPROVIDER=podman\nBOX=a/b\n".to_owned(),
        vm.to_owned(),
        format!("{vm}IMAGE=https://example.org/x\n"),
        format!("{vm}BOX=a/b\n"),
        format!("{vm}BOX=a/b\nIMAGE=https://example.org/x\n"),
        format!("{vm}BOX=a/b\nAPPEND=quiet\n"),
        format!("{vm}BOX=a/b\nSSH_PORT=22\n"),
        "INFRA_TYPE=vm\nPROVIDER=ssh\n".to_owned(),
        "INFRA_TYPE=vm\nPROVIDER=ssh\nSSH_HOST=a.example\nSSH_PORT=22\n".to_owned(),
        "VAGRANTP_INFRA_TYPE=container\nPORTS=everything\nVAGRANTP_CPUS=2\n".to_owned(),
        "VAGRANTP_INFRA_TYPE=container\nVAGRANTP_CPUS=many\n".to_owned(),
        "VAGRANTP_INFRA_TYPE=vm\nPROVIDER=qemu\nIMAGE=https://example.org/x\n".to_owned(),
    ] {
        let errors = rules(&Project::new(&env).load().errors);
        let mut object = decoded(&env);
        // The application's keys are in the object, too.
        object.insert("DATABASE_URL".to_owned(), "postgres://localhost".to_owned());
        assert_eq!(validator.takes(&object), errors.is_empty(), "{env}{errors:?}");
    }
}
