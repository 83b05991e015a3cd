//! The container rows of the design's table of speed, as ratios measured in one run.
//!
//! Each of vagrantp's verbs is run in turn with what Podman's own command line takes for the same
//! work, so that a slow moment of the host hits both; the medians are compared. Run it by
//! `benches/run.sh`, which makes the image that it needs.
#![expect(
    clippy::disallowed_methods,
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a program of its own, outside of the library's rooms"
)]

mod measure;
mod options;
mod rows;
mod table;
mod world;

use options::Options;
use table::Row;
use world::World;

fn main() {
    let options = Options::read(std::env::args().skip(1)).unwrap_or_else(|stop| {
        eprintln!("{}", stop.text);
        std::process::exit(stop.status);
    });
    let all_met = match measure_all(&options) {
        Ok(rows) => {
            println!("{}", table::markdown(&rows));
            rows.iter().all(Row::is_met)
        }
        Err(message) => {
            eprintln!("error: {message}");
            std::process::exit(1);
        }
    };
    if options.strict && !all_met {
        std::process::exit(1);
    }
}

/// Every group of rows that was asked for. A group that fails says so in its row, and the others
/// are measured all the same.
fn measure_all(options: &Options) -> Result<Vec<Row>, String> {
    // Dropped on every way out of here: nothing of it stays on the host.
    let world = World::make(options)?;
    let mut table = Vec::new();
    for (name, measure) in rows::GROUPS {
        if options.only.as_ref().is_some_and(|only| only != name) {
            continue;
        }
        eprintln!("measuring: {name}");
        match measure(&world, options) {
            Ok(rows) => table.extend(rows),
            Err(message) => {
                eprintln!("{name}: {message}");
                table.push(Row::failed(name, &message));
            }
        }
    }
    Ok(table)
}
