//! URLs as they may be shown, and those that are files.

use std::path::PathBuf;

use reqwest::Url;

/// A URL without the name, the password and the query in it: each may be a secret.
#[must_use]
pub fn shown(text: &str) -> String {
    let Ok(mut url) = Url::parse(text) else {
        // What is none may still hold one.
        let rest = text.rsplit_once('@').map_or(text, |(_, rest)| rest);
        return rest.split('?').next().unwrap_or_default().to_owned();
    };
    let _ = url.set_username("");
    let _ = url.set_password(None);
    let had_query = url.query().is_some();
    url.set_query(None);
    url.set_fragment(None);
    if had_query { format!("{url}?…") } else { url.to_string() }
}

/// The last part of its path, as a name for a line of progress.
pub(super) fn name(text: &str) -> String {
    let shown = shown(text);
    let path = shown.trim_end_matches("?…").trim_end_matches('/');
    path.rsplit('/').next().filter(|name| !name.is_empty()).unwrap_or(&shown).to_owned()
}

/// The file that a `file` URL of this host stands for.
pub(super) fn file_of(text: &str) -> Option<PathBuf> {
    let url = Url::parse(text).ok().filter(|url| url.scheme() == "file")?;
    url.to_file_path().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_secret_is_shown() {
        for (text, wanted) in [
            ("https://ada:hunter2@host/a.img", "https://host/a.img"),
            ("https://host/a.img?token=hunter2#sha256:x", "https://host/a.img?…"),
            ("http://hunter2@host:8080/", "http://host:8080/"),
            ("no url ada:hunter2@host?hunter2", "host"),
        ] {
            assert_eq!(shown(text), wanted);
        }
        assert_eq!(name("https://host/pub/a.qcow2?x"), "a.qcow2");
        assert_eq!(name("https://host/"), "host");
    }

    #[test]
    fn a_file_url_is_a_file() {
        assert_eq!(file_of("file:///a/it%27s%20mine"), Some("/a/it's mine".into()));
        assert_eq!(file_of("file://localhost/a"), Some("/a".into()));
        assert_eq!(file_of("https://host/a"), None);
    }
}
