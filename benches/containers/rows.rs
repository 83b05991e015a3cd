//! What is measured: the groups of rows, in the order of the design's table.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use crate::measure::{Pair, in_turn, run, time};
use crate::options::Options;
use crate::table::Row;
use crate::world::{IMAGE, Service, World};

type Group = fn(&World, &Options) -> Result<Vec<Row>, String>;

/// Every group, by the name that `--only` takes.
pub(crate) const GROUPS: [(&str, Group); 7] = [
    ("calls", calls),
    ("warm", warm),
    ("cold", cold),
    ("life", life),
    ("cold-life", cold_life),
    ("bulk", bulk),
    ("list", list),
];

const UP: &[&str] = &["up", "--yes"];
const STATUS: &[&str] = &["status"];

fn podman(args: &[&str]) -> Command {
    let mut command = Command::new("podman");
    command.args(args);
    command
}

/// What needs no provider at all.
fn calls(world: &World, options: &Options) -> Result<Vec<Row>, String> {
    let project = world.project("vpbench-calls", &options.image)?;
    let row = |name: &str, args: &[&str]| -> Result<Row, String> {
        let pair = in_turn(
            options.runs,
            || time(&mut world.vagrantp(&project, Service::Answering, args)),
            || time(&mut podman(&["--version"])),
        )?;
        Ok(Row::ratio(name, "`podman --version`", 0.5, &pair))
    };
    Ok(vec![row("`validate`", &["validate"])?, row("`--version`", &["--version"])?])
}

/// `up` with nothing to do and `status`, with a service that answers, and their peaks.
fn warm(world: &World, options: &Options) -> Result<Vec<Row>, String> {
    let project = world.project("vpbench-warm", &options.image)?;
    run(&mut world.vagrantp(&project, Service::Answering, UP))?;
    let mut rows = Vec::new();
    for (name, args) in [("`up` with nothing to do", UP), ("`status`", STATUS)] {
        let pair = in_turn(
            options.runs,
            || time(&mut world.vagrantp(&project, Service::Answering, args)),
            || time(&mut podman(&["inspect", &World::container(&project)])),
        )?;
        rows.push(Row::ratio(name, "`podman inspect NAME`", 0.25, &pair));
    }
    rows.push(peak(world, &project, "memory at peak: `status`", STATUS)?);
    world.remove(&project);
    rows.push(peak(world, &project, "memory at peak: `up` from nothing", UP)?);
    world.remove(&project);
    Ok(rows)
}

fn peak(world: &World, project: &Path, name: &str, args: &[&str]) -> Result<Row, String> {
    let (mut command, file) = world.peak(project, args);
    run(&mut command)?;
    Ok(Row::peak(name, kibibytes(&file)?, 24.0))
}

fn kibibytes(file: &Path) -> Result<u64, String> {
    let text = fs::read_to_string(file).map_err(|error| error.to_string())?;
    text.trim().parse().map_err(|_| format!("no figure of memory in {text:?}"))
}

/// The first call, which has to start the service.
fn cold(world: &World, options: &Options) -> Result<Vec<Row>, String> {
    let project = world.project("vpbench-cold", &options.image)?;
    run(&mut world.vagrantp(&project, Service::Answering, UP))?;
    let mut rows = Vec::new();
    for (name, args) in [("`up` with nothing to do", UP), ("`status`", STATUS)] {
        let pair = in_turn(
            options.runs,
            || first_call(world, &project, args),
            || time(&mut podman(&["inspect", &World::container(&project)])),
        )?;
        let name = format!("{name}, no service running");
        rows.push(Row::ratio(&name, "`podman inspect NAME`", 1.6, &pair));
    }
    world.remove(&project);
    Ok(rows)
}

fn first_call(world: &World, project: &Path, args: &[&str]) -> Result<Duration, String> {
    world.without_service()?;
    let took = time(&mut world.vagrantp(project, Service::None, args))?;
    if world.end_services()? == 0 {
        return Err("no service was started: the call was not a first one".to_owned());
    }
    Ok(took)
}

