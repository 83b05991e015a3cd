//! `list`: all machines of this user's, from the providers.

use clap::Args;
use serde_json::json;

use crate::exit;
use crate::model::id::{Identity, InfraType, ProjectDir};
use crate::model::network::Protocol;
use crate::model::observed::Instance;
use crate::model::plain::one_line;
use crate::model::problem::Problem;
use crate::model::stamp::Stamp;
use crate::model::state::State;
use crate::plan::garbage::is_removed;
use crate::provider::registry;
use crate::report::{Answer, Infrastructure, clean};

use super::{Context, Failure, host, status};

/// The options of `list`.
#[derive(Debug, Args)]
pub struct ListArgs {
    /// Only machines in this state: running, stopped, suspended, …
    #[arg(long, value_name = "STATE")]
    pub filter: Option<String>,
}

/// Runs `list`.
///
/// # Errors
/// No provider can be asked, or the filter is no state.
pub async fn run(context: &Context<'_>, args: &ListArgs) -> Result<Answer, Failure> {
    let filter = args.filter.as_deref().map(parse_state).transpose()?;
    let mut shapes: Vec<Infrastructure> = Vec::new();
    let mut failure = None;
    let mut reached = false;
    for kind in
        registry::built(InfraType::Container).into_iter().chain(registry::built(InfraType::Vm))
    {
        let listed = match registry::open(kind, &context.facts).await {
            Ok(provider) => provider.list_with_copies().await,
            Err(error) => Err(error),
        };
        match listed {
            Ok((instances, copies)) => {
                reached = true;
                for name in copies {
                    context.reporter.warn(&format!(
                        "{name} carries labels of vagrantp's and is not of its making: it is no \
                         machine, and is left alone"
                    ));
                }
                let own = instances.iter().filter(|i| i.stamp.uid == context.facts.uid);
                for instance in own {
                    warn_if_gone(context, instance);
                    shapes.push(shape(context, instance));
                }
            }
            Err(error) => failure = Some(Failure::from(Problem::from(error))),
        }
    }
    if let Some(failure) = failure.filter(|_| !reached) {
        return Err(failure);
    }
    shapes.retain(|shape| filter.is_none_or(|state| shape.state == state));
    shapes.sort_by(|a, b| (&a.id, &a.project_path).cmp(&(&b.id, &b.project_path)));
    let mut document = context.document(&[]);
    document.changed = Some(false);
    document.message = Some(match shapes.len() {
        1 => "1 machine.".to_owned(),
        count => format!("{count} machines."),
    });
    let text = table(&shapes);
    document.more.insert("instances", json!(shapes));
    Ok(Answer { document, text, exit: exit::SUCCESS })
}

/// Says of a machine that its directory is gone, and how to get hold of it.
fn warn_if_gone(context: &Context<'_>, instance: &Instance) {
    let project = &instance.stamp.project;
    if is_removed(&instance.stamp, &host::mounts::ground(project)) {
        context.reporter.warn(&format!(
            "the directory of {}, {}, is gone: `vagrantp adopt` takes the machine over where it was \
             moved to, `vagrantp gc --orphans` removes it",
            instance.stamp.infra_id,
            one_line(project)
        ));
    }
}

fn parse_state(text: &str) -> Result<State, Failure> {
    let known = State::ALL.iter().find(|state| state.as_str() == text || state.to_string() == text);
    known.copied().ok_or_else(|| {
        let names: Vec<_> = State::ALL.iter().map(|state| state.as_str()).collect();
        super::failure::usage_problem(
            format!("`{text}` is no state"),
            format!("one of: {}", names.join(", ")),
        )
    })
}

/// Whose an object is, by its stamp alone.
pub(super) fn identity(stamp: &Stamp) -> Identity {
    Identity {
        uuid: stamp.uuid,
        id: stamp.infra_id.clone(),
        id_is_explicit: true,
        project: ProjectDir {
            path: stamp.project.clone(),
            device: stamp.device,
            inode: stamp.inode,
            mount: stamp.mount.clone(),
        },
        uid: stamp.uid,
        infra_type: stamp.infra_type,
        provider: stamp.provider,
    }
}

fn shape(context: &Context<'_>, instance: &Instance) -> Infrastructure {
    let identity = identity(&instance.stamp);
    status::shape(context, &identity, Some(instance), None)
}

fn table(shapes: &[Infrastructure]) -> String {
    if shapes.is_empty() {
        return "There are no machines.\n".to_owned();
    }
    let header = ["NAME", "STATE", "TYPE", "PROVIDER", "PORTS", "PROJECT"].map(str::to_owned);
    let rows = shapes.iter().map(|shape| {
        let ports: Vec<_> = shape
            .networking
            .ports
            .iter()
            .map(|port| {
                let protocol = if port.protocol == Protocol::Tcp { "" } else { "/udp" };
                format!("{}→{}{protocol}", port.host_port, port.container_port)
            })
            .collect();
        [
            shape.id.clone(),
            shape.state.to_string(),
            shape.infra_type.to_string(),
            shape.provider.to_string(),
            if ports.is_empty() { "-".to_owned() } else { ports.join(",") },
            // A line end in a name must not make a row.
            clean::line(&shape.project_path.display().to_string()),
        ]
    });
    let rows: Vec<[String; 6]> = std::iter::once(header).chain(rows).collect();
    let width = |column: usize| {
        rows.iter().map(|row| unicode_width::UnicodeWidthStr::width(&*row[column])).max()
    };
    let widths: Vec<usize> = (0..6).map(|column| width(column).unwrap_or(0)).collect();
    let mut text = String::new();
    for row in &rows {
        let mut line = String::new();
        for (cell, width) in row.iter().zip(&widths) {
            let pad = width - unicode_width::UnicodeWidthStr::width(&**cell);
            line.push_str(cell);
            line.push_str(&" ".repeat(pad + 2));
        }
        text.push_str(line.trim_end());
        text.push('\n');
    }
    text
}
