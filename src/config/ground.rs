//! What stands in a project before `init` writes there: where its lines go, how they are to be
//! called, and whether there are any already.

use std::collections::BTreeSet;
use std::fs;
use std::ops::Range;
use std::path::{Path, PathBuf};

use super::env_file::{self, FaultKind};
use super::error::{FileError, LineError};
use super::keys::template::Names;
use super::keys::{self, PREFIX};
use super::read::{self, DEFAULT_FILES, LARGEST, Wanted};
use super::text::{Show, Text, shown};
use crate::model::problem::Problem;
use crate::model::source::Sources;

/// Where new lines go.
#[derive(Debug)]
pub struct Ground {
    /// The file's name as the user would type it.
    pub name: String,
    /// Where it is, with symlinks resolved where it exists.
    pub path: PathBuf,
    /// What it holds; none where it does not exist.
    pub content: Option<Vec<u8>>,
    /// How keys have to be called in it.
    pub names: Names,
    /// Names of the application's that vagrantp would read without the prefix, by their name.
    pub left: BTreeSet<String>,
}

/// Why nothing can be written.
#[derive(Debug)]
pub struct Refusal {
    /// Each reason.
    pub problems: Vec<Problem>,
    /// The texts that their places point into.
    pub sources: Sources,
}

impl From<Problem> for Refusal {
    fn from(problem: Problem) -> Self {
        Refusal { problems: vec![problem], sources: Sources::default() }
    }
}

/// Looks at the files of a project: at `.env` and those beside it, or at `given` alone.
///
/// # Errors
/// One of them has keys of vagrantp's already, or the one to write to cannot be read, has a quote
/// that takes in what would follow, or is a symlink that leads out of the project.
pub fn ground(dir: &Path, given: Option<&Path>) -> Result<Ground, Refusal> {
    let (name, path) = match given {
        Some(given) => (given.display().to_string(), dir.join(given)),
        None => (".env".to_owned(), dir.join(".env")),
    };
    let mut ground =
        Ground { path, name, content: None, names: Names::Plain, left: BTreeSet::new() };
    let link = fs::symlink_metadata(&ground.path).is_ok_and(|found| found.is_symlink());
    let is_there = link || ground.path.exists();
    if is_there {
        let real = fs::canonicalize(&ground.path);
        let inside = real.as_ref().is_ok_and(|real| given.is_some() || real.starts_with(dir));
        if link && !inside {
            let target = fs::read_link(&ground.path).unwrap_or_default();
            let target = shown(&target.display().to_string());
            return Err(FileError::LeadsOut { path: ground.name, target }.into_problem().into());
        }
        ground.path = real.unwrap_or(ground.path);
        let content = read::bytes(&ground.path, &shown(&ground.name));
        let content = content.map_err(FileError::into_problem)?;
        if content.len() > LARGEST {
            let path = shown(&ground.name);
            return Err(FileError::TooLarge { path }.into_problem().into());
        }
        ground.content = Some(content);
        ground.names = Names::Prefixed;
    }
    let others = DEFAULT_FILES.into_iter().filter(|other| given.is_none() && *other != ".env");
    let others = others.map(|name| Wanted { name: name.to_owned(), path: dir.join(name) });
    let others = others.filter(|other| other.path.exists());
    let mut texts = Vec::new();
    if let Some(content) = &ground.content {
        let (text, problem) = read::text_of(0, &ground.name, content);
        if let Some(problem) = problem {
            let sources = Sources(vec![text.visible(&[])]);
            return Err(Refusal { problems: vec![problem], sources });
        }
        texts.push((text, true));
    }
    for other in others {
        let found = read::read(texts.len(), &other);
        match found.problem {
            Some(problem) => {
                let mut sources: Vec<_> = texts.iter().map(|(text, _)| text.visible(&[])).collect();
                sources.push(found.text.visible(&[]));
                return Err(Refusal { problems: vec![problem], sources: Sources(sources) });
            }
            None => texts.push((found.text, false)),
        }
    }
    let (mut problems, mut sources) = (Vec::new(), Vec::new());
    for (text, is_target) in &texts {
        let found = look(text, *is_target);
        sources.push(text.visible(&found.shown));
        problems.extend(found.problem);
        if !found.left.is_empty() {
            ground.names = Names::Prefixed;
        }
        ground.left.extend(found.left);
    }
    if problems.is_empty() {
        Ok(ground)
    } else {
        Err(Refusal { problems, sources: Sources(sources) })
    }
}

/// What was found in one file.
#[derive(Default)]
struct Found {
    problem: Option<Problem>,
    shown: Vec<(Range<usize>, Show)>,
    left: BTreeSet<String>,
}

