//! Problems for people: the line underlined, nothing of the application's around it.

use std::fmt;

use miette::{
    Diagnostic, GraphicalReportHandler, GraphicalTheme, LabeledSpan, MietteError,
    MietteSpanContents, Severity, SourceCode, SourceSpan, SpanContents,
};

use crate::model::problem::Problem;
use crate::model::source::Sources;

use super::{Style, clean, excerpt};

/// A text that is shown by whole lines: those that a label touches, and no others.
///
/// The renderer asks without context for the position in the headline, and with context for the
/// lines to show.
struct Lines {
    name: String,
    text: String,
    /// Of the byte that the problem is at: its column, counted from 0. What stands before it may be
    /// blanked out, byte by byte, and the characters cannot be counted any more.
    column: (usize, usize),
}

impl SourceCode for Lines {
    fn read_span<'a>(
        &'a self,
        span: &SourceSpan,
        context_before: usize,
        _: usize,
    ) -> Result<Box<dyn SpanContents<'a> + 'a>, MietteError> {
        let (first, last) = (span.offset(), span.offset() + span.len());
        let before = self.text.get(..first).ok_or(MietteError::OutOfBounds)?;
        let after = self.text.get(last..).ok_or(MietteError::OutOfBounds)?;
        let start = before.rfind('\n').map_or(0, |end| end + 1);
        let end = after.find('\n').map_or(self.text.len(), |end| last + end);
        let line = before.matches('\n').count();
        if context_before == 0 {
            let content = &self.text.as_bytes()[first..last];
            let column = match self.column {
                (at, column) if at == first => column,
                _ => self.text[start..first].chars().count(),
            };
            let name = self.name.clone();
            let contents = MietteSpanContents::new_named(name, content, *span, line, column, 1);
            return Ok(Box::new(contents));
        }
        let content = &self.text.as_bytes()[start..end];
        let lines = self.text[start..end].matches('\n').count() + 1;
        let span = SourceSpan::new(start.into(), end - start);
        let name = self.name.clone();
        Ok(Box::new(MietteSpanContents::new_named(name, content, span, line, 0, lines)))
    }
}

/// A problem with the text that its labels point into.
struct Shown<'a> {
    problem: &'a Problem,
    source: Option<Lines>,
    labels: Vec<LabeledSpan>,
    help: Option<String>,
}

impl fmt::Debug for Shown<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.problem.fmt(f)
    }
}

impl fmt::Display for Shown<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&clean::line(&self.problem.message()))
    }
}

impl std::error::Error for Shown<'_> {}

impl Diagnostic for Shown<'_> {
    fn code<'a>(&'a self) -> Option<Box<dyn fmt::Display + 'a>> {
        self.problem.diagnostic.code()
    }

    fn severity(&self) -> Option<Severity> {
        self.problem.diagnostic.severity()
    }

    fn help<'a>(&'a self) -> Option<Box<dyn fmt::Display + 'a>> {
        self.help.as_ref().map(|help| Box::new(help) as Box<dyn fmt::Display>)
    }

    fn labels(&self) -> Option<Box<dyn Iterator<Item = LabeledSpan> + '_>> {
        // Labels without a text to point into would be shown as "failed to read contents".
        self.source.as_ref()?;
        Some(Box::new(self.labels.iter().cloned()))
    }

    fn source_code(&self) -> Option<&dyn SourceCode> {
        self.source.as_ref().map(|source| source as &dyn SourceCode)
    }
}

/// What a problem points at.
fn labels(problem: &Problem) -> Vec<LabeledSpan> {
    match problem.diagnostic.labels() {
        Some(labels) => labels.collect(),
        // What a provider says no to knows its line by its key alone, and has no label of its own.
        None => problem
            .place
            .iter()
            .map(|place| LabeledSpan::new_with_span(Some("asked for here".to_owned()), place))
            .collect(),
    }
}

/// So many problems of one file are shown.
const MOST: usize = 50;

