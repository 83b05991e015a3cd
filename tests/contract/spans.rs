//! Places to the character, through everything that can stand between a value and its meaning.

use vagrantp::config::Loaded;
use vagrantp::model::source::{Origin, Place, Sourced};
use vagrantp::report::human;

use super::project::{PLAIN, Project};

/// A text without its marks `«…»`, and what they enclose: line, column in characters, first byte,
/// length in bytes, without a byte order mark.
fn marked(text: &str) -> (String, Vec<(u32, u32, usize, usize)>) {
    let mut plain = String::new();
    let mut places = Vec::new();
    let (mut line, mut column, mut open) = (1, 1, (0, 0, 0));
    for c in text.chars() {
        match c {
            '«' => open = (line, column, plain.len()),
            '»' => places.push((open.0, open.1, open.2, plain.len() - open.2)),
            _ => {
                plain.push(c);
                (line, column) = if c == '\n' { (line + 1, 1) } else { (line, column + 1) };
            }
        }
    }
    (plain, places)
}

fn numbers(place: &Place) -> (u32, u32, usize, usize) {
    (place.line, place.column, place.offset, place.length)
}

/// The places of all items of PORTS, DNS, MOUNTS and REQUIRE_OS, then of MEMORY and IMAGE.
fn places(loaded: &Loaded) -> Vec<Place> {
    fn of<T>(items: &[Sourced<T>]) -> Vec<Place> {
        items.iter().filter_map(|item| item.place().cloned()).collect()
    }
    let config = loaded.config.as_ref().unwrap_or_else(|| panic!("{:#?}", loaded.errors));
    let mut places = of(&config.ports);
    places.extend(of(&config.dns));
    places.extend(of(&config.mounts));
    places.extend(of(&config.require_os));
    places.extend(config.memory.iter().filter_map(|memory| memory.place().cloned()));
    places.extend(config.image.iter().filter_map(|image| image.place().cloned()));
    places
}

#[test]
fn every_value_and_item_is_placed_to_the_character() {
    for text in [
        "PORTS=«8080:80»",
        "PORTS=«8080:80»,«9090:90»,«auto:53/udp»",
        "PORTS=\t «8080:80» , «9090:90»,   «[::1]:5353:53»\t  # note",
        "PORTS='«8080:80»,«9090:90»'",
        "PORTS=' «8080:80» , «9090:90» '",
        "PORTS=\"«8080:80»,«9090:90»\" # note",
        "export PORTS = «8080:80»,«9090:90»",
        "\tPORTS\t=\t«8080:80»,«9090:90»",
        // An escape is one piece of the text: two characters there, one here.
        "PORTS=\"\\t«8080:80»\\t,\\t«9090:90» , «auto:1»\\t\"",
        "COMMAND=\"a \\\"b\\\" c\"\nMEMORY=\"«2G»\"",
        "MOUNTS=\"«.:/a\\$b»,«.:/c\\\"d»,«.:/e\\\\f»,«.:/g»\"",
        "P=1\nMOUNTS=\"«.:/\\$${P}»,«.:/${P}\\\"»,«.:/x»\"",
        "L='auto:80 '\nPORTS=\"\\t«1111:1»,«$L»,«$L»,\\t«2222:2»\"",
        // References are underlined where they are written.
        "P=8080\nPORTS=«${P}:80»,«9090:90»",
        "P=8080:80\nPORTS=«$P»,«9090:90»",
        "P=8080:80\nPORTS=\"«9090:90»,«${P}»,«7070:70»\"",
        "PORTS=«${NO:-8080:80}»,«9090:90»",
        "M=2\nMEMORY=«${M}G»",
        "M=2\nMEMORY=\"«${M}G»\" # $M",
        // Several lines, and lines of others before.
        "# é 日本 👩\u{200d}💻\n\nX='a\nb'\nPORTS=«8080:80»,«9090:90»\nDNS=«9.9.9.9»,«1.1.1.1»",
        "X=\"é\n日\"\r\nPORTS=«8080:80»\r\nMEMORY='«2G»'\r\n",
        "\u{feff}PORTS=«8080:80»\r\nDNS=«9.9.9.9»\r\n",
        "\u{feff}# note\nMEMORY=«2G»",
        // Wide characters within the line: columns count characters, lengths bytes.
        "MOUNTS=«./日本:/work/日本»,«./e\u{301}é:/x»,«./👩\u{200d}💻:/y»",
        "MOUNTS='«./日本:/work/日本»,«./e\u{301}é:/x»'",
        "REQUIRE_OS=«debian:12»,«debian:13»,«arch»",
        "IMAGE=«docker.io/library/alpine:latest»",
        "IMAGE='«alpine»'  # é",
        "TAG=3.20\nIMAGE=\"«alpine:${TAG}»\"",
    ] {
        let bare = text.trim_start_matches('\u{feff}');
        let mark = &text[..text.len() - bare.len()];
        let (plain, wanted) = marked(&format!("{bare}\nINFRA_TYPE=container\n"));
        let project = Project::new(&format!("{mark}{plain}"));
        for directory in ["日本", "e\u{301}é", "👩\u{200d}💻"] {
            std::fs::create_dir_all(project.path().join(directory)).expect("a directory");
        }
        let found: Vec<_> = places(&project.load()).iter().map(numbers).collect();
        assert_eq!(found, wanted, "{text:?}");
    }
}

