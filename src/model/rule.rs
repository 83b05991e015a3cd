//! The rules that a failure or a warning names: `vagrantp::config::memory_too_small`.
//!
//! The wording that a user meets stands beside the code that raises it, with the numbers and names
//! of the case. Here is what holds for every case: what the rule means, which codes it comes with,
//! and what to do. `explain` and `docs/reference/errors.md` are made from it, and a test holds it
//! to the rules that stand in `src/`.

mod files;
mod guests;
mod images;
mod values;
mod vms;
mod work;

use super::code::Code;

/// What every rule starts with.
pub const PREFIX: &str = "vagrantp::";

/// A rule.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rule {
    /// Its name, without [`PREFIX`].
    pub name: &'static str,
    /// The codes that it comes with; none for a warning.
    pub codes: &'static [Code],
    /// What it means, in a sentence.
    pub meaning: &'static str,
    /// What to do, in a sentence.
    pub remedy: &'static str,
}

impl Rule {
    /// Every rule, in the order of the documentation.
    pub fn all() -> impl Iterator<Item = &'static Rule> {
        values::RULES
            .iter()
            .chain(files::RULES)
            .chain(work::RULES)
            .chain(images::RULES)
            .chain(guests::RULES)
            .chain(vms::RULES)
    }

    /// The rules that a text names: by its full name, without `vagrantp::`, or by its last part
    /// alone, which several may share.
    #[must_use]
    pub fn named(text: &str) -> Vec<&'static Rule> {
        let text = text.strip_prefix(PREFIX).unwrap_or(text);
        let whole: Vec<_> = Rule::all().filter(|rule| rule.name == text).collect();
        if !whole.is_empty() || text.contains("::") {
            return whole;
        }
        Rule::all().filter(|rule| rule.short() == text).collect()
    }

    /// The full name, as it stands in messages.
    #[must_use]
    pub fn full_name(&self) -> String {
        format!("{PREFIX}{}", self.name)
    }

    /// The last part of the name.
    #[must_use]
    pub fn short(&self) -> &'static str {
        self.name.rsplit("::").next().unwrap_or(self.name)
    }

    /// Whether nothing stops at it.
    #[must_use]
    pub fn is_warning(&self) -> bool {
        self.codes.is_empty()
    }
}

/// A mistake in the configuration.
const fn mistake(name: &'static str, meaning: &'static str, remedy: &'static str) -> Rule {
    failure(name, &[Code::ConfigInvalid], meaning, remedy)
}

/// Something that stops a command.
const fn failure(
    name: &'static str,
    codes: &'static [Code],
    meaning: &'static str,
    remedy: &'static str,
) -> Rule {
    Rule { name, codes, meaning, remedy }
}

/// Something that stops nothing.
const fn warning(name: &'static str, meaning: &'static str, remedy: &'static str) -> Rule {
    Rule { name, codes: &[], meaning, remedy }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_distinct_and_sentences_whole() {
        let mut names: Vec<_> = Rule::all().map(|rule| rule.name).collect();
        let count = names.len();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), count);
        for rule in Rule::all() {
            let plain =
                |c: char| c.is_ascii_lowercase() || c == '_' || c == ':' || c.is_ascii_digit();
            assert!(rule.name.chars().all(plain), "{}", rule.name);
            for sentence in [rule.meaning, rule.remedy] {
                let starts = sentence.starts_with(|c: char| c.is_uppercase() || c == '`');
                assert!(starts && sentence.ends_with(['.', '?']), "{}: {sentence}", rule.name);
            }
        }
    }

    #[test]
    fn every_code_of_today_has_a_rule() {
        // What the others are for is not built yet.
        let later = [Code::ProvisioningFailed, Code::RollbackFailed, Code::VerificationFailed];
        for code in Code::ALL {
            let has = Rule::all().any(|rule| rule.codes.contains(code));
            assert_eq!(has, !later.contains(code), "{code}");
        }
    }

    #[test]
    fn a_rule_is_found_by_each_of_its_names() {
        let names = |text| Rule::named(text).into_iter().map(|rule| rule.name).collect::<Vec<_>>();
        for text in
            ["vagrantp::config::memory_too_small", "config::memory_too_small", "memory_too_small"]
        {
            assert_eq!(names(text), ["config::memory_too_small"]);
        }
        assert_eq!(names("name_taken"), ["plan::name_taken", "provider::name_taken"]);
        assert_eq!(names("plan::name_taken"), ["plan::name_taken"]);
        assert!(names("plan::memory_too_small").is_empty() && names("").is_empty());
    }
}
