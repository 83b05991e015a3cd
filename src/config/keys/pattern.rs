//! Forms → regular expressions, of the subset that ECMA-262 and everybody else have in common.
//!
//! A pattern describes a whole value that is not empty. It says as much as a pattern can: that the
//! end of a range comes after its start, or that a file exists, only the parsers know.

use super::form::Form;

/// The largest size in MiB that can still be counted in bytes.
const LARGEST: u64 = u64::MAX >> 20;

/// What does not count around the items of a list.
const BLANKS: &str = "[ \\t]*";

/// The pattern of a form, without anchors.
pub(super) fn of(form: Form, multiline: bool) -> String {
    match form {
        Form::Words(words) => alternatives(words().into_iter().map(any_case)),
        Form::Label => "[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?".to_owned(),
        Form::Memory { least } => size(least, 1),
        Form::Disk { least } => size(least, 1024),
        Form::Count => number(1, u64::from(u32::MAX)),
        Form::Seconds => number(1, 3600),
        Form::Duration => alternatives(
            [("[Mm]", 3650 * 24 * 60), ("[Hh]", 3650 * 24), ("[Dd]", 3650)]
                .map(|(unit, most)| format!("{}{unit}", number(1, most))),
        ),
        Form::Address => ipv4(),
        Form::HostAddress => format!("{}(?:/{})?", ipv4(), number(8, 30)),
        Form::Addresses => list(&ipv4()),
        Form::Mac => {
            let first = "[0-9A-Fa-f][02468ACEace]";
            let pair = "[0-9A-Fa-f]{2}";
            alternatives([':', '-'].map(|between| format!("{first}(?:{between}{pair}){{5}}")))
        }
        Form::Port => number(1, 65535),
        Form::PortRange => {
            let port = number(1, 65535);
            format!("{port} *- *{port}")
        }
        Form::PortRules => {
            let port = number(1, 65535);
            let bind = format!("(?:{}|\\[{}\\])", ipv4(), ipv6());
            let host = alternatives([any_case("auto"), port.clone()]);
            let protocol = alternatives(["tcp", "udp"].map(any_case));
            list(&format!("(?:{bind}:)?{host}:{port}(?:/{protocol})?"))
        }
        Form::Mounts => list("[^:,]+:/[^:,]*[^:,/][^:,]*(?::r[ow])?"),
        Form::Box => {
            let word = "[A-Za-z0-9_][A-Za-z0-9_.-]*";
            format!("{word}(?:/{word})?(?:@{word})?")
        }
        Form::Interface => {
            let (any, no_dot) =
                ("[^\\s/:\\x00-\\x1f\\x7f-\\x9f]", "[^\\s/:.\\x00-\\x1f\\x7f-\\x9f]");
            // Neither `.` nor `..`.
            format!("(?:{no_dot}{any}{{0,14}}|\\.{no_dot}{any}{{0,13}}|\\.\\.{any}{{1,13}})")
        }
        Form::Host => {
            let label = "[A-Za-z0-9_](?:[A-Za-z0-9_-]*[A-Za-z0-9_])?";
            // Digits and dots alone are an address or a mistake.
            let named = "(?:[0-9]*[A-Za-z_](?:[A-Za-z0-9_-]*[A-Za-z0-9_])?\
                         |[0-9]+-[A-Za-z0-9_-]*[A-Za-z0-9_])";
            let name = format!("(?:{label}\\.)*{named}(?:\\.{label})*");
            alternatives([ipv4(), ipv6(), name])
        }
        Form::User => "[a-z_][a-z0-9_-]{0,31}".to_owned(),
        Form::Playbooks => list("(?:vagrantp:[a-z0-9-]+|[^,]*[^,/\\s]\\.ya?ml)"),
        Form::Systems => list("[a-z0-9_.-]+(?::[a-z0-9_.-]+)?"),
        Form::Image
        | Form::Path
        | Form::Command
        | Form::PublicKeys
        | Form::Variables
        | Form::Text => text(multiline).to_owned(),
    }
}

/// An IMAGE of a container: a path, or a registry reference.
pub(super) fn container_image() -> String {
    let host = "(?:[A-Za-z0-9-]+(?:\\.[A-Za-z0-9-]+)*(?::[0-9]+)?/)";
    let component = "[a-z0-9]+(?:(?:\\.|__?|-+)[a-z0-9]+)*";
    let reference = format!(
        "{host}?{component}(?:/{component})*(?::[A-Za-z0-9_][A-Za-z0-9_.-]{{0,127}})?\
         (?:@sha256:[0-9A-Fa-f]{{64}})?"
    );
    alternatives([format!("(?:/|\\./|\\.\\./|~/){}", text(false)), reference])
}

