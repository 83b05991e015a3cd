//! The corpus of `tests/hostile/`: values that try to break out of where they are put, each with
//! what has to come of it. A row names fields, not providers: a provider joins by reading its fields
//! back from what it renders and from what it has made.

use std::path::{Path, PathBuf};

/// One value in one field.
#[derive(Clone, Debug)]
pub(crate) struct Entry {
    /// The file that it stands in, without its suffix.
    pub(crate) class: String,
    /// A key; or `COMMAND.arg`, `QEMU_ARGS.arg` (one word), `MOUNTS.host`, `MOUNTS.guest`, `PROJECT`
    /// (the directory's name), `APP` (a key of the application's), `FILE` (a whole `.env`).
    pub(crate) field: String,
    /// The value; of a `FILE`, its bytes.
    pub(crate) value: Vec<u8>,
    /// `carried`, or the rules that are broken with `+` between.
    pub(crate) outcome: String,
}

impl Entry {
    /// The value as text.
    pub(crate) fn text(&self) -> &str {
        std::str::from_utf8(&self.value).expect("only files are no text")
    }

    /// Whether it is taken as it is.
    pub(crate) fn is_carried(&self) -> bool {
        self.outcome == "carried"
    }
}

/// Where the tables are.
pub(crate) fn tables() -> Vec<PathBuf> {
    let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/hostile");
    let entries = std::fs::read_dir(dir).expect("the corpus is there").flatten();
    let mut paths: Vec<PathBuf> = entries.map(|entry| entry.path()).collect();
    paths.retain(|path| path.extension().is_some_and(|suffix| suffix == "txt"));
    paths.sort();
    paths
}

/// Every entry of the corpus.
pub(crate) fn corpus() -> Vec<Entry> {
    tables().iter().flat_map(|path| table(path)).chain(delimiters()).collect()
}

/// The entries of `delimiters.table`: a row is `KEY VALUE OUTCOME…`, one outcome for each character of
/// the first row.
fn delimiters() -> Vec<Entry> {
    let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/hostile");
    let text = std::fs::read_to_string(dir.join("delimiters.table")).expect("is text");
    let mut rows = text.lines().filter(|line| !line.is_empty() && !line.starts_with('#'));
    let string = |text: &str| serde_json::from_str::<String>(text).expect("a string");
    let head: Vec<&str> = rows.next().expect("the characters").split_whitespace().collect();
    let characters: Vec<String> = head[1..].iter().map(|text| string(text)).collect();
    let entries = rows.flat_map(|row| {
        let cells: Vec<&str> = row.split_whitespace().collect();
        assert_eq!(cells.len(), characters.len() + 2, "{row}");
        let entry = |(character, outcome): (&String, &&str)| Entry {
            class: "delimiters".to_owned(),
            field: cells[0].to_owned(),
            value: format!("{}{character}x", string(cells[1])).into_bytes(),
            outcome: (*outcome).to_owned(),
        };
        characters.iter().zip(&cells[2..]).map(entry).collect::<Vec<_>>()
    });
    entries.collect()
}

/// The entries of one file. A row is `FIELD,FIELD… VALUE OUTCOME,OUTCOME…`; where all fields come to
/// the same, one outcome does.
fn table(path: &Path) -> Vec<Entry> {
    let class = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
    let text = std::fs::read_to_string(path).expect("is text");
    let rows = text.lines().filter(|line| !line.is_empty() && !line.starts_with('#'));
    let entries = rows.flat_map(|row| {
        let (fields, rest) = row.split_once(' ').unwrap_or_else(|| panic!("{class}: {row}"));
        let (value, outcomes) = rest.trim().rsplit_once(' ').expect("a value and an outcome");
        let value = evaluated(value.trim());
        let outcomes: Vec<&str> = outcomes.split(',').collect();
        let fields: Vec<&str> = fields.split(',').collect();
        assert!(outcomes.len() == 1 || outcomes.len() == fields.len(), "{class}: {row}");
        let entry = |(index, field): (usize, &&str)| Entry {
            class: class.clone(),
            field: (*field).to_owned(),
            value: value.clone(),
            outcome: (*outcomes.get(index).unwrap_or(&outcomes[0])).to_owned(),
        };
        fields.iter().enumerate().map(entry).collect::<Vec<_>>()
    });
    entries.collect()
}

