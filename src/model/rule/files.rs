//! Rules about the files of the configuration, their lines, and the files that values name.

use super::{Rule, failure, mistake, warning};
use crate::model::code::Code;

pub(super) const RULES: &[Rule] = &[
    failure(
        "config::no_env_file",
        &[Code::ConfigMissing],
        "The directory has neither a `.env` nor a `vagrantp.env`.",
        "`vagrantp init` writes a `.env`; or name the project's directory with `-C`.",
    ),
    failure(
        "config::env_file_missing",
        &[Code::ConfigMissing],
        "A file that `--env-file` names does not exist.",
        "Correct the path; it is relative to the project's directory.",
    ),
    mistake(
        "config::env_file_is_directory",
        "A directory has the name of a configuration file.",
        "Rename the directory, or name a file with `--env-file`.",
    ),
    mistake(
        "config::env_file_not_regular",
        "The configuration is a device, a pipe or a socket.",
        "Write the keys into a regular file.",
    ),
    mistake(
        "config::env_file_unreadable",
        "The configuration may not be read.",
        "See with `ls -l` who may read it.",
    ),
    mistake(
        "config::more_mistakes",
        "There are more mistakes than are listed.",
        "Correct those that are listed, then call it again. Is it the right file?",
    ),
    warning(
        "config::more_warnings",
        "There are more warnings than are listed.",
        "See to those that are listed, then call it again. Is it the right file?",
    ),
    mistake(
        "config::env_file_too_large",
        "The file is larger than 1 MiB, and no configuration is.",
        "Is it the right file?",
    ),
    mistake("config::env_file_not_utf8", "The file is not UTF-8 text.", "Save it as UTF-8."),
    mistake(
        "config::env_file_nul",
        "The file holds a NUL byte, which no text has.",
        "Delete the byte at the place that the message names.",
    ),
    mistake(
        "config::env_file_leads_out",
        "The file that `init` would write to is a symlink to something outside of the project.",
        "Name the file that is meant with `--env-file`, or put one in the link's place.",
    ),
    failure(
        "config::env_file_unwritable",
        &[Code::PermissionDenied, Code::InsufficientResources, Code::ConfigMissing, Code::Internal],
        "The file that `init` would write cannot be written.",
        "Do what the message says, or print the lines with `vagrantp init --dry-run`.",
    ),
    failure(
        "config::env_file_changed",
        &[Code::InvalidState],
        "Somebody else wrote the file while `init` was about to.",
        "Call `vagrantp init` again.",
    ),
    mistake(
        "config::described_already",
        "The project says already which machine it wants, so `init` writes nothing.",
        "Edit what stands there; `vagrantp validate` shows how it is understood.",
    ),
    mistake(
        "config::unterminated_quote",
        "A quote is opened and never closed.",
        "Close it at the end of the value.",
    ),
    mistake(
        "config::swallowed_lines",
        "A quote takes in the lines after it, and something follows where it closes.",
        "Close it on its own line; only a comment may follow.",
    ),
    mistake(
        "config::not_an_assignment",
        "A line names a key of vagrantp and assigns nothing.",
        "Write `KEY=value` on one line.",
    ),
    mistake(
        "config::text_after_quote",
        "Something follows the quote that closes a value.",
        "Start a comment with `#`, or take the rest into the quotes.",
    ),
    mistake(
        "config::duplicate_key",
        "A key of vagrantp stands twice in one file.",
        "Delete one of the two lines.",
    ),
    mistake(
        "config::undefined_name",
        "A `$` refers to a name that is defined nowhere before.",
        "Define it further up, give a default (`${NAME:-default}`), or put the value in single quotes.",
    ),
    mistake(
        "config::bad_reference",
        "A `${…}` has a form that is not known.",
        "Write `${NAME}` or `${NAME:-default}`.",
    ),
    mistake(
        "config::value_too_long",
        "What a value refers to makes it longer than 1 MiB.",
        "Write the value out, or refer to something shorter.",
    ),
    mistake(
        "config::set_not_an_assignment",
        "What follows `--set` has no `=`.",
        "Write it as `--set MEMORY=4G`.",
    ),
    mistake(
        "config::set_unknown_key",
        "What follows `--set` is no key of vagrantp.",
        "`vagrantp explain` lists the keys.",
    ),
    mistake(
        "config::file_missing",
        "A file that a key names does not exist.",
        "Create it, or correct the path; it is relative to the project's directory.",
    ),
    mistake(
        "config::file_unreadable",
        "A file that a key names may not be read.",
        "See with `ls -ld` who may read it.",
    ),
    mistake(
        "config::file_is_directory",
        "The key names a directory, and a file belongs there.",
        "Name the file inside of it.",
    ),
    mistake(
        "config::file_not_regular",
        "The key names a device, a pipe or a socket.",
        "Name a regular file.",
    ),
    mistake(
        "config::file_empty",
        "The file that the key names is empty.",
        "Name a file with a content.",
    ),
    mistake(
        "config::file_of_wrong_kind",
        "The file that the key names is something else than it has to be.",
        "Name a file of the kind that the message asks for.",
    ),
    mistake(
        "config::bad_yaml",
        "The file that the key names is not valid YAML.",
        "Correct the line that the message names.",
    ),
    mistake(
        "config::playbook_suffix",
        "Playbooks end in `.yml` or `.yaml`.",
        "Name a playbook, or rename the file.",
    ),
    mistake(
        "config::key_readable",
        "Others may read the private key, and `ssh` would refuse it.",
        "Run `chmod 600` on it.",
    ),
    mistake(
        "config::mount_missing",
        "A directory of MOUNTS does not exist.",
        "Create it, or correct the path.",
    ),
    mistake(
        "config::mount_leads_out",
        "A directory of the project that is to be mounted is a symlink to somewhere else.",
        "Write where it leads to, if that is what shall be mounted.",
    ),
    warning(
        "config::lookalike_key",
        "A name is one letter off a key of vagrantp.",
        "Correct it, unless it is the application's own.",
    ),
    mistake(
        "config::unclear_name",
        "A `$` refers to a name whose own value holds a reference that cannot be resolved.",
        "Correct the line that sets the name; a plain `$` in it goes into single quotes.",
    ),
    mistake(
        "config::nested_too_deep",
        "The default of a reference holds references, more than eight inside of each other.",
        "Set a name to the inner part on a line further up, and refer to that.",
    ),
    warning(
        "config::default_taken",
        "The name of a reference refers to what is not defined, so the default was taken.",
        "Correct the line that sets the name, or write the value out.",
    ),
    warning(
        "config::overridden_mistake",
        "A value is wrong, and does not count, since a stronger file or option sets the key too.",
        "Correct or delete it: it fails wherever the stronger one is missing.",
    ),
    warning(
        "config::yaml_key_twice",
        "In a file of YAML a key stands twice in one mapping; the second counts.",
        "Delete one of the two.",
    ),
    warning(
        "config::taken_in_line",
        "A quoted value of vagrantp's spans lines, and one of them reads like an assignment.",
        "Close the quote further up, if that line is not meant; the value is not shown.",
    ),
    warning(
        "config::old_key",
        "Earlier tools read this name, and vagrantp does not.",
        "Write the name that the message gives.",
    ),
    warning(
        "config::prefix_alone",
        "The name has the prefix, and INFRA_TYPE has none: so it is not read.",
        "Drop the prefix, or write VAGRANTP_INFRA_TYPE too.",
    ),
    warning(
        "config::skipped_line",
        "A line is no assignment, and is not vagrantp's.",
        "Nothing, if vagrantp is not meant.",
    ),
];
