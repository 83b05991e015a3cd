//! What has happened since, as a scenario's `observed.json` says it.

use serde_json::Value;

/// Objects by key, lists by position (an empty one empties); a list that is longer copies its last
/// element first, so that a second instance need only say where it differs.
pub(crate) fn merge(whole: &mut Value, part: Value) {
    match (whole, part) {
        (Value::Object(whole), Value::Object(part)) => {
            for (key, value) in part {
                merge(whole.entry(key).or_insert(Value::Null), value);
            }
        }
        (Value::Array(whole), Value::Array(part)) if !part.is_empty() => {
            for (index, value) in part.into_iter().enumerate() {
                if index >= whole.len() {
                    whole.push(whole.last().cloned().unwrap_or(Value::Null));
                }
                merge(&mut whole[index], value);
            }
        }
        (whole, part) => *whole = part,
    }
}
