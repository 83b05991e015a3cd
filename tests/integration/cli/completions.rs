//! `completions`, driven by the shell itself where that is Bash.

use std::path::Path;

use super::{Project, project, schema};

/// What Bash proposes for the last of these words, as Readline would ask: `=` is a word to it.
fn proposed(project: &Project, script: &Path, words: &[&str]) -> Vec<String> {
    let quoted: Vec<String> = words.iter().map(|word| format!("'{word}'")).collect();
    let current = words.last().expect("a word");
    let before = words.len().checked_sub(2).map_or("", |index| words[index]);
    // Readline hands over an empty word where the cursor stands behind a `=`.
    let current = if *current == "=" { "" } else { current };
    let asked = format!(
        "source '{}'\n\
         COMP_WORDS=({}) COMP_CWORD={} COMPREPLY=()\n\
         function=$(complete -p vagrantp | sed 's/.* -F \\([^ ]*\\) .*/\\1/')\n\
         $function vagrantp '{current}' '{before}' 2>/dev/null\n\
         printf '%s\\n' \"${{COMPREPLY[@]}}\"\n",
        script.display(),
        quoted.join(" "),
        words.len() - 1,
    );
    let output = project.program("bash").args(["--norc", "-c", &asked]).output();
    let output = output.expect("bash is there");
    assert!(output.stderr.is_empty(), "{}", String::from_utf8_lossy(&output.stderr));
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    text.lines().filter(|line| !line.is_empty()).map(str::to_owned).collect()
}

#[test]
fn bash_completes_verbs_keys_words_states_and_topics() {
    let project = project("");
    let script = project.file("vagrantp.bash", project.ok(&["completions", "bash"]).stdout);
    let proposed = |words: &[&str]| proposed(&project, &script, words);
    assert_eq!(proposed(&["vagrantp", "val"]), ["validate"]);
    assert_eq!(proposed(&["vagrantp", "exp"]), ["explain"]);
    assert_eq!(proposed(&["vagrantp", "up", "--recr"]), ["--recreate"]);
    assert_eq!(proposed(&["vagrantp", "up", "--set", "MEM"]), ["MEMORY="]);
    assert_eq!(proposed(&["vagrantp", "--set", "SSH_U"]), ["SSH_USER="]);
    let all = proposed(&["vagrantp", "up", "--set", ""]);
    let keys: Vec<_> = vagrantp::config::keys::all().map(|key| format!("{}=", key.name)).collect();
    assert_eq!(all, keys);
    assert_eq!(proposed(&["vagrantp", "--set", "FIRMWARE", "=", ""]), ["auto", "bios", "uefi"]);
    assert_eq!(proposed(&["vagrantp", "--set", "FIRMWARE", "="]), ["auto", "bios", "uefi"]);
    assert_eq!(proposed(&["vagrantp", "--set", "FIRMWARE", "=", "b"]), ["bios"]);
    assert_eq!(proposed(&["vagrantp", "up", "--set", "=", "CPU"]), ["CPUS="]);
    // Nobody knows them, so Bash falls back to files.
    assert!(proposed(&["vagrantp", "--set", "MEMORY", "=", ""]).is_empty());
    assert_eq!(proposed(&["vagrantp", "list", "--filter", "sto"]), ["stopping", "stopped"]);
    assert_eq!(proposed(&["vagrantp", "explain", "PORT_"]), ["PORT_POOL", "PORT_CONFLICT"]);
    assert_eq!(proposed(&["vagrantp", "explain", "memory_too"]), ["memory_too_small"]);
    assert_eq!(proposed(&["vagrantp", "completions", "z"]), ["zsh"]);
}

#[test]
fn bash_registers_one_function_for_vagrantp() {
    let project = project("");
    let script = project.file("vagrantp.bash", project.ok(&["completions", "bash"]).stdout);
    let asked = format!("source '{}'; complete -p", script.display());
    let output = project.program("bash").args(["--norc", "-c", &asked]).output();
    let text = String::from_utf8_lossy(&output.expect("bash is there").stdout).into_owned();
    let ours: Vec<_> = text.lines().filter(|line| line.ends_with(" vagrantp")).collect();
    assert_eq!(ours.len(), 1, "{text}");
    assert!(ours[0].contains("-F _vagrantp_words"), "{text}");
}

#[test]
fn every_shell_gets_its_script() {
    let project = project("");
    for (shell, start) in
        [("bash", "_vagrantp_words()"), ("zsh", "#compdef vagrantp"), ("fish", "function")]
    {
        let ran = project.ok(&["completions", shell]);
        assert!(ran.stdout.starts_with(start), "{shell}: {}", &ran.stdout[..80]);
        let (_, document) = project.json(&["completions", shell]);
        schema::check(&document);
        assert_eq!(document["script"], ran.stdout);
        // Where the shell is here, it says whether it can read it.
        let script = project.file("script", &ran.stdout);
        if let Ok(output) = project.program(shell).arg("-n").arg(&script).output() {
            assert!(
                output.status.success(),
                "{shell}: {}",
                String::from_utf8_lossy(&output.stderr)
            );
        }
    }
    let ran = project.run(&["completions", "tcsh"]);
    assert_eq!(ran.status, 2, "{}", ran.stderr);
}
