//! The shape of every JSON document, written down once: a list of the fields that there may be,
//! with the kind of each.

use serde_json::{Map, Value};

/// What a field may hold.
#[derive(Clone, Copy)]
pub(super) enum Kind {
    Bool,
    Whole,
    Text,
    /// One of these words.
    Word(&'static [&'static str]),
    /// As this, or null.
    Maybe(&'static Kind),
    /// A list of these.
    List(&'static Kind),
    /// An object with these fields: those that have to be there, and those that may.
    Object(&'static [Field], &'static [Field]),
    /// Anything: facts of a failure, the provider's own form.
    Any,
}
use Kind::{Any, Bool, List, Maybe, Object, Text, Whole, Word};

type Field = (&'static str, Kind);

const MAYBE_TEXT: Kind = Maybe(&Text);
const MAYBE_WHOLE: Kind = Maybe(&Whole);

const STATES: &[&str] = &[
    "not_created",
    "creating",
    "starting",
    "running",
    "stopping",
    "stopped",
    "suspending",
    "suspended",
    "resuming",
    "removing",
    "error",
    "unknown",
];
const ACTIONS: &[&str] = &vagrantp::plan::action::Action::NAMES;
const COSTS: &[&str] = &["none", "live", "restart", "replace", "recreate", "destroy", "refused"];

const RESOURCES: Kind = Object(
    &[("memory_mb", Whole), ("cpus", Whole), ("disk_gb", Whole), ("not_enforced", List(&Text))],
    &[],
);
const PORT: Kind = Object(
    &[
        ("bind", Text),
        ("host_port", Whole),
        ("container_port", Whole),
        ("protocol", Word(&["tcp", "udp"])),
        ("auto", Bool),
    ],
    &[],
);
const NETWORKING: Kind = Object(
    &[("mode", Word(&["default", "bridge"])), ("ip_address", MAYBE_TEXT), ("ports", List(&PORT))],
    &[],
);
const ACCESS: Kind = Object(
    &[
        ("host", MAYBE_TEXT),
        ("port", MAYBE_WHOLE),
        ("user", MAYBE_TEXT),
        ("key", MAYBE_TEXT),
        ("command", Text),
        ("ssh_command", MAYBE_TEXT),
        ("web_urls", List(&Text)),
    ],
    &[],
);
const HEALTH: Kind = Object(
    &[
        ("status", Word(&["starting", "healthy", "unhealthy"])),
        ("failures", Whole),
        ("checked_at", MAYBE_TEXT),
        ("output", MAYBE_TEXT),
    ],
    &[],
);
const ENDED: Kind = Object(
    &[
        ("status", Whole),
        ("at", MAYBE_TEXT),
        ("cause", Word(&["stopped", "exited", "killed", "out_of_memory"])),
        ("last_output", MAYBE_TEXT),
    ],
    &[],
);
pub(super) const INFRASTRUCTURE: Kind = Object(
    &[
        ("id", Text),
        ("uuid", Text),
        ("name", Text),
        ("type", Word(&["vm", "container"])),
        ("provider", Word(&["podman", "libvirt", "qemu", "virtualbox", "ssh"])),
        ("state", Word(STATES)),
        ("suspend_kind", Maybe(&Word(&["memory", "disk"]))),
        ("project_path", Text),
        ("created_at", MAYBE_TEXT),
        ("updated_at", MAYBE_TEXT),
        ("last_started", MAYBE_TEXT),
        ("last_stopped", MAYBE_TEXT),
        ("ttl", MAYBE_TEXT),
        ("expires_at", MAYBE_TEXT),
        ("arch", MAYBE_TEXT),
        ("resources", RESOURCES),
        ("networking", NETWORKING),
        ("access", ACCESS),
        ("health", Maybe(&HEALTH)),
        ("restarts", Whole),
        ("ended", Maybe(&ENDED)),
        ("unguarded", List(&Text)),
        ("trouble", MAYBE_TEXT),
        ("acceleration", Maybe(&Word(&["kvm", "emulation"]))),
        ("pending", Bool),
        ("damaged", MAYBE_TEXT),
    ],
    &[],
);
const MISTAKE: Kind = Object(
    &[
        ("code", Text),
        ("rule", MAYBE_TEXT),
        ("message", Text),
        ("file", MAYBE_TEXT),
        ("field", MAYBE_TEXT),
        ("line", MAYBE_WHOLE),
        ("column", MAYBE_WHOLE),
        ("help", MAYBE_TEXT),
    ],
    &[],
);
const ERROR: Kind = Object(
    &[
        ("code", Text),
        ("message", Text),
        ("details", Any),
        ("suggestion", MAYBE_TEXT),
        ("field", MAYBE_TEXT),
        ("line", MAYBE_WHOLE),
        ("troubleshooting", List(&Text)),
        ("errors", List(&MISTAKE)),
    ],
    &[],
);
const STEP: Kind = Object(
    &[
        ("action", Word(ACTIONS)),
        ("cost", Word(COSTS)),
        (
            "cause",
            Object(
                &[
                    ("key", MAYBE_TEXT),
                    ("file", MAYBE_TEXT),
                    ("line", MAYBE_WHOLE),
                    ("found", MAYBE_TEXT),
                    ("wanted", MAYBE_TEXT),
                ],
                &[],
            ),
        ),
        ("says", Text),
    ],
    &[],
);

const SNAPSHOT: Kind = Object(
    &[
        ("name", Text),
        ("created_at", Text),
        ("description", MAYBE_TEXT),
        ("size_bytes", MAYBE_WHOLE),
        ("image", Text),
        ("memory", Bool),
    ],
    &[],
);
/// A line of `logs`; with `--follow` it stands on a line of its own.
const OUTPUT_LINE: Kind =
    Object(&[("schema", Whole), ("stream", Word(&["stdout", "stderr"])), ("text", Text)], &[]);
const CHANGE: Kind = Object(
    &[
        ("key", Text),
        ("found", Text),
        ("wanted", Text),
        ("cost", Word(COSTS)),
        ("file", MAYBE_TEXT),
        ("line", MAYBE_WHOLE),
    ],
    &[],
);

/// A plan for `up --plan`: its steps are vagrantp's own form.
const SAVED: Kind = Object(
    &[
        ("schema", Whole),
        ("uuid", Text),
        ("made_at", Text),
        ("recreate", Any),
        ("fetch", Any),
        ("given", List(&Text)),
        ("seen", Any),
        ("steps", List(&Any)),
        ("changes", List(&Any)),
        ("copied", MAYBE_WHOLE),
    ],
    &[],
);

/// What `gc` removes.
const LEFTOVER: Kind = Object(
    &[
        ("kind", Word(&["machine", "snapshot", "image", "network", "notes"])),
        ("name", Text),
        ("uuid", MAYBE_TEXT),
        ("project", MAYBE_TEXT),
        ("bytes", MAYBE_WHOLE),
        ("says", Text),
        ("why", Text),
        ("steps", List(&Text)),
    ],
    &[],
);

/// What `gc` leaves alone, and why.
const KEPT: Kind = Object(&[("name", Text), ("uuid", MAYBE_TEXT), ("says", Text)], &[]);

/// What `init` wrote, or would.
const WRITTEN: Kind = Object(
    &[("file", Text), ("added", Bool), ("keys", Any), ("left", List(&Text)), ("text", Text)],
    &[],
);

/// What any verb may answer.
const DOCUMENT: Kind = Object(
    &[("schema", Whole), ("success", Bool)],
    &[
        ("message", Text),
        ("warnings", List(&Any)),
        ("changed", Bool),
        ("infrastructure", INFRASTRUCTURE),
        ("provisioning", Any),
        ("plan", List(&STEP)),
        ("changes", List(&CHANGE)),
        ("saved", SAVED),
        ("changes", List(&CHANGE)),
        ("next_steps", List(&Text)),
        ("error", ERROR),
        ("valid", Bool),
        ("errors", List(&MISTAKE)),
        ("config", Any),
        ("instances", List(&INFRASTRUCTURE)),
        ("access", ACCESS),
        ("leftovers", List(&LEFTOVER)),
        ("kept", List(&KEPT)),
        ("cleanup", Any),
        ("rendered", Any),
        ("explain", Any),
        ("json_schema", Any),
        ("script", Text),
        ("written", WRITTEN),
        ("lines", List(&OUTPUT_LINE)),
        ("snapshot", SNAPSHOT),
        ("snapshots", List(&SNAPSHOT)),
    ],
);

/// Holds a document against the shape; success has a message, failure an error, never both.
pub(super) fn check(document: &Value) {
    let mut complaints = Vec::new();
    fits("", document, &DOCUMENT, &mut complaints);
    if document["schema"] != 1 {
        complaints.push(format!("schema is {}", document["schema"]));
    }
    let success = document["success"] == true;
    let (message, error) = (document.get("message"), document.get("error"));
    if (message.is_some(), error.is_some()) != (success, !success) {
        complaints.push("success has a message, and failure an error".to_owned());
    }
    if !success && document["error"]["errors"].as_array().is_none_or(Vec::is_empty) {
        complaints.push("a failure without a mistake".to_owned());
    }
    assert!(complaints.is_empty(), "{complaints:#?}\n{document:#}");
}

fn fits(at: &str, value: &Value, kind: &Kind, complaints: &mut Vec<String>) {
    let fits_here = match kind {
        Any => true,
        Bool => value.is_boolean(),
        Whole => value.is_u64(),
        Text => value.is_string(),
        Word(words) => value.as_str().is_some_and(|word| words.contains(&word)),
        Maybe(inner) => {
            if !value.is_null() {
                fits(at, value, inner, complaints);
            }
            true
        }
        List(inner) => value.as_array().is_some_and(|items| {
            items.iter().for_each(|item| fits(&format!("{at}[]"), item, inner, complaints));
            true
        }),
        Object(required, optional) => value.as_object().is_some_and(|object| {
            object_fits(at, object, required, optional, complaints);
            true
        }),
    };
    if !fits_here {
        complaints.push(format!("{at} is {value}"));
    }
}

fn object_fits(
    at: &str,
    object: &Map<String, Value>,
    required: &[Field],
    optional: &[Field],
    complaints: &mut Vec<String>,
) {
    for (name, _) in required.iter().filter(|(name, _)| !object.contains_key(*name)) {
        complaints.push(format!("{at}.{name} is missing"));
    }
    for (name, value) in object {
        match required.iter().chain(optional).find(|(known, _)| known == name) {
            Some((_, kind)) => fits(&format!("{at}.{name}"), value, kind, complaints),
            None => complaints.push(format!("{at}.{name} is not documented")),
        }
    }
}
