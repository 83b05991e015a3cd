//! The user's additions: mappings are joined, lists are appended, and of single values the user's
//! count, except where they would lock vagrantp out of the machine that it has to wait for.

use serde_json::{Map, Value};

use crate::guest::error::SeedError;

type Object = Map<String, Value>;

/// Lists that cloud-init takes as a whole: a user's replaces the image's own.
const STAGES: [&str; 3] = ["cloud_init_modules", "cloud_config_modules", "cloud_final_modules"];

/// What makes an account useless for logging in.
const CLOSED: [&str; 5] =
    ["inactive", "expiredate", "no_create_home", "ssh_redirect_user", "snapuser"];

/// Puts the user's document into ours.
pub(super) fn add(
    ours: &mut Value,
    additions: Value,
    warnings: &mut Vec<String>,
) -> Result<(), SeedError> {
    let mut additions = match additions {
        Value::Object(map) => map,
        // Nothing but comments.
        Value::Null => return Ok(()),
        other => return Err(SeedError::NotConfig { found: kind(&other).to_owned() }),
    };
    let name = ours["user"]["name"].as_str().unwrap_or_default().to_owned();
    same_user(&mut additions, &name)?;
    refuse_lock_outs(&additions, &name)?;
    if additions.contains_key("network") {
        warnings.push(
            "`network` in the file of CLOUD_INIT has no effect: cloud-init takes a network from \
             elsewhere; use IP_ADDRESS, GATEWAY and DNS"
                .to_owned(),
        );
    }
    for stage in STAGES.iter().filter(|stage| additions.contains_key(**stage)) {
        warnings.push(format!(
            "`{stage}` in the file of CLOUD_INIT replaces the image's own list: the machine can be \
             reached only where `ssh` and `users_groups` still run"
        ));
    }
    join(ours, Value::Object(additions));
    Ok(())
}

/// What the user says of the account that vagrantp logs in as, wherever it stands, is said of `user`:
/// cloud-init would take two entries of one name for two accounts.
fn same_user(additions: &mut Object, name: &str) -> Result<(), SeedError> {
    let foreign = SeedError::LocksOut {
        key: "user".to_owned(),
        help: "name the account with SSH_USER in the `.env`; further ones go under `users`",
    };
    let mut said = match additions.remove("user") {
        None | Some(Value::Null) => Object::new(),
        Some(Value::String(user)) if user == name => Object::new(),
        Some(Value::Object(user)) if user.get("name").is_none_or(|it| it == name) => user,
        Some(_) => return Err(foreign),
    };
    if let Some(Value::Array(users)) = additions.get_mut("users") {
        let mut kept = Vec::new();
        for user in std::mem::take(users) {
            match user {
                Value::Object(user) if user.get("name").is_some_and(|it| it == name) => {
                    let mut joined = Value::Object(std::mem::take(&mut said));
                    join(&mut joined, Value::Object(user));
                    said = joined.as_object().cloned().unwrap_or_default();
                }
                Value::String(user) if user == name => {}
                other => kept.push(other),
            }
        }
        *users = kept;
    }
    if !said.is_empty() {
        additions.insert("user".to_owned(), Value::Object(said));
    }
    Ok(())
}

fn refuse_lock_outs(additions: &Object, name: &str) -> Result<(), SeedError> {
    let locks_out = |key: String, help| Err(SeedError::LocksOut { key, help });
    let host_keys = additions.get("ssh_keys");
    match host_keys {
        None | Some(Value::Object(_)) => {}
        Some(_) => return locks_out("ssh_keys".to_owned(), "delete it: it has to be a mapping"),
    }
    let of_ours = host_keys.and_then(Value::as_object).into_iter().flat_map(Object::keys);
    if let Some(key) = of_ours.into_iter().find(|key| key.starts_with("ed25519_")) {
        return locks_out(
            format!("ssh_keys.{key}"),
            "delete it: vagrantp makes the machine's Ed25519 host key and knows it by that; keys of \
             other kinds may stay",
        );
    }
    if name == "root" && additions.get("disable_root").is_some_and(is_true) {
        let help = "delete it, or log in as somebody else with SSH_USER in the `.env`";
        return locks_out("disable_root".to_owned(), help);
    }
    let Some(user) = additions.get("user").and_then(Value::as_object) else { return Ok(()) };
    for key in CLOSED {
        if user.get(key).is_some_and(is_true) {
            let help = "delete it, or log in as somebody else with SSH_USER in the `.env`";
            return locks_out(format!("user.{key}"), help);
        }
    }
    if user.get("ssh_authorized_keys").is_some_and(|keys| !keys.is_array()) {
        let help = "make it a list: it is appended to the keys of SSH_AUTHORIZED_KEYS";
        return locks_out("user.ssh_authorized_keys".to_owned(), help);
    }
    Ok(())
}

/// As cloud-init reads a truth; a date or a name is one as well.
fn is_true(value: &Value) -> bool {
    match value {
        Value::Null | Value::Bool(false) => false,
        Value::String(text) => {
            !matches!(text.trim().to_lowercase().as_str(), "" | "0" | "false" | "no" | "off")
        }
        Value::Number(number) => number.as_f64() != Some(0.0),
        _ => true,
    }
}

fn join(ours: &mut Value, theirs: Value) {
    match (ours, theirs) {
        (Value::Object(ours), Value::Object(theirs)) => {
            for (key, value) in theirs {
                match ours.get_mut(&key) {
                    Some(known) => join(known, value),
                    None => {
                        ours.insert(key, value);
                    }
                }
            }
        }
        (Value::Array(ours), Value::Array(theirs)) => ours.extend(theirs),
        // A list of one, written without its brackets.
        (Value::Array(_), Value::Null) => {}
        (Value::Array(ours), theirs) => ours.push(theirs),
        (ours, theirs) => *ours = theirs,
    }
}

fn kind(value: &Value) -> &'static str {
    match value {
        Value::Array(_) => "a list",
        Value::Object(_) => "a mapping",
        _ => "a single word or number",
    }
}
