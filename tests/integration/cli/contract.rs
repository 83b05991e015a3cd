//! What is told of the keys and the verbs: the schema that is printed, and help that fits.

use clap::CommandFactory;
use vagrantp::cli::Cli;

use super::{project, schema};

#[test]
fn schema_prints_the_committed_one() {
    let project = project("");
    let ran = project.ok(&["schema"]);
    let committed = include_str!("../../../docs/reference/schema.json");
    assert!(ran.stdout == committed, "docs/reference/schema.json is not what `schema` prints");
    let (_, document) = project.json(&["schema"]);
    schema::check(&document);
    let parsed: serde_json::Value = serde_json::from_str(committed).expect("JSON");
    assert_eq!(document["json_schema"], parsed);
}

#[test]
fn help_fits_into_eighty_columns() {
    let project = project("");
    let verbs: Vec<String> =
        Cli::command().get_subcommands().map(|verb| verb.get_name().to_owned()).collect();
    assert!(verbs.len() >= 13, "{verbs:?}");
    let calls =
        verbs.iter().flat_map(|verb| [vec![verb.as_str(), "--help"], vec![verb.as_str(), "-h"]]);
    for call in calls.chain([vec!["--help"], vec!["-h"]]) {
        let help = project.ok(&call).stdout;
        let long = help.lines().find(|line| line.chars().count() > 80);
        assert_eq!(long, None, "{call:?}");
        assert!(help.contains("Usage: vagrantp"), "{call:?}\n{help}");
    }
}