#[test]
fn each_file_each_variable_and_each_option_has_places_of_its_own() {
    let mut project = Project::new("INFRA_TYPE=container\nPORTS=1:1\n# é\nDNS=9.9.9.9\n");
    project.write("vagrantp.env", "\n\nMEMORY=2G\nIMAGE=debian\n");
    project.write(".env.local", "é=1\nIMAGE='alpine'\n");
    project.facts.environment.insert("VAGRANTP_DNS".to_owned(), "1.1.1.1, 8.8.8.8".to_owned());
    project.facts.environment.insert("VAGRANTP_CPUS".to_owned(), "2".to_owned());
    project.set = vec!["CPUS=3".to_owned(), "PORTS=8081:81,8080:80".to_owned()];
    let shown: Vec<String> = places(&project.load())
        .iter()
        .map(|place| {
            let (line, column, offset, length) = numbers(place);
            format!("{}:{line}:{column} {offset}+{length}", place.file)
        })
        .collect();
    assert_eq!(
        shown,
        [
            "--set:2:7 13+7",
            "--set:2:15 21+7",
            "environment:2:14 29+7",
            "environment:2:23 38+7",
            "vagrantp.env:3:8 9+2",
            ".env.local:2:8 12+6",
        ]
    );
}

#[test]
fn a_setting_says_where_it_is_from() {
    let (plain, wanted) = marked("INFRA_TYPE=«container»\nINFRA_ID='«web-1»' # x\nCPUS = «3»\n");
    let loaded = Project::new(&plain).load();
    let found: Vec<_> = loaded
        .settings
        .iter()
        .filter_map(|setting| match &setting.origin {
            Origin::Written { place, .. } => Some(numbers(place)),
            Origin::Default => None,
        })
        .collect();
    assert_eq!(found, wanted);
}

#[test]
fn what_is_wrong_is_underlined_to_the_character() {
    for (env, wanted) in RENDERED {
        let project = Project::new(&env.replace('⏎', "\n").replace('␍', "\r").replace('⇥', "\t"));
        let loaded = project.load();
        let found = human::problem(&loaded.errors[0], &loaded.sources, PLAIN);
        let here = project.path().canonicalize().expect("is there").display().to_string();
        let found = found.replace(&here, "/project");
        let found: String = found.lines().map(|line| line.trim_end().to_owned() + "\n").collect();
        assert_eq!(found.trim(), wanted.trim(), "{env}\n{found}");
    }
}

