//! What is said of a mistake is the mistake, and nothing beside it.

use super::project::{Project, rules, said};

#[test]
fn of_a_name_that_cannot_be_told_the_line_that_sets_it_is_named() {
    for host in ["${NOPE}", "$NOPE", "${NOPE:?x}", "${A:-${NOPE}}"] {
        let env = format!("# one\nHOST={host}\nINFRA_TYPE=container\nSSH_USER=$HOST\n");
        let loaded = Project::new(&env).load();
        assert_eq!(rules(&loaded.errors), ["unclear_name@.env:4:10"], "{host}");
        let said = said(&loaded);
        assert!(said.contains("look at line 2, where HOST is set"), "{said}");
        assert!(!said.contains("HOST is not defined") && !said.contains("NOPE"), "{said}");
    }
}

#[test]
fn a_default_that_stands_in_for_what_cannot_be_told_is_a_doubt_or_a_mistake() {
    let env = |host: &str| format!("HOST={host}\nINFRA_TYPE=container\nSSH_USER=${{HOST:-me}}\n");
    let loaded = Project::new(&env("${NOPE}")).load();
    assert_eq!(rules(&loaded.warnings), ["default_taken@.env:3:10"]);
    assert_eq!(loaded.config.expect("no mistake").ssh_user.expect("written").value, "me");
    let loaded = Project::new(&env("${NOPE:?x}")).load();
    assert_eq!(rules(&loaded.errors), ["unclear_name@.env:3:10"]);
    let loaded = Project::new(&env("")).load();
    assert!(loaded.warnings.is_empty() && loaded.errors.is_empty());
}

#[test]
fn a_reference_takes_the_advice_from_its_own_item_alone() {
    let loaded = Project::new("P=x\nINFRA_TYPE=container\nPORTS=$P:80,8080:80/sctp,80\n").load();
    let help = |index: usize| loaded.errors[index].help().expect("there is some");
    assert_eq!(loaded.errors.len(), 3, "{:?}", loaded.errors);
    assert!(help(0).contains("see what it refers to"), "{}", help(0));
    for index in [1, 2] {
        assert!(!help(index).contains("refers to"), "{}", help(index));
    }
    let said = said(&loaded);
    assert_eq!(said.matches("what this stands for is not accepted").count(), 2, "{said}");
}

#[test]
fn a_control_character_is_named_and_hides_no_other_mistake() {
    let env = "INFRA_TYPE=container\nDNS=\"9.9.9.9\t,x,1.1.1\\t.1,\\r9.9.9.9,y\nz,\\t8.8.8.8\"\n";
    let loaded = Project::new(env).load();
    assert_eq!(
        rules(&loaded.errors),
        [
            "not_an_address@.env:2:15",
            "control_character@.env:2:22",
            "control_character@.env:2:27",
            "control_character@.env:2:38",
        ]
    );
    let messages: Vec<_> = loaded.errors[1..].iter().map(|problem| problem.message()).collect();
    assert_eq!(
        messages,
        [
            "DNS has a control character: a tab",
            "DNS has a control character: a carriage return",
            "DNS has a control character: a line break",
        ]
    );
}

#[test]
fn blanks_around_an_item_are_spaces_and_tabs() {
    let loaded = Project::new("INFRA_TYPE=container\nPORTS='1:1,\t2:2 ,\t 3:3'\n").load();
    assert!(loaded.errors.iter().all(|problem| problem.message().contains("only root")));
    let loaded = Project::new("INFRA_TYPE=container\nDNS=9.9.9.9,\u{a0}1.1.1.1\n").load();
    assert_eq!(rules(&loaded.errors), ["not_an_address@.env:2:13"]);
}

#[test]
fn a_digit_that_only_looks_like_one_is_told_wherever_it_stands() {
    let loaded = Project::new("INFRA_TYPE=container\nIP_ADDRESS=10.0.0.5/\u{ff12}4\n").load();
    assert_eq!(rules(&loaded.errors), ["lookalike_digit@.env:2:21"]);
}

#[test]
fn a_mistake_that_a_stronger_layer_hides_is_a_warning() {
    let project = Project::new("INFRA_TYPE=container\n");
    project.write("vagrantp.env", "CPUS=x\nMEMORY=2G\nPROVISIONING_EXTRA_VARS=hunter2\n");
    project.write(".env.local", "CPUS=2\nMEMORY=1G\nPROVISIONING_EXTRA_VARS=a=1\n");
    let loaded = project.load();
    assert!(loaded.errors.is_empty(), "{:?}", loaded.errors);
    assert_eq!(
        rules(&loaded.warnings),
        ["overridden_mistake@vagrantp.env:1:6", "overridden_mistake@vagrantp.env:3:25"]
    );
    let said = said(&loaded);
    assert!(said.contains("overridden in .env.local") && !said.contains("hunter2"), "{said}");
}

#[test]
fn text_and_document_say_the_same_column() {
    for before in ["👩\u{200d}💻", "\u{200b}x\u{202e}", "\u{2066}\u{9b}", "é"] {
        let env = format!("INFRA_TYPE=container\nREQUIRE_OS=debian:12,{before}\n");
        let loaded = Project::new(&env).load();
        let place = loaded.errors[0].place.clone().expect("has one");
        let said = said(&loaded);
        assert!(said.contains(&format!(".env:2:{}]", place.column)), "{said}");
        let env = format!("INFRA_TYPE=container\nMOUNTS=.:/{before}:rx\n");
        let loaded = Project::new(&env).load();
        let column = 11 + before.chars().count() + 1;
        if rules(&loaded.errors)[0].starts_with("bad_mount_option") {
            assert_eq!(loaded.errors[0].place.as_ref().map(|p| p.column as usize), Some(column));
            assert!(super::project::said(&loaded).contains(&format!(".env:2:{column}]")));
        }
    }
}
