//! Reasons in quotes, backslashes, references and odd characters.

use super::{QUOTES, Reason, fewer};
use crate::difference::Difference::{Missing, PassedOver, Refused, Value};

/// Reasons in quotes, backslashes, references and odd characters.
pub(super) const REASONS: [Reason; 27] = [
    Reason {
        code: "quote_in_text",
        why: "A quote counts where a value begins, and is text anywhere else; they let one open in the \
              middle of a value or in a comment, so that an apostrophe takes the next lines with it.",
        fits: |row, difference, _| {
            let values = row.text();
            let mut values = values.lines().filter_map(|line| Some(line.split_once('=')?.1));
            let inside = values.any(|value| !value.starts_with(QUOTES) && value.contains(QUOTES));
            inside && !matches!(difference, PassedOver)
        },
    },
    Reason {
        code: "quotes_kept",
        why: "Quotes hold a value and are no part of it; they read lines as they stand, and hand the \
              quotes to the program.",
        fits: |row, difference, _| match difference {
            Value { value, .. } => {
                value.trim_start().starts_with(QUOTES) && row.text().contains(value.as_str())
            }
            _ => false,
        },
    },
    Reason {
        code: "after_quote",
        why: "Behind the closing quote only a comment may follow, at once or after blanks, and \
              anything else is told; they drop it, join it to the value, make the quotes text, or \
              refuse the comment.",
        fits: |row, difference, _| match difference {
            Value { ours: None, .. } => row.breaks("text_after_quote"),
            Refused => row.text().contains("'#") || row.text().contains("\"#"),
            _ => false,
        },
    },
    Reason {
        code: "single_quote_escape",
        why: "Between single quotes nothing is an escape, as in a shell, so that `'C:\\dir\\'` is a \
              path; they take `\\'` for a quote that does not close, and read on.",
        fits: |row, difference, _| {
            row.text().contains("\\'") && matches!(difference, Refused | Value { ours: None, .. })
        },
    },
    Reason {
        code: "open_quote",
        why: "A quote that is not closed is an error where it opens; they make it a character of the \
              value or pass the line over, and nobody hears of the missing end.",
        fits: |row, difference, _| {
            let open = row.breaks("unterminated_quote") || row.breaks("swallowed_lines");
            open && match difference {
                PassedOver => true,
                Value { value, ours: None, .. } => value.starts_with(QUOTES),
                _ => false,
            }
        },
    },
    Reason {
        code: "escape_unknown",
        why: "Double quotes know `\\n`, `\\r`, `\\t`, `\\\"`, `\\\\` and `\\$`; they do not know some \
              of these, and leave or drop the backslash, take the quote of `\\\"` for the closing \
              one, or refuse the file, so that some values cannot be written at all.",
        fits: |row, difference, _| {
            let text = row.text();
            text.contains("=\"")
                && match difference {
                    Refused => text.contains("\\r") || text.contains("\\t"),
                    Value { value, ours, .. } => {
                        let tab = ours.as_ref().is_some_and(|ours| ours.contains('\t'));
                        value.contains('\\') || tab && !value.contains('\t')
                    }
                    _ => false,
                }
        },
    },
    Reason {
        code: "other_backslash",
        why: "In double quotes a backslash in front of any other character stays; they drop it, know \
              more escapes or fewer, or refuse the file, and a path or a pattern is not what it was.",
        fits: |row, difference, _| {
            row.text().contains("=\"") && row.text().contains('\\') && fewer(difference, '\\')
        },
    },
    Reason {
        code: "backslash_read",
        why: "Without quotes a backslash is a character, so that `C:\\dir` is a path; they drop it, \
              make it an escape, or refuse the file.",
        fits: |row, difference, _| {
            let text = row.text();
            !text.contains("=\"") && text.contains('\\') && fewer(difference, '\\')
        },
    },
    Reason {
        code: "lines_only",
        why: "A quoted value may span lines, as keys and certificates do; they read each line by \
              itself, which leaves half of the value, and makes keys of the rest or refuses the file.",
        fits: |row, difference, _| {
            row.gives.iter().any(|gives| gives.value.contains('\n'))
                && match difference {
                    Refused => true,
                    Value { ours: Some(ours), .. } => ours.contains('\n'),
                    Value { ours: None, .. } => row.errors.is_empty(),
                    _ => false,
                }
        },
    },
    Reason {
        code: "lines_swallowed",
        why: "Text behind the quote that closes a value of several lines shows that a quote was left \
              open, which is an error, and those lines keep their meaning; they take them into the \
              value.",
        fits: |row, difference, _| {
            row.breaks("swallowed_lines")
                && match difference {
                    Missing(_) => true,
                    Value { value, .. } => value.contains('\n'),
                    _ => false,
                }
        },
    },
    Reason {
        code: "line_end_kept",
        why: "A line break in a quoted value is one newline, so that a file that went through Windows \
              means the same; they keep its carriage returns.",
        fits: |_, difference, _| match difference {
            Value { value, ours: Some(ours), .. } => {
                value != ours && value.replace("\r\n", "\n") == *ours
            }
            _ => false,
        },
    },
    Reason {
        code: "lone_return",
        why: "A carriage return alone ends no line; they end one there or drop it, and a key can hide \
              where an editor shows none.",
        fits: |row, difference, _| {
            row.text().replace("\r\n", "\n").contains('\r') && matches!(difference, Value { .. })
        },
    },
    Reason {
        code: "not_resolved",
        why: "`$X` and `${X}` stand for what the files say further up; they resolve nothing, and the \
              program is given the name instead of the value.",
        fits: |row, difference, _| match difference {
            Value { value, ours, .. } => value.find('$').is_some_and(|at| {
                row.text().contains(&value[at..]) && ours.as_ref() != Some(value)
            }),
            _ => false,
        },
    },
    Reason {
        code: "name_cut",
        why: "A name without braces is as long as a name can be, and what follows is read as ever; \
              they end it at a `_`, and take the character behind it for text, even a closing quote.",
        fits: |row, difference, _| {
            let text = row.text();
            let cut = text.split('$').skip(1).any(|rest| {
                let rest = rest.trim_start_matches(char::is_alphanumeric);
                rest.starts_with(['_', '\'', '"'])
            });
            cut && matches!(difference, Refused | Value { .. })
        },
    },
    Reason {
        code: "environment_wins",
        why: "What the file says wins over the caller's environment, so that the same file means the \
              same everywhere; with them a variable that happens to be set wins.",
        fits: |row, difference, _| match difference {
            Value { value, .. } => row.environment.values().any(|set| set == value),
            _ => false,
        },
    },
    Reason {
        code: "undefined_is_empty",
        why: "A name that nobody defined further up is an error, since it is mostly a typing mistake; \
              they put nothing in its place.",
        fits: |row, difference, _| {
            row.breaks("undefined_name")
                && matches!(difference, Value { value, ours: None, .. } if !value.contains('$'))
        },
    },
    Reason {
        code: "across_files",
        why: "A later file wins over an earlier one and sees its values, which is what `.env.local` is \
              for; they keep the first value, or look into each file by itself.",
        fits: |row, difference, _| {
            row.files.len() > 1 && matches!(difference, Value { ours: Some(_), .. })
        },
    },
    Reason {
        code: "dotted_name",
        why: "A key may have dots, and braces reach it; they end the name at the dot or refuse the \
              file.",
        fits: |row, difference, _| {
            row.braces().any(|inside| inside.split([':', '}']).next().unwrap_or("").contains('.'))
                && matches!(difference, Refused | Value { .. })
        },
    },
    Reason {
        code: "braces_misread",
        why: "`${X:-default}` is known and every other form between braces is refused; they know \
              `${X}` alone, and leave nothing or the rest of the braces in its place.",
        fits: |row, difference, _| {
            let form = |inside: String| {
                let name = |c: char| c.is_ascii_alphanumeric() || c == '_';
                !inside.trim_start_matches(name).starts_with('}')
            };
            row.braces().any(form) && matches!(difference, Value { .. })
        },
    },
    Reason {
        code: "comment_cuts_reference",
        why: "A reference is one piece, whatever its default holds; they look for comments first, and \
              a ` #` in a default cuts it in two.",
        fits: |row, difference, _| {
            row.braces().any(|inside| inside.split('}').next().unwrap_or("").contains(" #"))
                && match difference {
                    Refused => true,
                    Value { value, .. } => !value.contains('#'),
                    _ => false,
                }
        },
    },
    Reason {
        code: "more_forms",
        why: "Of the forms of the shell `${X:-default}` alone is known, and the others are told; they know \
              some more of them, which most other readers make something else of.",
        fits: |row, difference, _| {
            row.breaks("bad_reference") && matches!(difference, Value { ours: None, .. })
        },
    },
    Reason {
        code: "lone_dollar",
        why: "A `$` that starts no name is a `$`, so that passwords and prices need no escape; they \
              drop it, with what follows it, or refuse the file.",
        fits: |row, difference, _| row.text().contains('$') && fewer(difference, '$'),
    },
    Reason {
        code: "double_dollar",
        why: "`$$` is two dollars, each looked at by itself; they make one of them, and a password \
              loses a character.",
        fits: |row, difference, _| {
            row.text().contains("$$") && matches!(difference, Value { ours: Some(_), .. })
        },
    },
    Reason {
        code: "command_run",
        why: "Nothing in a file is ever run; they run what stands in `$(…)` as whoever reads it.",
        fits: |row, difference, _| {
            row.text().contains("$(")
                && matches!(difference, Value { value, .. } if value.starts_with("RAN("))
        },
    },
    Reason {
        code: "backquotes",
        why: "A backquote is a character; they take it for a third kind of quote, which in a shell \
              would run what it holds.",
        fits: |_, difference, _| match difference {
            Value { value, ours: Some(ours), .. } => *ours == format!("`{value}`"),
            _ => false,
        },
    },
    Reason {
        code: "mark_in_name",
        why: "A byte order mark in front of a file is no part of its first line; they make it part of \
              the first name, or refuse the file, and nothing of it can be seen.",
        fits: |row, difference, _| {
            row.text().starts_with('\u{feff}')
                && match difference {
                    Refused | Missing(_) => true,
                    Value { key, .. } => key.starts_with('\u{feff}'),
                    PassedOver => false,
                }
        },
    },
    Reason {
        code: "nul_taken",
        why: "A file with a NUL is no text and is refused; they take it, though no program can be \
              handed such a value, and what stands behind the NUL is lost on the way.",
        fits: |row, difference, _| {
            row.breaks("env_file_nul") && matches!(difference, Value { ours: None, .. })
        },
    },
];