/// The two halves of podman's way: the same network and the same limits as vagrantp asks for.
struct ByHand;

impl ByHand {
    const NAME: &str = "vpbench-by-hand";

    fn up() -> Result<Duration, String> {
        let label = "vagrantp.bench=1";
        let network = time(&mut podman(&[
            "network",
            "create",
            "--opt",
            "isolate=true",
            "--label",
            label,
            Self::NAME,
        ]))?;
        let container = time(&mut podman(&[
            "run",
            "--detach",
            "--name",
            Self::NAME,
            "--hostname",
            Self::NAME,
            "--init",
            "--label",
            label,
            "--network",
            Self::NAME,
            "--memory",
            "512m",
            "--memory-swap",
            "512m",
            "--cpus",
            "1",
            IMAGE,
            "sleep",
            "infinity",
        ]))?;
        Ok(network + container)
    }

    fn stop() -> Result<Duration, String> {
        time(&mut podman(&["stop", "--time", "30", Self::NAME]))
    }

    fn rm() -> Result<Duration, String> {
        let container = time(&mut podman(&["rm", "--volumes", Self::NAME]))?;
        Ok(container + time(&mut podman(&["network", "rm", Self::NAME]))?)
    }
}

/// From nothing, to stopped, to nothing.
fn life(world: &World, options: &Options) -> Result<Vec<Row>, String> {
    let project = world.project("vpbench-life", &options.image)?;
    let ours = |args: &[&str]| time(&mut world.vagrantp(&project, Service::Answering, args));
    let (mut up, mut stop, mut rm) = (Pair::default(), Pair::default(), Pair::default());
    let mut our_life = |count: bool| -> Result<(), String> {
        let times = [ours(UP)?, ours(&["stop"])?, ours(&["rm", "--yes"])?];
        if count {
            up.ours.push(times[0]);
            stop.ours.push(times[1]);
            rm.ours.push(times[2]);
        }
        Ok(())
    };
    let (mut their_up, mut their_stop, mut their_rm) = (Vec::new(), Vec::new(), Vec::new());
    let mut their_life = |count: bool| -> Result<(), String> {
        let times = [ByHand::up()?, ByHand::stop()?, ByHand::rm()?];
        if count {
            their_up.push(times[0]);
            their_stop.push(times[1]);
            their_rm.push(times[2]);
        }
        Ok(())
    };
    // The first of each does not count: the image is imported then.
    our_life(false)?;
    their_life(false)?;
    for round in 0..options.runs {
        if round % 2 == 0 {
            our_life(true)?;
            their_life(true)?;
        } else {
            their_life(true)?;
            our_life(true)?;
        }
    }
    (up.theirs, stop.theirs, rm.theirs) = (their_up, their_stop, their_rm);
    Ok(vec![
        Row::ratio("`up` from nothing", "`podman network create` + `podman run -d`", 0.9, &up),
        Row::ratio("`stop`", "`podman stop`", 1.1, &stop),
        Row::ratio("`rm` of what is stopped", "`podman rm` + `podman network rm`", 1.1, &rm),
    ])
}

/// From nothing, the service included.
fn cold_life(world: &World, options: &Options) -> Result<Vec<Row>, String> {
    let project = world.project("vpbench-cold-life", &options.image)?;
    let pair = in_turn(
        options.runs,
        || {
            let took = first_call(world, &project, UP)?;
            world.remove(&project);
            Ok(took)
        },
        || {
            let took = ByHand::up()?;
            run(&mut podman(&["rm", "--force", "--time", "0", ByHand::NAME]))?;
            run(&mut podman(&["network", "rm", ByHand::NAME]))?;
            Ok(took)
        },
    )?;
    Ok(vec![Row::ratio(
        "`up` from nothing, no service running",
        "`podman network create` + `podman run -d`",
        1.2,
        &pair,
    )])
}