/// Characters that no value has: those that steer a terminal.
fn text(multiline: bool) -> &'static str {
    if multiline { "[^\\x00-\\x08\\x0b-\\x1f\\x7f-\\x9f]+" } else { "[^\\x00-\\x1f\\x7f-\\x9f]+" }
}

fn alternatives(of: impl IntoIterator<Item = String>) -> String {
    format!("(?:{})", of.into_iter().collect::<Vec<_>>().join("|"))
}

fn list(item: &str) -> String {
    format!("{BLANKS}{item}{BLANKS}(?:,{BLANKS}{item}{BLANKS})*")
}

pub(super) fn any_case(word: &str) -> String {
    let letter = |c: char| match c.is_ascii_alphabetic() {
        true => format!("[{}{}]", c.to_ascii_uppercase(), c.to_ascii_lowercase()),
        false => c.to_string(),
    };
    word.chars().map(letter).collect()
}

fn ipv4() -> String {
    let octet = between(0, 255);
    format!("{octet}(?:\\.{octet}){{3}}")
}

fn ipv6() -> String {
    let group = "[0-9A-Fa-f]{1,4}";
    let mut forms = vec![
        format!("(?:{group}:){{7}}{group}"),
        format!("(?:{group}:){{1,7}}:"),
        format!(":(?::{group}){{1,7}}"),
        "::".to_owned(),
        // An IPv4 address at its end takes the place of two groups.
        format!("(?:{group}:){{6}}{}", ipv4()),
        format!("(?:{group}:){{0,5}}:(?:{group}:){{0,5}}{}", ipv4()),
        format!("::(?:{group}:){{0,5}}{}", ipv4()),
    ];
    // `::` stands for one group at least.
    forms.extend(
        (1..=6).map(|left| format!("(?:{group}:){{{left}}}(?::{group}){{1,{}}}", 7 - left)),
    );
    alternatives(forms)
}

/// A size of at least `least` MiB, of which a bare number counts `bare`.
fn size(least: u64, bare: u64) -> String {
    let mebibytes = number(least, LARGEST);
    let gibibytes = number(least.div_ceil(1024), LARGEST / 1024);
    let bare = if bare == 1 { &mebibytes } else { &gibibytes };
    alternatives([
        format!("{bare} *"),
        format!("{mebibytes} *[Mm](?:[Ii]?[Bb])?"),
        format!("{gibibytes} *[Gg](?:[Ii]?[Bb])?"),
    ])
}

/// A number in these bounds, with leading zeros or without.
pub(super) fn number(least: u64, most: u64) -> String {
    format!("0*{}", between(least, most))
}

/// A number in these bounds, without leading zeros.
fn between(least: u64, most: u64) -> String {
    // The numbers between two neighbours of these have as many digits, and differ from the left in
    // digits that are alike, then one that goes from here to there, then any.
    let mut ends = vec![most];
    let mut step = 10;
    while let Some(nines) = (least / step).checked_mul(step).map(|start| start + (step - 1))
        && nines < most
    {
        ends.push(nines);
        step *= 10;
    }
    step = 10;
    while step <= most + 1 {
        let before = (most + 1) / step * step;
        if before > least {
            ends.push(before - 1);
        }
        step *= 10;
    }
    ends.sort_unstable();
    ends.dedup();
    let mut from = least;
    let parts = ends.into_iter().map(|to| {
        let part = digits(&from.to_string(), &to.to_string());
        from = to + 1;
        part
    });
    alternatives(parts.collect::<Vec<_>>())
}

/// Two numbers of the same length, of which the digits range on their own.
fn digits(from: &str, to: &str) -> String {
    let digit = |(low, high): (char, char)| match (low, high) {
        (low, high) if low == high => low.to_string(),
        (low, high) => format!("[{low}-{high}]"),
    };
    from.chars().zip(to.chars()).map(digit).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use regex::Regex;

    #[test]
    fn ranges_take_their_numbers_and_no_others() {
        for (least, most) in [
            (0, 0),
            (0, 9),
            (0, 255),
            (1, 9),
            (1, 3600),
            (7, 7),
            (8, 30),
            (9, 10),
            (10, 19),
            (99, 100),
            (512, 99_999),
            (1024, 65535),
            (1, 65535),
            (998, 1002),
        ] {
            let pattern = Regex::new(&format!("^{}$", between(least, most))).expect("a pattern");
            for number in (0..=70_000).chain([99_998, 99_999, 100_000, 655_350]) {
                let taken = pattern.is_match(&number.to_string());
                assert_eq!(taken, (least..=most).contains(&number), "{number} in {least}..={most}");
            }
        }
        let largest = Regex::new(&format!("^{}$", between(5120, LARGEST))).expect("a pattern");
        for (number, taken) in [(5119, false), (5120, true), (LARGEST, true), (LARGEST + 1, false)]
        {
            assert_eq!(largest.is_match(&number.to_string()), taken, "{number}");
        }
    }
}
