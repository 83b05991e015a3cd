//! Who has a port that could not be bound: found out after the fact, since it was free when it was
//! chosen.

use crate::model::code::Code;
use crate::model::desired::Desired;
use crate::model::id::InstanceUuid;
use crate::model::network::PortForward;
use crate::plan::PlanError;
use crate::plan::ports::Holder;
use crate::provider::Provider;

use super::{Failure, host};

/// The failure, with the project or process that has the port, where one can be found. `desired` has
/// the lines that ask for the ports, where it is they that are carried out.
pub async fn named(
    mut failure: Failure,
    uuid: InstanceUuid,
    desired: Option<&Desired>,
    ports: &[PortForward],
    provider: &dyn Provider,
) -> Failure {
    for problem in &mut failure.problems {
        if problem.code != Code::PortConflict || problem.details.contains_key("holder") {
            continue;
        }
        let port = problem.details.get("port").and_then(serde_json::Value::as_u64);
        let Some(forward) = ports.iter().find(|forward| Some(u64::from(forward.host)) == port)
        else {
            continue;
        };
        let Some(holder) = holder(uuid, forward, provider).await else { continue };
        let rules = desired.map(|desired| desired.ports.as_slice()).unwrap_or_default();
        let rule = rules.iter().find(|rule| {
            (rule.value.bind, rule.value.guest, rule.value.protocol)
                == (forward.bind, forward.guest, forward.protocol)
        });
        *problem = PlanError::PortTaken {
            port: forward.host,
            bind: forward.bind,
            guest: forward.guest,
            holder: holder.to_string(),
            place: rule.and_then(|rule| rule.place()).cloned(),
        }
        .into();
    }
    failure
}

async fn holder(
    uuid: InstanceUuid,
    forward: &PortForward,
    provider: &dyn Provider,
) -> Option<Holder> {
    let others = provider.list().await.unwrap_or_default();
    let project = others.iter().find(|other| {
        let theirs =
            |port: &PortForward| forward.collides_with(port.bind, port.host, port.protocol);
        other.stamp.uuid != uuid && other.state.is_up() && other.ports.iter().any(theirs)
    });
    if let Some(project) = project {
        let id = project.stamp.infra_id.to_string();
        return Some(Holder::Project { id, path: project.stamp.project.clone() });
    }
    let taken = host::ports::taken(&host::ports::listening(), &[forward.host]);
    let theirs = taken
        .into_iter()
        .find(|taken| forward.collides_with(taken.bind, taken.port, taken.protocol))?;
    (theirs.by != Holder::Unknown).then_some(theirs.by)
}
