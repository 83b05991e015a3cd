//! Reads just enough of Rust's grammar to say which paths a file names: comments, strings and
//! everything that is compiled for tests alone are left out.

/// A word or a punctuation mark, and the line that it stands on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Token {
    pub(super) text: String,
    pub(super) line: usize,
}

impl Token {
    fn is_word(&self) -> bool {
        self.text.starts_with(|c: char| c.is_alphabetic() || c == '_')
    }
}

/// A path that a file names, from the root of its crate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Named {
    pub(super) line: usize,
    pub(super) path: Path,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Path {
    /// In this crate: `crate::model::id` is `["model", "id"]`.
    Ours(Vec<String>),
    /// In another crate: `std::fs::read` is `["std", "fs", "read"]`.
    Foreign(Vec<String>),
}

/// Splits a source text, without its comments and without what its literals say.
pub(super) fn tokens(text: &str) -> Vec<Token> {
    let chars: Vec<char> = text.chars().collect();
    let at = |i: usize| chars.get(i).copied().unwrap_or('\0');
    let (mut i, mut line, mut found) = (0, 1, Vec::new());
    while i < chars.len() {
        let begin = i;
        let c = chars[i];
        let mut keep = false;
        if c == '/' && at(i + 1) == '/' {
            while i < chars.len() && at(i) != '\n' {
                i += 1;
            }
        } else if c == '/' && at(i + 1) == '*' {
            i = end_of_block_comment(&chars, i);
        } else if let Some(end) = end_of_string(&chars, i) {
            i = end;
        } else if c == '\'' {
            // A character, or else a lifetime.
            i += if at(i + 1) == '\\' {
                4 + chars.iter().skip(i + 3).position(|&c| c == '\'').unwrap_or(0)
            } else if at(i + 2) == '\'' {
                3
            } else {
                1
            };
        } else if c.is_alphabetic() || c == '_' {
            while at(i).is_alphanumeric() || at(i) == '_' {
                i += 1;
            }
            keep = true;
        } else if c == ':' && at(i + 1) == ':' {
            i += 2;
            keep = true;
        } else {
            i += 1;
            keep = !c.is_whitespace();
        }
        i = i.min(chars.len());
        if keep {
            found.push(Token { text: chars[begin..i].iter().collect(), line });
        }
        line += chars[begin..i].iter().filter(|&&c| c == '\n').count();
    }
    found
}

fn end_of_block_comment(chars: &[char], begin: usize) -> usize {
    let (mut i, mut depth) = (begin, 0);
    while i < chars.len() {
        match (chars[i], chars.get(i + 1)) {
            ('/', Some('*')) => (depth, i) = (depth + 1, i + 2),
            ('*', Some('/')) => (depth, i) = (depth - 1, i + 2),
            _ => i += 1,
        }
        if depth == 0 {
            break;
        }
    }
    i
}

/// Where the string literal that begins here ends; none where none begins.
fn end_of_string(chars: &[char], begin: usize) -> Option<usize> {
    let mut i = begin;
    // `b"`, `c"`, `r#"`, `br"`: no identifier has a quote in it.
    while i < begin + 2 && matches!(chars.get(i), Some('b' | 'c' | 'r')) {
        i += 1;
    }
    let raw = chars[begin..i].contains(&'r');
    let hashes = chars[i..].iter().take_while(|&&c| raw && c == '#').count();
    i += hashes;
    if chars.get(i) != Some(&'"') {
        return None;
    }
    i += 1;
    while i < chars.len() {
        if chars[i] == '\\' && !raw {
            i += 2;
        } else if chars[i] == '"'
            && chars[i + 1..].iter().take(hashes).filter(|&&c| c == '#').count() == hashes
        {
            return Some(i + 1 + hashes);
        } else {
            i += 1;
        }
    }
    Some(i)
}

/// What is left without the items under `#[cfg(test)]`, and the modules among those that have a
/// file of their own.
pub(super) fn without_tests(tokens: &[Token]) -> (Vec<Token>, Vec<String>) {
    let (mut kept, mut modules, mut i) = (Vec::new(), Vec::new(), 0);
    while i < tokens.len() {
        if let Some(attribute) = attribute_end(tokens, i)
            && is_for_tests(&tokens[i..attribute])
        {
            let mut begin = attribute;
            while let Some(end) = attribute_end(tokens, begin) {
                begin = end;
            }
            let end = item_end(tokens, begin);
            let words: Vec<&str> = tokens[begin..end].iter().map(|t| t.text.as_str()).collect();
            if let [.., "mod", name, ";"] = words[..] {
                modules.push(name.to_owned());
            }
            i = end;
        } else {
            kept.push(tokens[i].clone());
            i += 1;
        }
    }
    (kept, modules)
}

/// The index after an attribute that begins here.
fn attribute_end(tokens: &[Token], begin: usize) -> Option<usize> {
    if tokens.get(begin)?.text != "#" {
        return None;
    }
    let bracket = begin + 1 + usize::from(tokens.get(begin + 1)?.text == "!");
    (tokens.get(bracket)?.text == "[").then(|| group_end(tokens, bracket))
}

/// The index after the bracket that closes the one here.
pub(super) fn group_end(tokens: &[Token], begin: usize) -> usize {
    let mut depth = 0;
    for (i, token) in tokens.iter().enumerate().skip(begin) {
        match token.text.as_str() {
            "(" | "[" | "{" => depth += 1,
            ")" | "]" | "}" => depth -= 1,
            _ => {}
        }
        if depth == 0 {
            return i + 1;
        }
    }
    tokens.len()
}

fn is_for_tests(attribute: &[Token]) -> bool {
    let has = |word: &str| attribute.iter().any(|token| token.text == word);
    attribute.iter().find(|token| token.is_word()).is_some_and(|token| token.text == "cfg")
        && has("test")
        && !has("not")
        && !has("any")
}

