//! What a cell of the table says, taken apart.

use super::Row;

/// One thing that a reader makes otherwise.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Difference {
    /// It refuses the whole file.
    Refused,
    /// It says nothing of what is an error here.
    PassedOver,
    /// It does not have this key.
    Missing(String),
    /// It gives this key another value, or one where vagrantp has none.
    Value { key: String, value: String, ours: Option<String> },
}

impl Difference {
    /// The differences that a cell states: `error`, `no error`, or a list of `no KEY`,
    /// `KEY="value"` and `also KEY="value"`.
    pub(crate) fn all(row: &Row, cell: &str) -> Result<Vec<Self>, String> {
        let mut rest = cell.strip_prefix("differs: ").ok_or("no difference")?;
        match rest {
            "error" => return Ok(vec![Self::Refused]),
            "no error" => return Ok(vec![Self::PassedOver]),
            _ => {}
        }
        let mut all = Vec::new();
        loop {
            if let Some(missing) = rest.strip_prefix("no ") {
                let end = missing.find(", ").unwrap_or(missing.len());
                let key = missing[..end].to_owned();
                if row.value(&key).is_none() {
                    return Err(format!("{key} is not ours either"));
                }
                all.push(Self::Missing(key));
                rest = &missing[end..];
            } else {
                let also = rest.strip_prefix("also ");
                let (key, value) = also.unwrap_or(rest).split_once("=\"").ok_or("no value")?;
                let key = key.replace("\\t", "\t").replace("\\n", "\n").replace("\\\"", "\"");
                let end = closing(value).ok_or("an open value")?;
                let quoted = format!("\"{}\"", &value[..end]);
                let text: String =
                    serde_json::from_str(&quoted).map_err(|error| error.to_string())?;
                let ours = row.value(&key).map(str::to_owned);
                if also.is_some() != ours.is_none() || ours.as_ref() == Some(&text) {
                    return Err(format!("{key} is told wrong"));
                }
                all.push(Self::Value { key, value: text, ours });
                rest = &value[end + 1..];
            }
            match rest.strip_prefix(", ") {
                Some(more) => rest = more,
                None if rest.is_empty() => return Ok(all),
                None => return Err(format!("{rest:?} is left over")),
            }
        }
    }
}

/// Where the string of JSON ends that starts before this text.
fn closing(text: &str) -> Option<usize> {
    let mut escaped = false;
    text.bytes().position(|byte| {
        let closes = byte == b'"' && !escaped;
        escaped = byte == b'\\' && !escaped;
        closes
    })
}

impl Row {
    /// The value that vagrantp gives a key.
    pub(crate) fn value(&self, key: &str) -> Option<&str> {
        self.gives.iter().rfind(|gives| gives.key == key).map(|gives| gives.value.as_str())
    }

    /// Whether a reader reads these files otherwise.
    pub(crate) fn differs(&self, reader: &str) -> bool {
        self.peers.get(reader).is_some_and(|says| says.starts_with("differs: "))
    }
}
