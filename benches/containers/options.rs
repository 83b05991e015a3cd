//! The command line of the benches.

use std::path::PathBuf;

const HELP: &str = "\
Measures vagrantp against podman and prints a Markdown table.

  --image FILE      a root file system to run (benches/run.sh makes one)
  --folder DIR      where projects and records go (default: below target/)
  --vagrantp FILE   the program to measure (default: the one of this build)
  --runs N          rounds of the quick rows (default 20)
  --bulk-runs N     rounds of the rows that move 1 GiB (default 8)
  --only GROUP      one group alone: calls, warm, cold, life, cold-life, bulk, list
  --strict          exit 1 where a limit is missed";

/// What was asked for.
pub(crate) struct Options {
    pub(crate) image: PathBuf,
    pub(crate) vagrantp: PathBuf,
    pub(crate) folder: PathBuf,
    pub(crate) runs: usize,
    pub(crate) bulk_runs: usize,
    pub(crate) only: Option<String>,
    pub(crate) strict: bool,
}

/// Why nothing is measured: help was asked for, or the command line is wrong.
pub(crate) struct Stop {
    pub(crate) text: String,
    pub(crate) status: i32,
}

impl Options {
    pub(crate) fn read(mut args: impl Iterator<Item = String>) -> Result<Options, Stop> {
        let mut options = Options {
            image: PathBuf::new(),
            vagrantp: PathBuf::from(env!("CARGO_BIN_EXE_vagrantp")),
            folder: PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("bench"),
            runs: 20,
            bulk_runs: 8,
            only: None,
            strict: false,
        };
        let wrong = |text: String| Stop { text: format!("error: {text}\n\n{HELP}"), status: 2 };
        while let Some(arg) = args.next() {
            let mut value = || args.next().ok_or_else(|| wrong(format!("{arg} needs a value")));
            let count = |text: String| match text.parse() {
                Ok(0) | Err(_) => Err(wrong(format!("{text} is no number of runs"))),
                Ok(number) => Ok(number),
            };
            match arg.as_str() {
                "--image" => options.image = value()?.into(),
                "--vagrantp" => options.vagrantp = value()?.into(),
                "--folder" => options.folder = value()?.into(),
                "--runs" => options.runs = count(value()?)?,
                "--bulk-runs" => options.bulk_runs = count(value()?)?,
                "--only" => options.only = Some(value()?),
                "--strict" => options.strict = true,
                "--help" | "-h" => return Err(Stop { text: HELP.to_owned(), status: 0 }),
                // `cargo bench` adds it.
                "--bench" => {}
                other => return Err(wrong(format!("{other} is not an option"))),
            }
        }
        let groups = crate::rows::GROUPS.map(|(name, _)| name);
        if let Some(only) = &options.only
            && !groups.contains(&only.as_str())
        {
            return Err(wrong(format!("there is no group {only}")));
        }
        if !options.image.is_file() {
            return Err(wrong("--image has to name a root file system".to_owned()));
        }
        Ok(options)
    }
}