/// The index after the item (or field, or arm) that begins here.
fn item_end(tokens: &[Token], begin: usize) -> usize {
    const ITEMS: [&str; 14] = [
        "mod", "fn", "pub", "use", "impl", "struct", "enum", "const", "static", "type", "trait",
        "async", "unsafe", "extern",
    ];
    let is_item = tokens.get(begin).is_some_and(|token| ITEMS.contains(&token.text.as_str()));
    let is_use = tokens[begin..]
        .iter()
        .take_while(|token| !matches!(token.text.as_str(), "{" | ";"))
        .any(|token| token.text == "use");
    let mut i = begin;
    while i < tokens.len() {
        match tokens[i].text.as_str() {
            ";" => return i + 1,
            "," if !is_item => return i + 1,
            // The group that this stands in ends.
            ")" | "]" | "}" => return i,
            "{" if !is_use => return group_end(tokens, i),
            "(" | "[" | "{" => i = group_end(tokens, i),
            _ => i += 1,
        }
    }
    i
}

/// The lints that a file asks to be let off from.
pub(super) fn lints_let_off(tokens: &[Token]) -> Vec<(usize, String)> {
    let mut found = Vec::new();
    for begin in 0..tokens.len() {
        let Some(end) = attribute_end(tokens, begin) else { continue };
        let attribute = &tokens[begin..end];
        if !attribute.iter().any(|token| token.text == "expect" || token.text == "allow") {
            continue;
        }
        for (i, token) in attribute.iter().enumerate().filter(|(_, token)| token.is_word()) {
            // `clippy::exit`, and lints of rustc's own, which have no path.
            let path = i.checked_sub(1).is_some_and(|before| attribute[before].text == "::");
            let parent = attribute.get(i + 1).is_some_and(|next| next.text == "::");
            if path || !parent {
                found.push((token.line, token.text.clone()));
            }
        }
    }
    found
}

/// Every path of two parts or more, in `use` lines and anywhere else. `module` is the file's own;
/// in the binary's `main` the library is another crate, by its name.
pub(super) fn named(tokens: &[Token], module: &[String], in_main: bool) -> Vec<Named> {
    let children: Vec<&str> = tokens
        .windows(3)
        .filter(|three| three[0].text == "mod" && three[2].text == ";")
        .map(|three| three[1].text.as_str())
        .collect();
    let (mut found, mut inline, mut depth, mut i) = (Vec::new(), Vec::new(), 0, 0);
    while i < tokens.len() {
        let text = tokens[i].text.as_str();
        let next = |n: usize| tokens.get(i + n).map_or("", |token| token.text.as_str());
        let mut paths = Vec::new();
        match text {
            "mod" if next(2) == "{" => inline.push((next(1).to_owned(), depth)),
            "{" => depth += 1,
            "}" => {
                depth -= 1;
                if inline.last().is_some_and(|(_, outer)| *outer == depth) {
                    inline.pop();
                }
            }
            "use" => i = use_tree(tokens, i + 1, &[], &mut paths) - 1,
            _ if tokens[i].is_word() && next(1) == "::" => {
                let mut path = vec![text.to_owned()];
                let line = tokens[i].line;
                while next_is_part(tokens, i) {
                    i += 2;
                    path.push(tokens[i].text.clone());
                }
                paths.push((line, path));
            }
            _ => {}
        }
        let here: Vec<String> =
            module.iter().cloned().chain(inline.iter().map(|(name, _)| name.clone())).collect();
        for (line, path) in paths {
            found.push(Named { line, path: resolve(&path, &here, &children, in_main) });
        }
        i += 1;
    }
    found
}

fn next_is_part(tokens: &[Token], i: usize) -> bool {
    tokens.get(i + 1).is_some_and(|token| token.text == "::")
        && tokens.get(i + 2).is_some_and(Token::is_word)
}

/// Reads one branch of a `use`, and answers with the index after it.
fn use_tree(
    tokens: &[Token],
    mut i: usize,
    prefix: &[String],
    found: &mut Vec<(usize, Vec<String>)>,
) -> usize {
    let mut path = prefix.to_vec();
    let line = tokens.get(i).map_or(0, |token| token.line);
    while let Some(token) = tokens.get(i) {
        match token.text.as_str() {
            "::" => {}
            "*" => found.push((line, path.clone())),
            "{" => {
                let end = group_end(tokens, i);
                i += 1;
                while i < end - 1 {
                    i = use_tree(tokens, i, &path, found) + 1;
                }
                return end;
            }
            "as" => i += 1,
            _ if token.is_word() => {
                if token.text != "self" || path.is_empty() {
                    path.push(token.text.clone());
                }
                if tokens.get(i + 1).is_none_or(|next| next.text != "::") {
                    found.push((line, path.clone()));
                }
            }
            // A comma, a semicolon, the end of the group.
            _ => return i,
        }
        i += 1;
    }
    i
}

fn resolve(path: &[String], here: &[String], children: &[&str], in_main: bool) -> Path {
    let rest = |from: &[String], skip: usize| -> Vec<String> {
        from.iter().chain(&path[skip..]).cloned().collect()
    };
    match path[0].as_str() {
        "crate" => Path::Ours(rest(&[], 1)),
        "vagrantp" if in_main => Path::Ours(rest(&[], 1)),
        "self" => Path::Ours(rest(here, 1)),
        "super" => {
            let ups = path.iter().take_while(|part| *part == "super").count();
            Path::Ours(rest(&here[..here.len().saturating_sub(ups)], ups))
        }
        child if children.contains(&child) => Path::Ours(rest(here, 0)),
        _ => Path::Foreign(path.to_vec()),
    }
}