/// `"JSON string" *7 + x"hexadecimal bytes"` → bytes.
fn evaluated(expression: &str) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut rest = expression;
    loop {
        let is_hex = rest.starts_with('x');
        let from = rest.strip_prefix('x').unwrap_or(rest);
        let mut values = serde_json::Deserializer::from_str(from).into_iter::<String>();
        let text = values.next().and_then(Result::ok).unwrap_or_else(|| panic!("{expression}"));
        rest = from[values.byte_offset()..].trim_start();
        let term = if is_hex {
            let digit = |at: usize| u8::from_str_radix(&text[at..at + 2], 16).expect("hexadecimal");
            (0..text.len()).step_by(2).map(digit).collect()
        } else {
            text.into_bytes()
        };
        let count = rest.strip_prefix('*').map(|rest| rest.split(' ').next().unwrap_or(rest));
        let times = count.map_or(1, |count| count.parse().expect("a number"));
        bytes.extend(term.repeat(times));
        rest = count.map_or(rest, |count| rest[1 + count.len()..].trim_start());
        match rest.strip_prefix('+') {
            Some(next) => rest = next.trim_start(),
            None => {
                assert_eq!(rest, "", "{expression}");
                return bytes;
            }
        }
    }
}

/// One word as it stands in a command line.
pub(crate) fn word(text: &str) -> String {
    shlex::try_quote(text).expect("has no NUL").into_owned()
}

/// Every value of the corpus that a container carries, in few keys of one machine.
#[cfg(feature = "podman")]
pub(crate) struct Batch {
    /// The arguments of the main process.
    pub(crate) words: Vec<String>,
    /// Where each mount comes from and goes to.
    pub(crate) mounts: Vec<(String, String)>,
    /// MOUNTS as it is written.
    written: Vec<String>,
}

/// Puts them together, and makes the directories in the project; each holds a file `here`.
#[cfg(feature = "podman")]
pub(crate) fn batch(dir: &Path) -> Batch {
    let mut batch = Batch { words: Vec::new(), mounts: Vec::new(), written: Vec::new() };
    let carried = corpus().into_iter().filter(Entry::is_carried);
    for entry in carried {
        let (text, number) = (entry.text().to_owned(), batch.mounts.len());
        let of_corpus = entry.class != "delimiters";
        match &*entry.field {
            "COMMAND.arg" => batch.words.push(text),
            "MOUNTS.host" if !text.starts_with('/') && !text.contains("..") => {
                let path = dir.join(&text);
                std::fs::create_dir_all(&path).expect("a directory");
                let path = path.canonicalize().expect("it is there");
                // Classes have some values in common; a mount of each is enough.
                let source = path.display().to_string();
                if batch.mounts.iter().any(|(known, _)| *known == source) {
                    continue;
                }
                std::fs::write(path.join("here"), number.to_string()).expect("a file");
                batch.written.push(format!("./{text}:/m/{number}"));
                batch.mounts.push((source, format!("/m/{number}")));
            }
            "MOUNTS.guest" if of_corpus && !text.contains("//") => {
                let path = dir.join(format!("guest-{number}"));
                std::fs::create_dir_all(&path).expect("a directory");
                std::fs::write(path.join("here"), number.to_string()).expect("a file");
                batch.written.push(format!("./guest-{number}:/g{text}"));
                batch.mounts.push((path.display().to_string(), format!("/g{text}")));
            }
            _ => {}
        }
    }
    batch
}

#[cfg(feature = "podman")]
impl Batch {
    /// The `.env`, with these lines in front. The main process stays up, and has the words as its
    /// arguments.
    pub(crate) fn env(&self, lines: &str) -> String {
        let words: Vec<String> = self.words.iter().map(|text| word(text)).collect();
        let main = "sh -c 'while :; do sleep 1; done' corpus";
        let command = format!("{main} {}", words.join(" "));
        let line = |key: &str, value: &str| {
            vagrantp::config::print::assignment(key, value).expect("has no NUL")
        };
        format!(
            "INFRA_TYPE=container\n{lines}{}\n{}\n",
            line("COMMAND", &command),
            line("MOUNTS", &self.written.join(","))
        )
    }
}