/// 1 GiB through `ssh`, out and in, and the peak of the way in.
fn bulk(world: &World, options: &Options) -> Result<Vec<Row>, String> {
    let project = world.project("vpbench-bulk", &options.image)?;
    let big = world.big_file()?;
    run(&mut world.vagrantp(&project, Service::Answering, UP))?;
    let name = World::container(&project);
    let ssh = |line| world.vagrantp(&project, Service::None, &["ssh", "-c", line]);
    let exec = |args: &[&str]| podman(&[&["exec", "--interactive", name.as_str()], args].concat());
    run(&mut ssh("truncate -s 1073741824 /big"))?;

    let out = in_turn(
        options.bulk_runs,
        || time(&mut ssh("cat /big")),
        || time(&mut exec(&["cat", "/big"])),
    )?;
    let open = || fs::File::open(&big).map_err(|error| error.to_string());
    let into = in_turn(
        options.bulk_runs,
        || time(ssh("cat > /dev/null").stdin(open()?)),
        || time(exec(&["sh", "-c", "cat > /dev/null"]).stdin(open()?)),
    )?;
    let (mut command, file) = world.peak(&project, &["ssh", "-c", "cat > /dev/null"]);
    time(command.stdin(open()?))?;
    let peak = Row::peak("memory at peak: 1 GiB into `ssh -c cat`", kibibytes(&file)?, 24.0);
    world.remove(&project);
    Ok(vec![
        Row::ratio("`ssh -c cat` of 1 GiB, out", "`podman exec -i`", 1.1, &out),
        Row::ratio("`ssh -c cat` of 1 GiB, in", "`podman exec -i`", 1.1, &into),
        peak,
    ])
}

const INSTANCES: usize = 50;
const RECORDS: usize = 1000;

/// `list` where there is much to list.
fn list(world: &World, options: &Options) -> Result<Vec<Row>, String> {
    let projects: Vec<PathBuf> = (0..INSTANCES)
        .map(|number| world.project(&format!("vpbench-{number:02}"), &options.image))
        .collect::<Result<_, _>>()?;
    for project in &projects {
        run(&mut world.vagrantp(project, Service::Answering, UP))?;
    }
    multiply_records(&world.state().join("vagrantp/instances"))?;
    let pair = in_turn(
        options.runs,
        || time(&mut world.vagrantp(&projects[0], Service::Answering, &["list"])),
        || time(&mut podman(&["ps", "--all"])),
    )?;
    let peak = peak(world, &projects[0], "memory at peak: that `list`", &["list"])?;
    for project in &projects {
        world.remove(project);
    }
    let name = format!("`list`, {RECORDS} records, {INSTANCES} instances");
    Ok(vec![Row::ratio(&name, "`podman ps -a`", 1.0, &pair), peak])
}

/// Copies of one instance's records, under uuids of their own, until there are enough.
fn multiply_records(instances: &Path) -> Result<(), String> {
    let said = |error: std::io::Error| format!("{}: {error}", instances.display());
    let there: Vec<PathBuf> = fs::read_dir(instances)
        .map_err(said)?
        .map(|entry| entry.map(|entry| entry.path()))
        .collect::<Result<_, _>>()
        .map_err(said)?;
    let first = there.first().ok_or("there is no record to copy")?;
    let uuid = first.file_name().unwrap_or_default().to_string_lossy().into_owned();
    for number in there.len()..RECORDS {
        let copy = format!("{number:08x}-0000-5000-8000-000000000000");
        let folder = instances.join(&copy);
        fs::create_dir(&folder).map_err(said)?;
        for entry in fs::read_dir(first).map_err(said)? {
            let file = entry.map_err(said)?.path();
            // Sockets and folders are no records.
            if file.is_file() {
                let text = fs::read_to_string(&file).map_err(said)?;
                let name = file.file_name().unwrap_or_default();
                fs::write(folder.join(name), text.replace(&uuid, &copy)).map_err(said)?;
            }
        }
    }
    Ok(())
}
