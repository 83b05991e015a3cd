//! What earlier versions wrote is still understood: the committed files of each.

use std::path::{Path, PathBuf};

use serde_json::Value;
use vagrantp::model::id::InstanceUuid;
use vagrantp::model::stamp::Stamp;
use vagrantp::store::Store;
use vagrantp::store::record::Record;

fn folders() -> Vec<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/versions");
    let folders = std::fs::read_dir(root).expect("there are some").flatten();
    let folders = folders.map(|entry| entry.path());
    folders.filter(|path| path.is_dir() && !path.ends_with("later")).collect()
}

fn uuid() -> InstanceUuid {
    InstanceUuid("11111111-2222-5333-8444-555555555555".parse().expect("a uuid"))
}

#[test]
fn the_files_of_every_version_are_understood() {
    for folder in folders() {
        let dir = tempfile::tempdir().expect("a directory");
        let instance = dir.path().join("instances").join(uuid().to_string());
        std::fs::create_dir_all(&instance).expect("a directory");
        for (file, place) in [
            ("record.json", &instance),
            ("journal.json", &instance),
            ("leases.json", &dir.path().to_owned()),
        ] {
            std::fs::copy(folder.join(file), place.join(file)).expect("copied");
        }
        let store = Store::new(dir.path());
        assert_eq!(store.instances(), [uuid()]);
        let record = store.instance(uuid()).record().value.expect("a record");
        assert_eq!(
            (record.infra_id.as_str(), record.project.as_path()),
            ("web", Path::new("/home/me/web"))
        );
        let journal = store.instance(uuid()).journal().value.expect("a journal");
        assert!(journal.is_at("start") && !journal.is_open(), "its owner is dead");
        let leases = store.leases_unlocked();
        assert_eq!(leases.iter().map(|lease| lease.ports[0].host).collect::<Vec<_>>(), [8100]);
        assert_eq!(store.take_warnings(), [""; 0], "{}", folder.display());
        // What is written after that is of this version, and has all that the old one said.
        store.instance(uuid()).save_record(&record).expect("written");
        let text = std::fs::read_to_string(instance.join("record.json")).expect("a record");
        let written: Value = serde_json::from_str(&text).expect("JSON");
        assert_eq!(
            (&written["schema"], &written["infra_id"]),
            (&Record::SCHEMA.into(), &"web".into())
        );
    }
}

#[test]
fn the_stamps_of_every_version_are_understood() {
    for folder in folders() {
        let text = std::fs::read_to_string(folder.join("stamp.json")).expect("a stamp");
        let text = text.replace("{uuid}", &uuid().to_string()).replace("{uid}", "1000");
        let text = text.replace("{project}", "/home/me/web").replace("{name}", "web");
        let stamp: Stamp = serde_json::from_str(&text).expect("a stamp");
        assert_eq!((stamp.uuid, stamp.uid, stamp.generation), (uuid(), 1000, 1));
        assert!(stamp.schema <= Stamp::SCHEMA);
    }
}

/// Every line can be read by itself, and says what was done to which machine.
#[test]
fn the_history_of_every_version_is_one_document_a_line() {
    for folder in folders() {
        let text = std::fs::read_to_string(folder.join("events.jsonl")).expect("a history");
        assert!(text.lines().count() > 0);
        for line in text.lines() {
            let event: Value = serde_json::from_str(line).expect("JSON");
            for key in ["at", "uuid", "infra_id", "project", "user", "verb", "event"] {
                assert!(event[key].is_string(), "{key}: {line}");
            }
        }
    }
}
