//! Paths as they are written: relative ones start at the project, `~/` at the caller's home. Nothing
//! is looked up here.

use std::path::{Component, Path, PathBuf};

use super::reader::Surroundings;

/// The absolute form of a path that was written.
pub(super) fn absolute(surroundings: &Surroundings<'_>, written: &str) -> PathBuf {
    match written.strip_prefix("~/") {
        Some(rest) => plain(&surroundings.home.join(rest.trim_start_matches('/'))),
        None if written == "~" => surroundings.home.to_owned(),
        None => plain(&surroundings.dir.join(written)),
    }
}

/// The path without `.` and doubled slashes; `..` stays, since a symlink may stand before it.
fn plain(path: &Path) -> PathBuf {
    path.components().collect()
}

/// The path without `.` and `..`, by its text alone.
pub(super) fn lexically(path: &Path) -> PathBuf {
    let mut out = PathBuf::new();
    for component in path.components() {
        match component {
            Component::ParentDir => {
                out.pop();
            }
            Component::CurDir => {}
            other => out.push(other),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn read(written: &str) -> PathBuf {
        let (dir, home) = (Path::new("/projects/web"), Path::new("/home/ann"));
        absolute(&Surroundings { dir, home }, written)
    }

    #[test]
    fn a_path_starts_where_it_says() {
        for (written, meant) in [
            ("image.tar", "/projects/web/image.tar"),
            ("./a b/c", "/projects/web/a b/c"),
            ("./b//./c.tar", "/projects/web/b/c.tar"),
            ("..", "/projects/web/.."),
            ("/srv/x", "/srv/x"),
            ("~/key", "/home/ann/key"),
            ("~//key", "/home/ann/key"),
            ("~", "/home/ann"),
            ("~bob/key", "/projects/web/~bob/key"),
            ("a~/b", "/projects/web/a~/b"),
        ] {
            assert_eq!(read(written).as_os_str(), meant, "{written}");
        }
    }

    #[test]
    fn dots_are_resolved_by_the_text() {
        for (path, resolved) in
            [("/a/./b/../c", "/a/c"), ("/a/b/../../..", "/"), ("/../a", "/a"), ("/a//b/", "/a/b")]
        {
            assert_eq!(lexically(Path::new(path)), Path::new(resolved), "{path}");
        }
    }

    proptest! {
        #[test]
        fn an_absolute_path_stays_as_it_is(written in "(/[^/.\u{0}][^/\u{0}]{0,7}){1,5}") {
            let path = read(&written);
            prop_assert_eq!(path.to_str(), Some(written.as_str()));
            let resolved = lexically(&path);
            prop_assert_eq!(lexically(&resolved), resolved);
        }
    }
}