/// Looks for keys of vagrantp's. INFRA_TYPE and INFRA_ID are nobody else's, and what has the prefix
/// is not either; of other names nobody can tell.
fn look(text: &Text, is_target: bool) -> Found {
    let scan = env_file::scan(&text.text);
    let mut found = Found::default();
    let is_ours = |word: &str| match word.strip_prefix(PREFIX) {
        Some(name) => keys::find(name).is_some(),
        None => matches!(word, "INFRA_TYPE" | "INFRA_ID"),
    };
    let assigned = scan.entries.iter().map(|entry| entry.key.clone());
    let assigned = assigned.chain(scan.faults.iter().filter_map(|fault| fault.key.clone()));
    if let Some(key) = assigned.min_by_key(|key| (!is_ours(&text.text[key.clone()]), key.start))
        && is_ours(&text.text[key.clone()])
    {
        let place = text.place(key.clone());
        let field = text.text[key.clone()].trim_start_matches(PREFIX).to_owned();
        found.shown.push((key, Show::Plain));
        let problem = FileError::Described { path: text.name.to_string(), place: place.clone() };
        found.problem = Some(problem.into_problem().at(field, Some(&place)));
        return found;
    }
    // A quote that is open takes in whatever is written below.
    let open = scan
        .faults
        .iter()
        .find(|fault| matches!(fault.kind, FaultKind::Unterminated | FaultKind::AfterQuoteBelow));
    if let Some(fault) = open.filter(|_| is_target) {
        let place = text.place(fault.at.clone());
        let quote = text.text[fault.at.clone()].chars().next().unwrap_or('"');
        let start = fault.key.as_ref().map_or(fault.at.start, |key| key.start);
        found.shown.push((start..fault.at.end, Show::Plain));
        found.problem = Some(match fault.kind {
            FaultKind::Unterminated => LineError::Unterminated { place, quote }.into_problem(),
            _ => LineError::Swallowed { place, quote }.into_problem(),
        });
        return found;
    }
    let words = scan.words().map(|word| &text.text[word]);
    found.left = words.filter(|word| keys::find(word).is_some()).map(str::to_owned).collect();
    found
}

/// The content of a file with these lines after what stands in it, in the file's own line ends.
#[must_use]
pub fn appended(content: &[u8], block: &str) -> Vec<u8> {
    let mut all = content.to_owned();
    let crlf = content.windows(2).any(|pair| pair == b"\r\n");
    let end: &[u8] = if crlf { b"\r\n" } else { b"\n" };
    let text = content.strip_prefix(b"\xef\xbb\xbf").unwrap_or(content);
    if !text.is_empty() {
        if !text.ends_with(b"\n") {
            all.extend_from_slice(end);
        }
        all.extend_from_slice(end);
    }
    for line in block.lines() {
        all.extend_from_slice(line.as_bytes());
        all.extend_from_slice(end);
    }
    all
}

/// Whether a file of so many bytes may have so many more.
#[must_use]
pub fn has_room(content: usize) -> bool {
    content <= LARGEST
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::tests::Project;

    fn rule(project: &Project) -> Result<Ground, String> {
        let of = |refusal: Refusal| refusal.problems[0].rule().expect("it has a rule");
        ground(&project.path(), None).map_err(of)
    }

    #[test]
    fn keys_that_are_nobody_elses_are_found_in_any_form() {
        let described = "vagrantp::config::described_already";
        for env in [
            "A=1\nINFRA_TYPE=container\n",
            "INFRA_ID=x\n",
            "export VAGRANTP_MEMORY=1G",
            "INFRA_TYPE container\n",
            "INFRA_TYPE='container\n",
        ] {
            assert_eq!(rule(&Project::new(env)).expect_err(env), described, "{env}");
        }
        let project = Project::new("A=1\n");
        for other in ["vagrantp.env", ".env.local"] {
            project.write(other, "INFRA_TYPE=vm\n");
            assert_eq!(rule(&project).expect_err(other), described, "{other}");
            project.write(other, "");
        }
    }

    #[test]
    fn names_that_may_be_the_applications_are_left_to_it() {
        let project = Project::new("IMAGE=./logo.png\nA=1\n#INFRA_TYPE=vm\nVAGRANTP_COLOUR=1\n");
        let ground = rule(&project).expect("there is room");
        assert_eq!(ground.names, Names::Prefixed);
        assert_eq!(ground.left.into_iter().collect::<Vec<_>>(), ["IMAGE"]);
        // Beside a new file as well.
        std::fs::rename(project.path().join(".env"), project.path().join(".env.local")).unwrap();
        let ground = rule(&project).expect("there is room");
        assert_eq!((ground.names, ground.content), (Names::Prefixed, None));
        project.write(".env.local", "A=1\n");
        assert_eq!(rule(&project).expect("there is room").names, Names::Plain);
    }

    #[test]
    fn a_quote_that_would_take_the_new_lines_in_is_refused() {
        for (env, wanted) in [
            ("A='x\nB=1\n", "vagrantp::config::unterminated_quote"),
            ("A=\"x\nB=1\nC=\"y\"\n", "vagrantp::config::swallowed_lines"),
            ("A=\0\n", "vagrantp::config::env_file_nul"),
        ] {
            let project = Project::new(env);
            let refusal = ground(&project.path(), None).expect_err(env);
            assert_eq!(refusal.problems[0].rule().as_deref(), Some(wanted));
            let visible = &refusal.sources.0[0].visible;
            assert!(!visible.contains('x') && !visible.contains('B'), "{visible}");
        }
    }

    #[test]
    fn what_is_appended_keeps_every_byte_before_it() {
        for (content, all) in [
            ("", "B\nC\n"),
            ("A=1", "A=1\n\nB\nC\n"),
            ("A=1\n", "A=1\n\nB\nC\n"),
            ("A=1\r\n", "A=1\r\n\r\nB\r\nC\r\n"),
            ("\u{feff}", "\u{feff}B\nC\n"),
        ] {
            let done = appended(content.as_bytes(), "B\nC\n");
            assert_eq!(String::from_utf8(done).unwrap(), all);
        }
        assert!(has_room(LARGEST) && !has_room(LARGEST + 1));
    }
}
