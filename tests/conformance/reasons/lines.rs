//! Reasons in names, blanks and comments.

use super::{Reason, bare, is_key};
use crate::difference::Difference;
use crate::difference::Difference::{Missing, PassedOver, Refused, Value};

/// Reasons in names, blanks and comments.
pub(super) const REASONS: [Reason; 14] = [
    Reason {
        code: "any_name",
        why: "A key is ASCII letters, digits, `_` and `.`, and starts with no digit; they take more, or \
              whatever stands before the `=`, and a slip of the finger becomes a variable that nobody \
              reads.",
        fits: |row, difference, _| {
            let odd = |key: &str| !is_key(key);
            row.breaks("not_an_assignment")
                && matches!(difference, Value { key, ours: None, .. } if odd(key))
        },
    },
    Reason {
        code: "line_passed_over",
        why: "A line that assigns nothing is told, with its place; they drop it without a word, and \
              the setting that was meant is missing with nothing to see.",
        fits: |row, difference, _| {
            row.breaks("not_an_assignment") && matches!(difference, PassedOver)
        },
    },
    Reason {
        code: "lines_lost",
        why: "A line that assigns nothing stands by itself, and the next is read as if it were not \
              there; they take the next one together with it, over the line end, and its key is lost.",
        fits: |row, difference, all| {
            let joined = |one: &Difference| matches!(one, Value { key, .. } if key.contains('\n'));
            joined(difference)
                || matches!(difference, Missing(_))
                    && (all.iter().any(joined) || row.text().starts_with('='))
        },
    },
    Reason {
        code: "colon",
        why: "Only `=` assigns; they take YAML's `:` as well, which the shell and the other readers \
              do not know, so that half of the programs miss the key.",
        fits: |row, difference, _| {
            row.breaks("not_an_assignment")
                && row.text().contains(':')
                && matches!(difference, Value { key, ours: None, .. } if is_key(key))
        },
    },
    Reason {
        code: "blank_in_name",
        why: "Blanks around a name only line up the file; they make them part of the name, which no \
              program can then ask for, or refuse the file.",
        fits: |row, difference, all| {
            match difference {
            Refused => row.text().lines().any(|line| {
                let name = line.split('=').next().unwrap_or_default();
                name.trim_start().contains([' ', '\t'])
            }),
            Missing(key) => all.iter().any(|other| {
                matches!(other, Value { key: name, .. } if name != key && bare(name) == key)
            }),
            Value { key, ours: None, .. } => row.errors.is_empty() && key.contains([' ', '\t']),
            _ => false,
        }
        },
    },
    Reason {
        code: "export_word",
        why: "`export` and a blank in front are for the shell that reads the same file, and no part \
              of the name; they refuse the word, take it for part of the name, or see it where the \
              key itself is `export`.",
        fits: |row, difference, all| {
            let word = |key: &str| key.trim_start().starts_with("export");
            row.text().lines().any(word)
                && match difference {
                    Refused | Missing(_) => true,
                    Value { key, ours: None, .. } => key.is_empty() || word(key),
                    Value { ours: Some(_), .. } => {
                        all.iter().any(|other| matches!(other, Value { key, .. } if word(key)))
                    }
                    PassedOver => false,
                }
        },
    },
    Reason {
        code: "blanks_kept",
        why: "Blanks around a value that no quotes hold are dropped; they keep those behind or in \
              front, which nobody sees in an editor, and `1 ` is no number.",
        fits: |row, difference, _| match difference {
            Value { key, value, .. } => {
                let ours = row.value(bare(key));
                ours.is_some_and(|ours| ours != value && ours == value.trim_matches([' ', '\t']))
            }
            _ => false,
        },
    },
    Reason {
        code: "bare_refused",
        why: "A name without `=` assigns nothing and does no harm, as in files that are made for \
              `docker run`; they refuse the whole file for it.",
        fits: |row, difference, _| {
            let named = |line: &str| !line.is_empty() && !line.contains('=');
            matches!(difference, Refused) && row.text().lines().any(named)
        },
    },
    Reason {
        code: "bare_from_environment",
        why: "A name without `=` assigns nothing; they fill it in from the caller's environment, so \
              that the same file means something else in another shell.",
        fits: |row, difference, _| match difference {
            Value { key, value, ours: None } => row.environment.get(key) == Some(value),
            _ => false,
        },
    },
    Reason {
        code: "blank_ends_value",
        why: "A value without quotes goes on to the end of its line; they refuse the file at a blank \
              within or behind it.",
        fits: |row, difference, _| {
            let values = row.text();
            let mut values = values.lines().filter_map(|line| Some(line.split_once('=')?.1));
            matches!(difference, Refused) && values.any(|value| value.contains([' ', '\t']))
        },
    },
    Reason {
        code: "unseen_trimmed",
        why: "Only a blank and a tab are blanks; they drop other marks that cannot be seen as well, \
              so that a name or a value is not what the file says.",
        fits: |row, difference, _| match difference {
            Value { value, ours: Some(ours), .. } => {
                value == ours.trim() && ours.trim_matches([' ', '\t']) == ours
            }
            Value { ours: None, .. } => {
                row.breaks("not_an_assignment") && row.text().contains('\u{feff}')
            }
            _ => false,
        },
    },
    Reason {
        code: "hash_is_comment",
        why: "A comment starts at a `#` behind a blank; they start one at any `#`, or at one right \
              after the `=`, and cut URLs, colours and passwords short without a word.",
        fits: |_, difference, _| match difference {
            Value { value, ours: Some(ours), .. } => {
                ours.split_once('#').is_some_and(|(before, _)| before.trim_end() == value)
            }
            _ => false,
        },
    },
    Reason {
        code: "comment_kept",
        why: "A `#` behind a blank starts a comment; they know comments on lines of their own alone, \
              and the note becomes part of the value.",
        fits: |row, difference, _| match difference {
            Value { value, .. } => {
                row.text().contains(value.as_str())
                    && (value.contains(" #") || value.contains("\t#"))
            }
            _ => false,
        },
    },
    Reason {
        code: "comment_missed",
        why: "A tab is a blank, and so is what stands right behind the `=`: a `#` after either starts \
              a comment; they want a space behind a value, and take the comment into it.",
        fits: |_, difference, _| match difference {
            Value { value, ours: Some(ours), .. } => value.contains('#') && !ours.contains('#'),
            _ => false,
        },
    },
];
