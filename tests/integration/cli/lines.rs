//! The lines of the `.env`: its grammar as the user meets it, and the lines of the application.

use insta::assert_snapshot;

use super::{places, project, refused, understood, warned};

#[test]
fn the_applications_keys_are_never_complained_about() {
    let project = project(
        "INFRA_TYPE=container\n\
         DATABASE_PASSWORD=hunter2\n\
         PORT=3000\n\
         NODE_ENV=production\n\
         API_KEY='$(not for us)'\n\
         app.setting = anything # at all\n\
         export AWS_SECRET_ACCESS_KEY=abc/def+ghi\n\
         UNDEFINED_REFERENCE=${NOWHERE}\n\
         MULTI=\"one\n\
         two\"\n\
         BARE_NAME\n",
    );
    assert_eq!(warned(&project), "");
}

#[test]
fn a_malformed_line_of_ours_is_an_error_with_its_line() {
    assert_snapshot!(refused(&project("INFRA_TYPE=container\nMEMORY: 2048\n")), @"
    vagrantp::config::not_an_assignment

      × MEMORY is not assigned
       ╭─[.env:2:7]
     2 │ MEMORY:     
       ·       ┬
       ·       ╰── this line is not of the form `MEMORY=value`
       ╰────
      help: write `MEMORY=` and the value on one line
    ");
    assert_snapshot!(refused(&project("INFRA_TYPE=container\nMEMORY=\"1G\" CPUS=2\n")), @"
    vagrantp::config::text_after_quote

      × something follows the value of MEMORY
       ╭─[.env:2:13]
     2 │ MEMORY            
       ·             ┬
       ·             ╰── only a comment may stand here
       ╰────
      help: end the value with its quote, and start a comment with `#`
    ");
    assert_snapshot!(refused(&project("INFRA_TYPE=container\nCPUS=1\nMEMORY=1G\nCPUS=2\n")), @"
    vagrantp::config::duplicate_key

      × CPUS stands twice in one file
       ╭─[.env:2:1]
     2 │ CPUS=1
       · ──┬─
       ·   ╰── here first
       ╰────
       ╭─[.env:4:1]
     4 │ CPUS=2
       · ──┬─
       ·   ╰── and here again
       ╰────
      help: delete one of the two lines
    ");
    assert_snapshot!(refused(&project("INFRA_TYPE=container\nSECRET='canary\nMEMORY=1G\n")), @"
    vagrantp::config::unterminated_quote

      × a quote is not closed
       ╭─[.env:2:8]
     2 │ SECRET='      
       ·        ┬
       ·        ╰── it opens here
       ╰────
      help: put a `'` at the end of the value
    ");
}

#[test]
fn a_malformed_line_of_the_application_is_a_warning_without_its_text() {
    let project = project("INFRA_TYPE=container\n<<<<<<< canary\n");
    assert_snapshot!(warned(&project), @"
    vagrantp::config::skipped_line

      ⚠ a line is not an assignment, and is skipped
       ╭─[.env:2:1]
     2 │               
       · ▲
       · ╰── not of the form `KEY=value`
       ╰────
      help: if line 2 of .env is meant for vagrantp, write it as `KEY=value`
    ");
}

#[test]
fn values_may_refer_to_earlier_ones() {
    let project = project(
        "NAME=web\n\
         INFRA_TYPE=container\n\
         INFRA_ID=${NAME}-1\n\
         MEMORY=${SIZE:-1G}\n\
         CPUS=$COUNT\n\
         SSH_USER='$NAME'\n",
    )
    .with("COUNT", "1");
    assert_snapshot!(places(&project), @".env:6:11 SSH_USER: SSH_USER must be a user's name");
    project.file(
        ".env",
        "NAME=web\nINFRA_TYPE=container\nINFRA_ID=${NAME}-1\nMEMORY=${SIZE:-1G}\nCPUS=$COUNT\n",
    );
    assert_snapshot!(understood(&project, &["INFRA_ID", "MEMORY", "CPUS"]), @r#"
    INFRA_ID: "web-1"
    MEMORY: 1024
    CPUS: 1
    "#);
    project.file(".env", "INFRA_TYPE=container\nMEMORY=${SIZE}\nNAME=${ALSO_MISSING}\n");
    assert_snapshot!(refused(&project), @"
    vagrantp::config::undefined_name

      × MEMORY refers to SIZE, which is not defined
       ╭─[.env:2:8]
     2 │ MEMORY=${SIZE}
       ·        ───┬───
       ·           ╰── SIZE is not defined before this line, nor in the environment
       ╰────
      help: define SIZE further up, or give a default: `${SIZE:-default}`; for a
            plain `$`, put the value in single quotes
    ");
}

#[test]
fn command_substitution_is_plain_text() {
    let project = project(
        "INFRA_TYPE=container\n\
         IMAGE=$(touch pwned)\n\
         INFRA_ID=`touch pwned`\n\
         COMMAND=sleep $(touch pwned)\n\
         MEMORY=$((1024*2))\n",
    );
    assert_snapshot!(places(&project), @"
    .env:2:7 IMAGE: IMAGE does not name an image
    .env:3:10 INFRA_ID: INFRA_ID must be a hostname label
    .env:5:8 MEMORY: MEMORY must be a size
    ");
    for verb in ["validate", "plan", "up", "render", "status", "rm"] {
        project.run(&[verb]);
    }
    assert!(!project.dir().join("pwned").exists(), "something ran a value");
    project.file(".env", "INFRA_TYPE=container\nCOMMAND=echo $(touch pwned) `x`; rm -rf /\n");
    assert_snapshot!(understood(&project, &["COMMAND"]), @r#"COMMAND: {"argv":["echo","$(touch","pwned)","`x`;","rm","-rf","/"]}"#);
}

#[test]
fn control_characters_are_refused_and_not_repeated() {
    let project = project("INFRA_TYPE=container\nINFRA_ID=a\u{1b}[2Jb\n");
    let said = refused(&project);
    assert!(!said.contains('\u{1b}'));
    assert_snapshot!(said, @"
    vagrantp::config::control_character

      × INFRA_ID has a control character: an escape character (U+001B)
       ╭─[.env:2:11]
     2 │ INFRA_ID=a?[2Jb
       ·           ┬
       ·           ╰── an escape character (U+001B)
       ╰────
      help: delete the character and type the value again
    ");
}

#[test]
fn prefixed_names_are_read_alone_where_the_type_has_the_prefix() {
    let project = project(
        "VAGRANTP_INFRA_TYPE=container\n\
         VAGRANTP_MEMORY=1G\n\
         MEMORY=the application's\n\
         IMAGE=logo.png\n",
    );
    assert_eq!(warned(&project), "");
    assert_eq!(
        understood(&project, &["INFRA_TYPE", "MEMORY"]),
        "INFRA_TYPE: \"container\"\nMEMORY: 1024"
    );
    project.file(".env", "INFRA_TYPE=container\nVAGRANTP_MEMORY=1G\n");
    assert_snapshot!(warned(&project), @"
    vagrantp::config::prefix_alone

      ⚠ `VAGRANTP_MEMORY` is not read, since INFRA_TYPE has no prefix
       ╭─[.env:2:1]
     2 │ VAGRANTP_MEMORY   
       · ───────┬───────
       ·        ╰── not read
       ╰────
      help: write `MEMORY`, or give all keys of vagrantp the prefix,
            `VAGRANTP_INFRA_TYPE` first
    ");
}
