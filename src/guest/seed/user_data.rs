//! What vagrantp itself has to say to a guest.

use serde_json::{Value, json};

use super::{Mount, Seed};

/// How a directory of the host's is mounted, with its place, tag, kind and options as arguments: a
/// name with a quote in it is no word of the script.
const MOUNT: &str =
    "mkdir -p \"$1\" && { mountpoint -q \"$1\" || mount -t \"$3\" -o \"$4\" \"$2\" \"$1\"; }";

/// The document that the user's additions go into.
pub(super) fn base(seed: &Seed) -> Value {
    let mut config = for_user(&seed.user, &seed.authorized_keys);
    config["ssh_keys"] = json!({
        "ed25519_private": seed.host_key.private,
        "ed25519_public": seed.host_key.public,
    });
    if !seed.mounts.is_empty() {
        // At each start, and not in the guest's own fstab: a mount that is gone from the `.env` is
        // gone at the next start.
        let mounts = seed.mounts.iter().map(|mount| {
            let target = mount.target.to_string_lossy();
            json!(["sh", "-c", MOUNT, "mount", target, mount.tag, mount.filesystem, mount.options])
        });
        config["bootcmd"] = mounts.collect();
    }
    config
}

/// The part that depends on nothing but the user. `user` lays itself over the image's default user,
/// so that its shell and its groups are those that the distribution has meant.
pub(super) fn for_user(name: &str, authorized_keys: &[String]) -> Value {
    let is_root = name == "root";
    let mut user = json!({
        "name": name,
        // Root's password, where the image has one, is the way in at the console.
        "lock_passwd": !is_root,
        "ssh_authorized_keys": authorized_keys,
    });
    let mut config = json!({
        "ssh_pwauth": false,
        "ssh_deletekeys": true,
        "manage_etc_hosts": "localhost",
        "growpart": { "mode": "auto", "devices": ["/"] },
        "resize_rootfs": true,
    });
    if is_root {
        config["disable_root"] = json!(false);
    } else {
        user["sudo"] = json!(["ALL=(ALL) NOPASSWD:ALL"]);
    }
    config["user"] = user;
    config
}

/// Who the guest is.
pub(super) fn meta(seed: &Seed) -> Value {
    json!({ "instance-id": seed.instance_id, "local-hostname": seed.hostname })
}

/// The mounts as lines of an fstab.
pub(super) fn fstab(mounts: &[Mount]) -> String {
    let line = |mount: &Mount| {
        let target = mount.target.to_string_lossy();
        let words = [&mount.tag, target.as_ref(), mount.filesystem, &mount.options];
        format!("{} 0 0\n", words.map(escaped).join(" "))
    };
    mounts.iter().map(line).collect()
}

/// As fstab has it: what would end a word is three octal digits.
fn escaped(word: &str) -> String {
    let mut text = String::new();
    for c in word.chars() {
        match c {
            ' ' | '\t' | '\n' | '\\' | '#' => text.push_str(&format!("\\{:03o}", u32::from(c))),
            c => text.push(c),
        }
    }
    text
}
