//! How a container's main process fares, in our words. Pure.

use super::observe::time;
use super::reply::{Attachment, Container, Listed, ListedPort, PortBinding};
use crate::model::life::{Health, Life, Verdict};

/// All that the engine says of it; the limits in force are the kernel's to tell.
pub(super) fn of(container: &Container) -> Life {
    Life {
        out_of_memory: container.state.out_of_memory,
        restarts: container.restart_count,
        health: health(container),
        limits: None,
        damaged: container.damaged.clone(),
    }
}

/// Whether it has just ended by itself and will be started again by the engine.
pub(super) fn is_between_two_runs(container: &Container) -> bool {
    container.state.status == "stopped"
        && is_started_again(container)
        && container.damaged.is_none()
}

/// Whether the engine starts it again when it ends by itself.
pub(super) fn is_started_again(container: &Container) -> bool {
    !matches!(container.host_config.restart_policy.name.as_str(), "" | "no")
}

/// How often Podman checks where the image does not say, in seconds.
const INTERVAL: u64 = 30;

/// Its image's health check and what came of it; nothing where there is none.
pub(super) fn health(container: &Container) -> Option<Health> {
    let found = &container.state.health;
    let verdict = match found.status.as_str() {
        "healthy" => Verdict::Healthy,
        "unhealthy" => Verdict::Unhealthy,
        "starting" => Verdict::Starting,
        _ => return None,
    };
    // What a check came to before the last start says nothing of what runs now.
    let started = moment(&container.state.started_at);
    let last = found.log.last().filter(|check| moment(&check.end) >= started);
    let interval = container.config.check_interval().map(|interval| interval / 1_000_000_000);
    Some(Health {
        verdict: if last.is_some() { verdict } else { Verdict::Starting },
        failures: if last.is_some() { found.failing_streak } else { 0 },
        checked_at: last.and_then(|check| time(&check.end)),
        output: last.map(|check| check.output.clone()).unwrap_or_default(),
        interval: interval.filter(|seconds| *seconds > 0).unwrap_or(INTERVAL),
    })
}

fn moment(text: &str) -> Option<jiff::Timestamp> {
    text.parse().ok()
}

/// A container that the engine lists and cannot look into.
pub(super) fn unreadable(entry: Listed, why: String) -> Container {
    let port = |port: &ListedPort| {
        let binding =
            PortBinding { host_ip: port.host_ip.clone(), host_port: port.host_port.to_string() };
        (format!("{}/{}", port.container_port, port.protocol), Some(vec![binding]))
    };
    let mut container = Container { damaged: Some(why), ..Container::default() };
    container.host_config.port_bindings = entry.ports.iter().map(port).collect();
    container.network_settings.networks =
        entry.networks.into_iter().map(|name| (name, Attachment::default())).collect();
    container.name = entry.names.into_iter().next().unwrap_or_default();
    container.id = entry.id;
    container.created = entry.created;
    container.state.status = entry.state;
    container.state.exit_code = entry.exit_code;
    container.state.pid = entry.pid;
    container.config.labels = entry.labels;
    container
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn container(value: serde_json::Value) -> Container {
        serde_json::from_value(value).expect("a container")
    }

    fn checked(started: &str, streak: u32, verdict: &str) -> Option<Health> {
        health(&container(json!({
            "State": {
                "Status": "running",
                "StartedAt": started,
                "Health": {
                    "Status": verdict,
                    "FailingStreak": streak,
                    "Log": [{ "Start": "", "End": "2026-01-02T03:04:06.5+01:00", "ExitCode": 1, "Output": "no\n" }],
                },
            },
            "Config": { "Healthcheck": { "Test": ["CMD", "x"], "Interval": 5_000_000_000_u64 } },
        })))
    }

    #[test]
    fn a_check_speaks_for_the_run_that_it_was_made_in() {
        let found = checked("2026-01-02T02:04:00Z", 3, "unhealthy").expect("it has a check");
        assert_eq!((found.verdict, found.failures, found.interval), (Verdict::Unhealthy, 3, 5));
        assert_eq!((found.output.as_str(), found.checked_at.is_some()), ("no\n", true));
        let found = checked("2026-01-02T02:05:00Z", 3, "unhealthy").expect("it has a check");
        assert_eq!((found.verdict, found.failures), (Verdict::Starting, 0), "before its start");
        assert_eq!(found.checked_at, None);
        assert_eq!(checked("2026-01-02T02:04:00Z", 0, ""), None, "no check, no health");
    }

    #[test]
    fn only_what_is_started_again_is_between_two_runs() {
        let of = |status: &str, policy: &str| {
            is_between_two_runs(&container(json!({
                "State": { "Status": status },
                "HostConfig": { "RestartPolicy": { "Name": policy } },
            })))
        };
        assert!(of("stopped", "always") && of("stopped", "on-failure"));
        assert!(!of("stopped", "no") && !of("stopped", "") && !of("exited", "always"));
    }

    #[test]
    fn what_cannot_be_looked_into_keeps_its_name_and_labels() {
        let entry: Listed = serde_json::from_value(json!({
            "Id": "1", "Names": ["web"], "State": "running", "Labels": { "a": "b" },
            "Networks": ["n"], "Pid": 7,
            "Ports": [{
                "host_ip": "127.0.0.1", "container_port": 80, "host_port": 8080, "range": 1,
                "protocol": "tcp",
            }],
        }))
        .expect("an entry");
        let found = unreadable(entry, "no layer".to_owned());
        assert_eq!((found.name.as_str(), found.state.status.as_str()), ("web", "running"));
        assert_eq!(found.config.labels["a"], "b");
        assert!(found.host_config.port_bindings.contains_key("80/tcp"));
        assert_eq!(of(&found).damaged.as_deref(), Some("no layer"));
    }
}