/// The problems that are shown, and what is said of those that are not.
pub(super) fn few(problems: &[Problem]) -> (Vec<&Problem>, Vec<String>) {
    let mut counts: Vec<(&str, usize)> = Vec::new();
    let mut few = Vec::new();
    for problem in problems {
        let file = problem.place.as_ref().map_or("", |place| &*place.file);
        let index = counts.iter().position(|(name, _)| *name == file).unwrap_or_else(|| {
            counts.push((file, 0));
            counts.len() - 1
        });
        counts[index].1 += 1;
        if file.is_empty() || counts[index].1 <= MOST {
            few.push(problem);
        }
    }
    let more = counts.into_iter().filter(|(file, count)| !file.is_empty() && *count > MOST);
    let say =
        |(file, count)| format!("… and {} more in {file}, which `--json` lists", count - MOST);
    (few, more.map(say).collect())
}

/// One problem as text, with a line end.
#[must_use]
pub fn problem(problem: &Problem, sources: &Sources, style: Style) -> String {
    let mut labels = labels(problem);
    let source = problem.place.as_ref().and_then(|place| {
        let source = sources.of(place)?;
        let ranges: Vec<_> =
            labels.iter().map(|label| label.offset()..label.offset() + label.len()).collect();
        let fits = ranges.iter().all(|range| source.visible.get(range.clone()).is_some());
        let (text, moved) = if fits {
            excerpt::of(&clean::source(&source.visible), &ranges)
        } else {
            (String::new(), ranges)
        };
        let mut column = (usize::MAX, 0);
        for (label, range) in labels.iter_mut().zip(moved) {
            if label.offset() == place.offset {
                column = (range.start, place.column.saturating_sub(1) as usize);
            }
            *label = LabeledSpan::new(label.label().map(clean::line), range.start, range.len());
        }
        Some(Lines { name: clean::line(&source.name), text, column })
    });
    let mut help = problem.help().unwrap_or_default();
    let mut cause = problem.diagnostic.source();
    let mut causes = String::new();
    while let Some(error) = cause {
        causes.push_str(&format!("\n  because: {}", clean::line(&error.to_string())));
        cause = error.source();
    }
    if let Some(output) = problem.details.get("last_output").and_then(|value| value.as_str()) {
        let output = output.trim_end();
        if !output.is_empty() {
            help = format!("its last output:\n{output}\n\n{help}");
        }
    }
    if !problem.troubleshooting.is_empty() {
        help.push_str("\nto find the cause:");
        for step in &problem.troubleshooting {
            help.push_str(&format!("\n- {step}"));
        }
    }
    let help = clean::block(help.trim());
    let help = (!help.is_empty()).then_some(help);
    let shown = Shown { problem, source, labels, help };
    let theme =
        if style.rich { GraphicalTheme::unicode() } else { GraphicalTheme::unicode_nocolor() };
    let handler = GraphicalReportHandler::new_themed(theme)
        .with_links(false)
        .with_context_lines(1)
        .with_width(style.width)
        .without_cause_chain()
        .with_wrap_lines(true)
        .with_break_words(false)
        // Paths and commands are for copying: they break at blanks and nowhere else.
        .with_word_separator(textwrap::WordSeparator::AsciiSpace)
        .with_word_splitter(textwrap::WordSplitter::NoHyphenation)
        .tab_width(4);
    let mut text = String::new();
    if handler.render_report(&mut text, &shown).is_err() {
        text = format!("{shown}\n");
    }
    if !causes.is_empty() {
        text.push_str(causes.trim_start_matches('\n'));
        text.push('\n');
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::code::Code;
    use miette::MietteDiagnostic;

    #[test]
    fn control_characters_of_others_are_shown_and_not_obeyed() {
        let style =
            Style { json: false, quiet: false, verbose: 0, rich: false, width: 80, stream: false };
        let diagnostic = MietteDiagnostic::new("bad \x1b[2J name").with_help("try \x07 again");
        let text = problem(&Problem::new(Code::Internal, diagnostic), &Sources::default(), style);
        assert!(!text.contains(['\x1b', '\x07']), "{text:?}");
        assert!(text.contains("bad ␛[2J name") && text.contains("try ␇ again"), "{text}");
    }
}
