//! Booleans: `true` and `false`, and the words that people write for them.

use super::types::Word;

impl Word for bool {
    const WORDS: &'static [(&'static str, Self)] = &[
        ("true", true),
        ("false", false),
        ("yes", true),
        ("no", false),
        ("on", true),
        ("off", false),
        ("1", true),
        ("0", false),
    ];
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::tests::Project;

    fn autostart(written: &str) -> Result<Option<bool>, String> {
        let loaded = Project::new(&format!("INFRA_TYPE=container\nAUTOSTART={written}\n")).load();
        match loaded.config {
            Some(config) => Ok(config.autostart.map(|autostart| autostart.value)),
            None => Err(loaded.errors.iter().map(|error| format!("{error:?}")).collect()),
        }
    }

    #[test]
    fn every_word_is_read_in_any_case_and_as_it_prints() {
        for (word, meant) in bool::WORDS {
            for written in [word.to_string(), word.to_uppercase(), format!("'{word}'")] {
                assert_eq!(autostart(&written), Ok(Some(*meant)), "{written}");
            }
        }
        for value in [true, false] {
            assert_eq!(autostart(&value.to_string()), Ok(Some(value)));
        }
        assert_eq!(autostart(""), Ok(None), "an empty value is none");
    }

    #[test]
    fn what_is_no_boolean_says_what_is_one() {
        for written in ["ture", "2", "-1", "y", "enabled", "true false", "\u{ff11}"] {
            let error = autostart(written).expect_err(written);
            assert!(error.contains("AUTOSTART") && error.contains("true, false"), "{error}");
        }
    }
}
