//! Renders `docs/reference/config.md` from the table of keys.

use std::fmt::Write as _;

use super::keys::{self, Default};
use super::print::quoted;
use crate::model::id::ProviderKind;

const INTRODUCTION: &str = "\
# Keys of the `.env`

<!-- Made from the table in `src/config/keys/`; `VAGRANTP_BLESS=1 cargo test --lib reference` makes
it again. -->

vagrantp reads the keys below and no others; all of them may be written with the prefix
`VAGRANTP_`, and where a file says `VAGRANTP_INFRA_TYPE`, only prefixed names are read. How a line
is written is in [env-file.md](env-file.md). What was understood, and from where, is shown by
`vagrantp validate --json`, and for one key by `vagrantp explain KEY`. [schema.json](schema.json) says
the same as this page as a JSON Schema.

**What wins:** `--set KEY=VALUE`, then `VAGRANTP_<KEY>` in the environment, then the last file, then
the files before it, then the default. The files are those given by `--env-file`, else `vagrantp.env`,
`.env` and `.env.local` of the project's directory. A value from `--set` or from the environment is
taken as it stands: no quotes are removed and no `$` is resolved in it. A value that is empty is the
same as none, also where a weaker layer has one: that one then counts.

**Sizes** are whole numbers with `M`, `MB`, `MiB`, `G`, `GB` or `GiB`, in any case, in steps of 1024.
**Lists** have commas between their items; spaces and tabs around an item don't count.
**Paths** are relative to the project's directory; `~/` is the caller's home directory.

**IMAGE of a container** is a path where it starts with `./`, `../`, `/` or `~/`, and a registry
reference otherwise: `foo/bar` is `docker.io/foo/bar:latest`, whatever lies in the directory (where
a file of that name does, a warning says so). What a path is, its content tells: a file called
`Containerfile`, `Dockerfile` or `….containerfile` is built; a tarball in the layout of the OCI or of
`podman save`, plain or with gzip, is an image with its configuration; every other tarball, plain or with
gzip, bzip2, xz or zstd, is a root file system.

**SSH_AUTHORIZED_KEYS** that is one word is the path of a file. Options in front of a key
(`from=\"…\"`) are left out.

**Files that say what the next `up` does** (`.env*`, `vagrantp.env`, those given by `--env-file`,
playbooks, PROVISIONING_VARS, CLOUD_INIT) are mounted read-only over every writable mount that holds
them. A file that does not exist yet cannot be: where `vagrantp.env`, `.env` or `.env.local` appears
beneath such a mount, `up` refuses until somebody names the files with `--env-file`. An editor that
saves by putting a new file in the old one's place takes the protection away until the machine starts
again: `status` shows that, and an `up` that would do something asks first.
`docs/decisions/0009-what-runs-inside-writes-no-next-up.md` and
`docs/decisions/0021-an-open-env-is-asked-about.md` say what that means, and what to mount for those who
trust nothing inside.
";

/// The whole page.
fn page() -> String {
    let mut page = format!("{INTRODUCTION}\n| Key | Default | Used by |\n|---|---|---|\n");
    for key in keys::all() {
        let (name, anchor) = (key.name, key.name.to_lowercase());
        let default = default(key.default);
        writeln!(page, "| [{name}](#{anchor}) | {default} | {} |", used_by(key.used_by))
            .expect("a string takes it");
    }
    page.push_str(
        "\n## What the schema cannot say\n\n\
         These are told by `vagrantp validate` alone, which names the rule:\n\n",
    );
    for (what, rules) in keys::schema::BEYOND {
        let rules = rules.join(", ");
        let rules = if rules.is_empty() { rules } else { format!(" ({rules})") };
        writeln!(page, "- {what}{rules}").expect("a string takes it");
    }
    for key in keys::all() {
        let secret = if key.secret { " Its value is never shown." } else { "" };
        writeln!(
            page,
            "\n## {}\n\n{}{secret}\n\n- Value: {}\n- Default: {}\n- Example: `{}={}`",
            key.name,
            key.doc,
            key.expected,
            default(key.default),
            key.name,
            quoted(key.example),
        )
        .expect("a string takes it");
    }
    page
}

fn default(default: Default) -> String {
    match default {
        Default::Required => "required".to_owned(),
        Default::None => "none".to_owned(),
        Default::Value(value) => format!("`{value}`"),
        Default::Depends(words) => words.to_owned(),
    }
}

fn used_by(providers: &[ProviderKind]) -> String {
    if ProviderKind::WRITTEN.iter().all(|kind| providers.contains(kind)) {
        return "all".to_owned();
    }
    let names: Vec<&str> = providers.iter().map(|kind| kind.as_str()).collect();
    names.join(", ")
}

#[test]
#[expect(clippy::disallowed_methods, reason = "only the person at the test decides to rewrite")]
fn the_reference_is_that_of_the_table() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/reference/config.md");
    if std::env::var_os("VAGRANTP_BLESS").is_some() {
        std::fs::write(path, page()).expect("the page can be written");
    }
    let written = std::fs::read_to_string(path).expect("the page is there");
    assert!(
        written == page(),
        "docs/reference/config.md is not that of the table: \
         run `VAGRANTP_BLESS=1 cargo test --lib reference`"
    );
}
