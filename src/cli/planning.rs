//! Everything that a plan of `up` needs is looked at, and the plan made.

use std::path::PathBuf;

use jiff::Timestamp;

use super::converge::Options;
use super::settle::{self, Claim};
use super::{Context, Failure, host, reach};
use crate::model::desired::Desired;
use crate::model::network::PortForward;
use crate::model::observed::Observed;
use crate::model::problem::Problem;
use crate::model::units::{Bytes, CpuCount};
use crate::plan::limits::{self, HostRoom};
use crate::plan::ports::Settled;
use crate::plan::steps::{RunningGoal, copies, to_running};
use crate::plan::{Plan, check, ranges};
use crate::provider::{Depth, Provider, Query};

/// Everything that a plan needs, and the plan.
///
/// # Errors
/// What cannot be planned: everything at once.
pub async fn make_plan(
    context: &Context<'_>,
    desired: &Desired,
    provider: &dyn Provider,
    options: &Options<'_>,
    claim: Claim,
) -> Result<(Plan, Observed, Settled), Failure> {
    let query = Query {
        identity: &desired.identity,
        image: Some(&desired.image.value),
        depth: Depth::Full,
    };
    let mut observed = provider.observe(&query).await?;
    reach::look(&mut observed).await;
    let mut problems: Vec<Problem> = Vec::new();
    // A pick is of the pool, whoever wrote the file.
    let pool = desired.port_pool.value;
    let saved = options.saved.map_or(&[][..], |handed| handed.plan.ports());
    let in_pool = |port: &&PortForward| (pool.first..=pool.last).contains(&port.host);
    let picks: Vec<PortForward> = saved.iter().filter(in_pool).copied().collect();
    let settled = settle::ports(context, desired, &observed, provider, claim, &picks).await;
    let ports = match settled {
        Ok(ports) => ports,
        Err(failure) => {
            problems.extend(failure.problems);
            Settled::default()
        }
    };
    // Each try has its own moment, so that no name made of it is ever met again.
    let now = options.moment.map_or_else(now, str::to_owned);
    let goal = RunningGoal {
        desired,
        ports: &ports.ports,
        ssh_port: ports.ssh,
        recreate: options.recreate,
        fetch: options.fetch,
        start: options.start,
        twin: options.twin,
        now: &now,
    };
    let mut plan = match to_running(&goal, &observed, &provider.capabilities()) {
        Ok(plan) => plan,
        Err(errors) => {
            problems.extend(errors.into_iter().map(Problem::from));
            Plan::default()
        }
    };
    if desired.network.address.is_some() {
        let routes = host::networks::routes();
        let errors = ranges::conflicts(&plan, desired, &observed, &routes);
        problems.extend(errors.into_iter().map(Problem::from));
    }
    let saves = plan.steps.iter().any(|step| step.action.name() == "save_files");
    let source = observed.instance().or(observed.moved.as_ref());
    plan.copied = source.and_then(|instance| instance.written).filter(|_| saves);
    let does = |names: &[&str]| plan.steps.iter().any(|step| names.contains(&step.action.name()));
    let makes = does(&["create"]);
    let grows = does(&["create", "grow_disk"]);
    if makes || does(&["configure"]) || grows || !problems.is_empty() {
        let running = observed.instance().filter(|instance| instance.state.is_up());
        let copied = plan.copied.unwrap_or(Bytes(0));
        let room = HostRoom { disk: disk(desired, &observed), ..room(context, &observed) };
        let report = limits::check(desired, &room, running, copied);
        problems.extend(report.errors.into_iter().map(Problem::from));
        plan.warnings.extend(report.warnings);
        if grows {
            plan.warnings.extend(limits::thin_disk(desired, &room, observed.instance()));
        }
    }
    plan.warnings.extend(copies(&observed));
    plan.warnings.extend(observed.engine.unlimited_text());
    if let (true, None, Some(bridge)) = (makes, &desired.vm, &desired.network.bridge) {
        plan.warnings.push(format!(
            "others on {} reach the container at its address; this host itself cannot (macvlan)",
            bridge.value
        ));
    }
    let autostart = |step: &crate::plan::Step| {
        matches!(step.action.name(), "create" | "set_autostart") && desired.autostart.value
    };
    if plan.steps.iter().any(autostart) {
        plan.warnings.extend(observed.engine.autostart_lacks.iter().cloned());
    }
    if !problems.is_empty() {
        Problem::sort(&mut problems);
        return Err(problems.into());
    }
    let contradictions = check::contradictions(&plan);
    if let Some(first) = contradictions.first() {
        return Err(Failure::internal("plan", &std::io::Error::other(first.clone())));
    }
    Ok((plan, observed, ports))
}

/// The moment that a plan's stamps carry.
#[must_use]
pub fn now() -> String {
    Timestamp::now().to_string()
}

/// What is free where the disk goes.
fn disk(desired: &Desired, observed: &Observed) -> Option<(PathBuf, Bytes)> {
    let written = desired.vm.as_ref().and_then(|vm| vm.disk_path.as_ref());
    let at = written.map(|path| path.value.as_path()).or(observed.engine.storage.as_deref());
    at.and_then(host::disk_free)
}

/// What the host has to give.
pub(super) fn room(context: &Context<'_>, observed: &Observed) -> HostRoom {
    HostRoom {
        memory: context.facts.memory_available,
        cpus: CpuCount(context.facts.cpus),
        disk: observed.engine.storage.as_deref().and_then(host::disk_free),
    }
}
