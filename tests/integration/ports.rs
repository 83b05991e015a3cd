//! A hundred projects that choose their ports at once, through the files and locks that real calls
//! use.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Barrier;
use std::sync::atomic::AtomicBool;

use clap::Parser;
use tokio::sync::watch;
use vagrantp::cli::context::Context;
use vagrantp::cli::settle::{self, Claim};
use vagrantp::cli::{Cli, host};
use vagrantp::event::Silence;
use vagrantp::model::desired::Desired;
use vagrantp::model::network::PortForward;
use vagrantp::model::observed::Observed;
use vagrantp::plan::action::{Action, Fetch};
use vagrantp::plan::steps::{Recreate, RunningGoal, Twin, to_running};
use vagrantp::provider::memory::Memory;
use vagrantp::provider::{Depth, Provider, Query};
use vagrantp::report::{Reporter, Style};
use vagrantp::store::Store;

const PROJECTS: usize = 100;

/// One call in one project: its wish, and the ports that it gets.
struct Call<'a> {
    store: &'a Path,
    project: &'a Path,
    provider: &'a Memory,
}

impl Call<'_> {
    fn context<'r>(&self, reporter: &'r Reporter) -> Context<'r> {
        let arguments = ["vagrantp", "-C", self.project.to_str().unwrap(), "plan"];
        Context {
            facts: host::facts(),
            global: Cli::try_parse_from(arguments).unwrap().global,
            reporter,
            store: Store::new(self.store),
            signal: watch::channel(0).1,
            applying: AtomicBool::new(false),
            changed: AtomicBool::new(false),
        }
    }

    fn run<T>(&self, call: impl AsyncFnOnce(&Context<'_>, Desired) -> T) -> T {
        let style =
            Style { json: true, quiet: true, verbose: 0, rich: false, width: 80, stream: false };
        let reporter = Reporter::new(style);
        let context = self.context(&reporter);
        let Ok(wish) = context.wish(&context.project().ok().unwrap()) else { panic!("a wish") };
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(call(&context, wish.desired))
    }

    async fn observed(&self, desired: &Desired) -> Observed {
        let image = Some(&desired.image.value);
        let query = Query { identity: &desired.identity, image, depth: Depth::Full };
        self.provider.observe(&query).await.unwrap()
    }

    /// What `up` chooses, and tells the others.
    fn choose(&self) -> Vec<PortForward> {
        self.run(async |context, desired| {
            let observed = self.observed(&desired).await;
            let claim = Claim::Keep;
            settle::ports(context, &desired, &observed, self.provider, claim, &[])
                .await
                .ok()
                .unwrap()
                .ports
        })
    }

    /// What `up` makes of it, without starting it.
    fn make(&self, ports: &[PortForward]) {
        self.run(async |_, desired| {
            let goal = RunningGoal {
                desired: &desired,
                ports,
                ssh_port: None,
                recreate: Recreate::WhereNeeded,
                fetch: Fetch::IfMissing,
                start: false,
                twin: Twin::Refuse,
                now: "2026-11-21T12:00:00Z",
            };
            let observed = self.observed(&desired).await;
            let plan = to_running(&goal, &observed, &self.provider.capabilities()).unwrap();
            for step in &plan.steps {
                self.provider.execute(&step.action, &Silence).await.unwrap();
            }
        });
    }

    /// What `rm` does.
    fn remove(&self) {
        self.run(async |context, desired| {
            let observed = self.observed(&desired).await;
            let plan = vagrantp::plan::steps::to_absent(
                &desired.identity,
                &observed,
                vagrantp::plan::action::StopMode::Kill,
            );
            for step in &plan.steps {
                let action: &Action = &step.action;
                self.provider.execute(action, &Silence).await.unwrap();
            }
            let timeout = context.lock_timeout();
            context.store.release(desired.identity.uuid, timeout, &Silence).await.unwrap();
        });
    }
}

#[test]
fn a_hundred_projects_at_once_have_a_port_each_and_keep_it() {
    let root = tempfile::tempdir().unwrap();
    let store = root.path().join("state");
    let provider = Memory::default();
    let projects: Vec<_> = (0..PROJECTS)
        .map(|number| {
            let project = root.path().join(format!("p{number}"));
            std::fs::create_dir(&project).unwrap();
            let env = "INFRA_TYPE=container\nPORTS=auto:80,auto:53/udp\nPORT_POOL=24100-24299\n";
            std::fs::write(project.join(".env"), env).unwrap();
            project
        })
        .collect();
    let calls: Vec<_> = projects
        .iter()
        .map(|project| Call { store: &store, project, provider: &provider })
        .collect();
    let gate = Barrier::new(PROJECTS);
    let at_once = |work: &(dyn Fn(usize) -> Vec<PortForward> + Sync)| -> Vec<Vec<PortForward>> {
        std::thread::scope(|scope| {
            let gate = &gate;
            let one = |number| {
                scope.spawn(move || {
                    gate.wait();
                    work(number)
                })
            };
            let threads: Vec<_> = (0..PROJECTS).map(one).collect();
            threads.into_iter().map(|thread| thread.join().unwrap()).collect()
        })
    };
    let chosen = at_once(&|number| calls[number].choose());
    let of = |protocol: &str| -> BTreeSet<u16> {
        let all = chosen.iter().flatten();
        all.filter(|port| port.protocol.as_str() == protocol).map(|port| port.host).collect()
    };
    assert_eq!((of("tcp").len(), of("udp").len()), (PROJECTS, PROJECTS), "one each: {chosen:?}");

    // Made and at rest, each keeps what it has, whoever asks first; the claims are expendable, and
    // what the instances hold is enough.
    for (call, ports) in calls.iter().zip(&chosen) {
        call.make(ports);
    }
    std::fs::remove_file(store.join("leases.json")).unwrap();
    assert_eq!(at_once(&|number| calls[number].choose()), chosen);

    // What `rm` gives up is free for the next, and nothing is left of the claims.
    calls[7].remove();
    let mut freed: Vec<u16> = chosen[7].iter().map(|port| port.host).collect();
    let again = calls[7].choose();
    freed.sort_unstable();
    let mut got: Vec<u16> = again.iter().map(|port| port.host).collect();
    got.sort_unstable();
    assert_eq!(got, freed);
    calls.iter().for_each(Call::remove);
    assert!(!store.join("leases.json").exists());
}
