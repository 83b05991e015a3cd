use serde_json::{Value, json};

use super::*;
use crate::model::capability::{Capabilities, Cost, Field};
use crate::model::image::ImageSource;
use crate::model::network::HostAddress;
use crate::model::observed::Power;
use crate::model::units::{Bytes, Memory};
use crate::plan::PlanError;
use crate::plan::action::Fetch;
use crate::plan::fixture::{desired, observed, written};
use crate::plan::steps::{Recreate, RunningGoal, Twin, to_running};
use crate::provider::memory::capabilities;

const NOW: &str = "2026-11-21T12:00:00Z";

/// The document of a plan for this world.
fn document(wish: &Desired, world: &Observed, capabilities: &Capabilities) -> Value {
    let goal = RunningGoal {
        desired: wish,
        ports: &[],
        ssh_port: None,
        recreate: Recreate::WhereNeeded,
        fetch: Fetch::IfMissing,
        start: true,
        twin: Twin::Refuse,
        now: NOW,
    };
    let plan: Result<Plan, Vec<PlanError>> = to_running(&goal, world, capabilities);
    let mut plan = plan.unwrap();
    let saves = plan.steps.iter().any(|step| step.action.name() == "save_files");
    plan.copied = world.instance().and_then(|instance| instance.written).filter(|_| saves);
    let saved = SavedPlan {
        schema: SavedPlan::SCHEMA,
        uuid: wish.identity.uuid,
        made_at: NOW.to_owned(),
        recreate: Recreate::WhereNeeded,
        fetch: Fetch::IfMissing,
        given: Vec::new(),
        seen: Some(seen(wish, world)),
        steps: plan.steps.clone(),
        changes: plan.changes.clone(),
        copied: plan.copied,
    };
    let mut document = Document::default();
    write(&mut document, &saved);
    json!(document)
}

fn running(wish: &Desired) -> Observed {
    let mut world = observed(wish, Power::Running);
    world.instances[0].written = Some(Bytes(3 << 20));
    world
}

/// A plan of every kind, by the name of its fixture.
fn every_kind() -> Vec<(&'static str, Value)> {
    let made = running(&desired());
    let edited = |edit: fn(&mut Desired), capabilities: &Capabilities| {
        let mut wish = desired();
        edit(&mut wish);
        document(&wish, &made, capabilities)
    };
    let table = capabilities();
    let mut live = capabilities();
    for (_, cost) in live.costs.iter_mut().filter(|(field, _)| *field == Field::Autostart) {
        *cost = Cost::Live;
    }
    let mut api = made.clone();
    api.instances[0].name = "api".to_owned();
    vec![
        ("make", document(&desired(), &Observed::default(), &table)),
        ("replace", edited(|wish| wish.memory = written(Memory(4096)), &table)),
        (
            "recreate",
            edited(
                |wish| {
                    let debian = "docker.io/library/debian:12".to_owned();
                    wish.image = written(ImageSource::Registry(debian));
                },
                &table,
            ),
        ),
        (
            "address",
            edited(
                |wish| {
                    let address = HostAddress { address: [10, 77, 0, 5].into(), prefix: None };
                    wish.network.address = Some(written(address));
                },
                &table,
            ),
        ),
        ("rename", document(&desired(), &api, &table)),
        ("autostart", edited(|wish| wish.autostart = written(true), &live)),
    ]
}

fn now() -> Timestamp {
    NOW.parse().unwrap()
}

fn read_value(document: &Value) -> Result<SavedPlan, String> {
    read("p", &document.to_string(), now()).map_err(|error| error.to_string())
}

#[expect(clippy::disallowed_methods, reason = "a test's own switch")]
fn bless() -> bool {
    std::env::var_os("VAGRANTP_BLESS").is_some()
}

