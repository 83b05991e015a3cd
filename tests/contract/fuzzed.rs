//! The fuzz target's own function, over bytes by chance: what the fuzzer holds on to is compiled, and
//! holds, wherever the tests run.

use super::generate::cases;

#[path = "../../fuzz/fuzz_targets/check.rs"]
mod check;

/// What the fuzzer would find soonest: each alone, and mutations of them.
const SEEDS: [&str; 8] = [
    "INFRA_TYPE=container\nPORTS=8080:80,auto:53/udp\nIMAGE='alpine:3'\n",
    "export A = \"x\\n\\\"${B:-c}$H\" # note\r\nB='1\n2'\n",
    "\u{feff}A=${X:-${Y:-$H}} # c\nA='",
    "A=$H$H${H}\nB=$A\nC=${B}${A}\n",
    "A: 1\nB='x' y\nC\n=\n'\n\"",
    "K=\"\u{e9}\u{65e5}\u{1f469}\u{200d}\u{1f4bb}\"\n",
    "A=#\nB= #\nC=x#y #z\n",
    "",
];

#[test]
fn what_the_fuzzer_holds_on_to_holds() {
    let mut values: usize = SEEDS.iter().map(|seed| check::check(seed.as_bytes())).sum();
    cases(3_000, |chance| {
        let mut bytes = chance.one(&SEEDS).as_bytes().to_vec();
        bytes.extend_from_slice(chance.one(&SEEDS).as_bytes());
        for _ in 0..chance.below(8) {
            let at = chance.below(bytes.len() + 1);
            match chance.below(4) {
                0 => bytes.insert(at, chance.below(256) as u8),
                1 => bytes.insert(at, chance.one(b"'\"\\$={}#\n\r \t")),
                2 => drop(bytes.drain(at..(at + chance.below(5)).min(bytes.len()))),
                _ => bytes.truncate(bytes.len() - chance.below(3).min(bytes.len())),
            }
        }
        values += check::check(&bytes);
    });
    assert!(values > 5_000, "{values}");
}