/// A file, and all that is said of its first mistake.
const RENDERED: [(&str, &str); 14] = [
    (
        r##"INFRA_TYPE=container⏎MEMORY=64⏎"##,
        r##"
vagrantp::config::memory_too_small

  × MEMORY must be at least 512 MiB
   ╭─[.env:2:8]
 2 │ MEMORY=64
   ·        ─┬
   ·         ╰── this is 64 MiB
   ╰────
  help: set MEMORY=512 or more, or delete the line to use the default (2048)
"##,
    ),
    (
        r##"INFRA_TYPE=container⏎⏎PORTS=8080:80, 9090:90 ,70000:70 # web"##,
        r##"
vagrantp::config::port_out_of_range

  × PORTS has a port out of range
   ╭─[.env:3:25]
 3 │ PORTS=8080:80, 9090:90 ,70000:70
   ·                         ──┬──
   ·                           ╰── expected 1 to 65535
   ╰────
  help: ports go from 1 to 65535; for a free port of the host, write `auto`
"##,
    ),
    (
        r##"INFRA_TYPE=container⏎PORTS='8080:80,9090:x'"##,
        r##"
vagrantp::config::not_a_port

  × PORTS has a port that is not a number
   ╭─[.env:2:21]
 2 │ PORTS='8080:80,9090:x'
   ·                     ┬
   ·                     ╰── expected a port
   ╰────
  help: write a port from 1 to 65535; for a free port of the host, PORTS takes `auto`
"##,
    ),
    (
        r##"INFRA_TYPE=container⏎DNS="9.9.9.9, ::1""##,
        r##"
vagrantp::config::address_is_ipv6

  × DNS must be an IPv4 address, and this is IPv6
   ╭─[.env:2:15]
 2 │ DNS="9.9.9.9, ::1"
   ·               ─┬─
   ·                ╰── IPv6 is not supported here
   ╰────
  help: write an IPv4 address, such as `192.168.77.10`
"##,
    ),
    (
        r##"P=70000⏎INFRA_TYPE=container⏎PORTS=8080:80,${P}:80,9090:90"##,
        r##"
vagrantp::config::port_out_of_range

  × PORTS has a port out of range
   ╭─[.env:3:15]
 3 │ PORTS=8080:80,${P}:80,9090:90
   ·               ──┬─
   ·                 ╰── what this stands for is not accepted
   ╰────
  help: see what it refers to; expected is `[bind:]host:guest[/tcp|udp]` with commas between;
        `auto` as host takes a free port; IPv6 addresses stand in brackets
"##,
    ),
    (
        r##"INFRA_TYPE=container⏎⇥MEMORY⇥=⇥2T⇥# note"##,
        r##"
vagrantp::config::unknown_unit

  × MEMORY has a unit that is not known
   ╭─[.env:2:12]
 2 │  MEMORY =   2T
   ·              ┬
   ·              ╰── expected M or G
   ╰────
  help: the units are M, MB, MiB and G, GB, GiB, each counted in steps of 1024
"##,
    ),
    (
        r##"INFRA_TYPE=container␍⏎CPUS='two'␍⏎"##,
        r##"
vagrantp::config::not_a_number

  × CPUS must be a whole number
   ╭─[.env:2:7]
 2 │ CPUS='two'
   ·       ─┬─
   ·        ╰── expected digits
   ╰────
  help: write digits alone, such as `2`
"##,
    ),
    (
        r##"# 日本⏎INFRA_TYPE=container⏎MOUNTS=.:/日本,./データ:/x"##,
        r##"
vagrantp::config::mount_missing

  × MOUNTS names a directory that does not exist
   ╭─[.env:3:14]
 3 │ MOUNTS=.:/日本,./データ:/x
   ·                ────┬───
   ·                    ╰── does not exist
   ╰────
  help: create it with `mkdir -p '/project/データ'`, or correct the path
"##,
    ),
    (
        r##"INFRA_TYPE=container⏎MOUNTS=.:/é,.:/👩‍💻:rx"##,
        r##"
vagrantp::config::bad_mount_option

  × MOUNTS has a mount option that is not known
   ╭─[.env:2:20]
 2 │ MOUNTS=.:/é,.:/👩�💻:rx
   ·                      ─┬
   ·                       ╰── expected `ro`
   ╰────
  help: write `:ro` where the guest may only read, and nothing else
"##,
    ),
    (
        r##"INFRA_TYPE=container⏎MEMORY=٤G"##,
        r##"
vagrantp::config::lookalike_digit

  × MEMORY has a character that looks like a digit and is none
   ╭─[.env:2:8]
 2 │ MEMORY=٤G
   ·        ┬
   ·        ╰── not one of 0 to 9
   ╰────
  help: type the number again with the plain digits 0 to 9
"##,
    ),
    (
        r##"INFRA_TYPE=container⏎CPUS=2⏎X=1⏎CPUS=3"##,
        r##"
vagrantp::config::duplicate_key

  × CPUS stands twice in one file
   ╭─[.env:2:1]
 2 │ CPUS=2
   · ──┬─
   ·   ╰── here first
   ╰────
   ╭─[.env:4:1]
 4 │ CPUS=3
   · ──┬─
   ·   ╰── and here again
   ╰────
  help: delete one of the two lines
"##,
    ),
    (
        r##"INFRA_TYPE=container⏎DB='abc⏎CPUS=2"##,
        r##"
vagrantp::config::unterminated_quote

  × a quote is not closed
   ╭─[.env:2:4]
 2 │ DB='
   ·    ┬
   ·    ╰── it opens here
   ╰────
  help: put a `'` at the end of the value
"##,
    ),
    (
        r##"INFRA_TYPE=container⏎IP_ADDRESS=10.9.0.5⏎GATEWAY=10.9.1.1"##,
        r##"
vagrantp::config::gateway_outside

  × GATEWAY is no host of IP_ADDRESS's network
   ╭─[.env:2:12]
 2 │ IP_ADDRESS=10.9.0.5
   ·            ────┬───
   ·                ╰── this is in 10.9.0.0/24
 3 │ GATEWAY=10.9.1.1
   ·         ────┬───
   ·             ╰── not a host of 10.9.0.0/24
   ╰────
  help: write an address of 10.9.0.0/24, such as 10.9.0.1
"##,
    ),
    (
        r##"INFRA_TYPE=container⏎COMMAND="sh -c it's \\ \"x\"""##,
        r##"
vagrantp::config::not_a_command

  × COMMAND cannot be split into words
   ╭─[.env:2:10]
 2 │ COMMAND="sh -c it's \\ \"x\""
   ·          ─────────┬─────────
   ·                   ╰── a quote or a backslash is left open
   ╰────
  help: close the quote inside the value, or write `\\` for a backslash; the words are split as a
        shell would, but no shell runs them
"##,
    ),
];