#[test]
fn todays_plans_have_the_form_of_the_fixtures_and_those_still_read() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/plans");
    for (name, document) in every_kind() {
        let file = folder.join(format!("{}-{name}.json", env!("CARGO_PKG_VERSION")));
        let text = format!("{document:#}\n");
        if bless() {
            std::fs::write(&file, &text).unwrap();
        }
        let kept = std::fs::read_to_string(&file).unwrap();
        assert_eq!(kept, text, "{name}");
    }
    for entry in std::fs::read_dir(folder).unwrap() {
        let file = entry.unwrap().path();
        let text = std::fs::read_to_string(&file).unwrap();
        let plan = read("p", &text, now()).unwrap_or_else(|error| panic!("{file:?}: {error}"));
        assert!(!plan.steps.is_empty() && plan.seen.is_some(), "{file:?}");
    }
}

#[test]
fn what_a_plan_shows_is_what_it_would_do() {
    let [.., ("rename", _), (_, autostart)] = &every_kind()[..] else { panic!("six kinds") };
    assert!(read_value(autostart).is_ok());
    let mut warned = autostart.clone();
    warned["warnings"] = json!(["worth saying"]);
    assert!(read_value(&warned).is_ok());
    type Alter = fn(&mut Value);
    let alterations: [(Alter, &str); 7] = [
        (|plan| plan["plan"] = json!([]), "plan"),
        (|plan| plan["message"] = json!("Nothing to do."), "message"),
        (|plan| plan["changes"] = json!([]), "changes"),
        (|plan| plan["note"] = json!("harmless"), "note"),
        (|plan| plan["saved"]["note"] = json!("harmless"), "saved"),
        (|plan| plan["saved"]["steps"][0]["target"]["note"] = json!("harmless"), "saved"),
        (|plan| plan["success"] = json!(false), "success"),
    ];
    for (alter, field) in alterations {
        let mut plan = autostart.clone();
        alter(&mut plan);
        let says = format!("the plan p was altered: its `{field}` is not what it would do");
        assert_eq!(read_value(&plan).expect_err(field), says);
    }
}

#[test]
fn nothing_is_to_be_read_in_two_ways() {
    let (_, make) = &every_kind()[0];
    let text = make.to_string();
    let twice = text.replacen('{', r#"{"plan":[],"#, 1);
    let error = read("p", &twice, now()).expect_err("twice").to_string();
    assert!(error.starts_with("p is no saved plan: `plan` is there twice"), "{error}");
}

#[test]
fn its_moment_is_one_and_has_passed() {
    let (_, make) = &every_kind()[0];
    let reason = |moment: &str| {
        let mut plan = make.clone();
        plan["saved"]["made_at"] = json!(moment);
        read_value(&plan).expect_err("no moment")
    };
    for moment in ["not-a-time\u{1b}[31m", "", "2026-11-21", "2026-11-21T12:00:00+01:00[\u{7}]"] {
        assert_eq!(reason(moment), "p is no saved plan: its `made_at` is no moment");
    }
    let later = reason("2026-11-21T12:02:00Z");
    assert_eq!(later, "p is no saved plan: its `made_at` lies in the future");
}

#[test]
fn what_is_no_plan_of_this_format_is_told_apart() {
    let reason = |text: &str| read("p", text, now()).unwrap_err().to_string();
    assert!(reason("x").starts_with("p is no saved plan: expected value"));
    assert_eq!(reason("[]"), "p is no saved plan: it is no object");
    assert_eq!(reason("{}"), "p is no saved plan: it has no `saved`");
    let future = r#"{"schema": 1, "saved": {"schema": 2, "steps": "who knows"}}"#;
    assert_eq!(reason(future), "the plan p has the format 2, and this version knows 1");
    let outer = r#"{"schema": 3, "saved": {"schema": 1}}"#;
    assert_eq!(reason(outer), "the plan p has the format 3, and this version knows 1");
    let torn = r#"{"schema": 1, "saved": {"schema": 1}}"#;
    assert_eq!(reason(torn), "p is no saved plan: missing field `uuid`");
}
