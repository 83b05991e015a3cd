//! What a `.containerignore` leaves out of a build's context, by the rules that Podman and Docker
//! share: paths from the context's root, `*`, `?`, `[…]` within a name, `**` over any number of
//! directories, `!` takes something back in, and the last line that fits decides.

/// The lines of an ignore file.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Ignore(Vec<Rule>);

#[derive(Clone, Debug, PartialEq, Eq)]
struct Rule {
    names: Vec<String>,
    keeps: bool,
}

impl Ignore {
    pub(super) fn parse(text: &str) -> Ignore {
        let text = text.trim_start_matches('\u{feff}');
        Ignore(text.lines().filter_map(Rule::parse).collect())
    }

    /// Whether a file is left out.
    pub(super) fn leaves_out(&self, path: &str) -> bool {
        let names: Vec<&str> = path.split('/').collect();
        self.0.iter().fold(false, |out, rule| if rule.fits(&names) { !rule.keeps } else { out })
    }

    /// Whether nothing below a directory that is left out can be taken back in.
    pub(super) fn is_final(&self) -> bool {
        !self.0.iter().any(|rule| rule.keeps)
    }
}

impl Rule {
    fn parse(line: &str) -> Option<Rule> {
        if line.starts_with('#') {
            return None;
        }
        let line = line.trim();
        let (keeps, pattern) = match line.strip_prefix('!') {
            Some(pattern) => (true, pattern.trim()),
            None => (false, line),
        };
        let mut names: Vec<String> = Vec::new();
        for name in pattern.split('/') {
            match name {
                "" | "." => {}
                ".." => drop(names.pop()),
                name => names.push(name.to_owned()),
            }
        }
        (!names.is_empty()).then_some(Rule { names, keeps })
    }

    /// Whether it fits the path, or a directory above it.
    fn fits(&self, path: &[&str]) -> bool {
        (1..=path.len()).any(|length| fit(&self.names, &path[..length]))
    }
}

fn fit(pattern: &[String], path: &[&str]) -> bool {
    let Some((first, rest)) = pattern.split_first() else { return path.is_empty() };
    if first == "**" {
        return if rest.is_empty() {
            !path.is_empty()
        } else {
            (0..=path.len()).any(|skipped| fit(rest, &path[skipped..]))
        };
    }
    let Some((name, below)) = path.split_first() else { return false };
    let pattern: Vec<char> = first.chars().collect();
    let name: Vec<char> = name.chars().collect();
    name_fits(&pattern, &name) && fit(rest, below)
}

/// One name against one part of a pattern; the pattern goes back to its last star at most, so that
/// no pattern takes long.
fn name_fits(pattern: &[char], name: &[char]) -> bool {
    let (mut at, mut read) = (0, 0);
    let mut star: Option<(usize, usize)> = None;
    while read < name.len() {
        if pattern.get(at) == Some(&'*') {
            star = Some((at + 1, read));
            at += 1;
            continue;
        }
        if let Some(next) = one(&pattern[at..], name[read]) {
            at += next;
            read += 1;
        } else if let Some((after, from)) = star {
            star = Some((after, from + 1));
            (at, read) = (after, from + 1);
        } else {
            return false;
        }
    }
    pattern[at..].iter().all(|rest| *rest == '*')
}

/// How much of the pattern stands for this character; nothing where it does not fit.
fn one(pattern: &[char], character: char) -> Option<usize> {
    match pattern {
        ['?', ..] => Some(1),
        ['\\', escaped, ..] => (*escaped == character).then_some(2),
        ['[', class @ ..] => {
            let (negated, class) = match class {
                ['^' | '!', rest @ ..] => (1, rest),
                _ => (0, class),
            };
            // A bracket that comes first stands for itself.
            let end = 1 + class.iter().skip(1).position(|c| *c == ']')?;
            let inside = is_in(&class[..end], character);
            (inside == (negated == 0)).then_some(1 + negated + end + 1)
        }
        [literal, ..] => (*literal == character).then_some(1),
        [] => None,
    }
}

fn is_in(class: &[char], character: char) -> bool {
    match class {
        [from, '-', to, rest @ ..] => (*from..=*to).contains(&character) || is_in(rest, character),
        [single, rest @ ..] => *single == character || is_in(rest, character),
        [] => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn left_out<'a>(rules: &str, paths: &[&'a str]) -> Vec<&'a str> {
        let ignore = Ignore::parse(rules);
        paths.iter().filter(|path| ignore.leaves_out(path)).copied().collect()
    }

    #[test]
    fn a_pattern_is_about_the_root_and_all_below_what_it_fits() {
        let paths = ["a", "a/b", "b/a", "ab", "c/d/e.log", "e.log", "x/e.logs"];
        assert_eq!(left_out("a\n", &paths), ["a", "a/b"]);
        assert_eq!(left_out("/a/\n", &paths), ["a", "a/b"]);
        assert_eq!(left_out("./x/../a", &paths), ["a", "a/b"]);
        assert_eq!(left_out("*.log", &paths), ["e.log"]);
        assert_eq!(left_out("**/*.log", &paths), ["c/d/e.log", "e.log"]);
        assert_eq!(left_out("*/*", &paths), ["a/b", "b/a", "c/d/e.log", "x/e.logs"]);
        assert_eq!(left_out("c/**", &paths), ["c/d/e.log"]);
        assert_eq!(left_out("**", &paths), paths);
        assert_eq!(left_out("a?", &paths), ["ab"]);
        assert_eq!(left_out("[b-d]\n", &paths), ["b/a", "c/d/e.log"]);
        assert_eq!(left_out("[^a]\n", &paths), ["b/a", "c/d/e.log", "x/e.logs"]);
        assert_eq!(left_out("# a\n\n   \n.\n", &paths), [""; 0]);
    }

    #[test]
    fn the_last_line_that_fits_decides() {
        let paths = ["secret/a", "secret/README.md", "b.md"];
        assert_eq!(left_out("secret\n!secret/README.md\n", &paths), ["secret/a"]);
        assert_eq!(left_out("!secret/README.md\nsecret\n", &paths), &paths[..2]);
        assert_eq!(left_out("*\n!*.md\n", &paths), &paths[..2]);
        assert_eq!(left_out("*\n!**/*.md\n", &paths), &paths[..1]);
        assert!(Ignore::parse("a\n").is_final() && !Ignore::parse("a\n!a/b\n").is_final());
    }

    #[test]
    fn odd_patterns_are_plain_text_and_quick() {
        assert_eq!(left_out("\\*\n", &["*", "a"]), ["*"]);
        assert_eq!(left_out("[]a]x\n", &["]x", "ax", "bx"]), ["]x", "ax"]);
        assert_eq!(left_out("a[\n", &["a[", "ab"]), [""; 0], "it never fits, as in Go");
        let long = "a".repeat(5000);
        assert_eq!(left_out(&format!("{}b", "a*".repeat(60)), &[&long]), [""; 0]);
    }
}
