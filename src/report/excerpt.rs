//! What of a text is shown: the lines that labels touch, and of long ones what stands around the
//! labels.

use std::ops::Range;

/// A line of more bytes is not shown as a whole.
const LONG: usize = 240;
/// So many characters of a long line are shown on each side of both ends of a label.
const AROUND: usize = 50;
/// What stands for the rest of it.
const GAP: &str = "…";

/// The text as far as it is shown, each line at its own number, and the labels in it.
pub(super) fn of(text: &str, labels: &[Range<usize>]) -> (String, Vec<Range<usize>>) {
    let mut out = String::new();
    let mut moved = labels.to_vec();
    let mut from = 0;
    for line in text.split_inclusive('\n') {
        let range = from..from + line.trim_end_matches('\n').len();
        from += line.len();
        let touched: Vec<usize> = (0..labels.len())
            .filter(|index| labels[*index].start <= range.end && range.start <= labels[*index].end)
            .collect();
        let mut shown = range.start;
        for piece in kept(text, &range, touched.iter().map(|index| &labels[*index])) {
            if piece.start > shown {
                out.push_str(GAP);
            }
            for index in &touched {
                let place = |at: usize| out.len() + at - piece.start;
                if (piece.start..=piece.end).contains(&labels[*index].start) {
                    moved[*index].start = place(labels[*index].start);
                }
                if (piece.start..=piece.end).contains(&labels[*index].end) {
                    moved[*index].end = place(labels[*index].end);
                }
            }
            out.push_str(&text[piece.clone()]);
            shown = piece.end;
        }
        if shown < range.end && !touched.is_empty() {
            out.push_str(GAP);
        }
        if line.ends_with('\n') {
            out.push('\n');
        }
    }
    (out, moved)
}

/// The stretches of a line that are shown, in order and apart from each other.
fn kept<'a>(
    text: &str,
    line: &Range<usize>,
    labels: impl Iterator<Item = &'a Range<usize>>,
) -> Vec<Range<usize>> {
    let mut ends: Vec<usize> = Vec::new();
    let mut touched = false;
    for label in labels {
        touched = true;
        ends.extend(
            [label.start, label.end].iter().filter(|at| (line.start..=line.end).contains(at)),
        );
    }
    if !touched {
        return Vec::new();
    }
    if line.len() <= LONG {
        return vec![line.clone()];
    }
    ends.sort_unstable();
    let mut kept: Vec<Range<usize>> = Vec::new();
    for end in ends {
        let before = text[line.start..end].char_indices().rev().take(AROUND).last();
        let after = text[end..line.end].char_indices().nth(AROUND);
        let start = before.map_or(end, |(at, _)| line.start + at);
        let stop = after.map_or(line.end, |(at, _)| end + at);
        match kept.last_mut() {
            Some(last) if last.end + GAP.len() >= start => last.end = last.end.max(stop),
            _ => kept.push(start..stop),
        }
    }
    kept
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The excerpt, and what its labels cover.
    fn excerpt(text: &str, labels: &[&str]) -> (String, Vec<String>) {
        let place = |label: &&str| {
            let start = text.find(label).expect("is there");
            start..start + label.len()
        };
        let labels: Vec<_> = labels.iter().map(place).collect();
        let (shown, moved) = of(text, &labels);
        let covered = moved.into_iter().map(|range| shown[range].to_owned()).collect();
        (shown, covered)
    }

    #[test]
    fn short_lines_stay_and_others_are_left_out() {
        let (shown, covered) = excerpt("secret\nA=12é3\nsecret\nB=4\n", &["é3", "4"]);
        assert_eq!(shown, "\nA=12é3\n\nB=4\n");
        assert_eq!(covered, ["é3", "4"]);
    }

    #[test]
    fn of_a_long_line_the_labels_stay() {
        let text = format!("A={}<é>{}<2>{}", "ü".repeat(300), "x".repeat(300), "y".repeat(10));
        let (shown, covered) = excerpt(&text, &["<é>", "<2>"]);
        assert_eq!(covered, ["<é>", "<2>"]);
        let part = |c: char| c.to_string().repeat(50);
        let between = format!("{}…{}", part('x'), part('x'));
        assert_eq!(shown, format!("…{}<é>{between}<2>{}", part('ü'), "y".repeat(10)));
        // A label of any length is shown from its start and to its end.
        let (shown, covered) = excerpt(&text, &[&text[2..]]);
        assert!(shown.len() < 500 && covered[0].starts_with('ü') && covered[0].ends_with('y'));
    }

    #[test]
    fn a_label_may_span_lines() {
        let text = "A='1\n2\n3'\nB";
        assert_eq!(
            excerpt(text, &["1\n2\n3"]),
            ("A='1\n2\n3'\n".to_owned(), vec!["1\n2\n3".to_owned()])
        );
    }

    proptest::proptest! {
        #[test]
        fn labels_cover_the_ends_that_they_covered(
            text in "([aü]{0,400}\n){0,4}[aü]{0,400}",
            one in 0_usize..2000,
            other in 0_usize..2000,
        ) {
            let at = |index: usize| (0..=index % (text.len() + 1)).rev()
                .find(|at| text.is_char_boundary(*at)).expect("0 is one");
            let (one, other) = (at(one).min(at(other)), at(one).max(at(other)));
            let (shown, moved) = of(&text, std::slice::from_ref(&(one..other)));
            let label = &shown[moved[0].clone()];
            let head: String = text[one..other].chars().take(20).collect();
            proptest::prop_assert!(label.starts_with(&head) || head.contains('\n'));
            proptest::prop_assert_eq!(shown.matches('\n').count(), text.matches('\n').count());
            proptest::prop_assert_eq!(label.is_empty(), one == other);
        }
    }
}
