//! `--set KEY=VALUE`, which no generator knows: keys before the `=`, the key's words after it.

use clap::ValueEnum;

use crate::cli::explain;
use crate::config::keys;

use super::{ASSIGNMENT, Shell, assignable};

/// `KEY` and its words, for the keys that have any.
fn closed() -> impl Iterator<Item = (&'static str, String)> {
    keys::all()
        .map(|key| (key.name, key.form.words().join(" ")))
        .filter(|(_, words)| !words.is_empty())
}

/// Bash takes `KEY=VALUE` apart at the `=`, so a function before clap's own puts it together.
pub(super) fn bash(script: &str) -> String {
    let cases: String =
        closed().map(|(key, words)| format!("        {key}) words=\"{words}\" ;;\n")).collect();
    let function = format!(
        "\
_vagrantp_words() {{
    local key word words=\"\"
    word=\"${{COMP_WORDS[COMP_CWORD]}}\"
    if [[ \"$word\" == \"=\" ]]; then
        key=\"$3\"
        word=\"\"
    elif [[ \"$3\" == \"=\" ]]; then
        key=\"${{COMP_WORDS[COMP_CWORD-2]}}\"
    elif [[ \"$3\" == \"--set\" ]]; then
        key=\"--set\"
    else
        _vagrantp \"$@\"
        return
    fi
    case \"$key\" in
        --set)
            words=\"{}\"
            type compopt >/dev/null 2>&1 && compopt -o nospace 2>/dev/null
            ;;
{cases}    esac
    COMPREPLY=( $(compgen -W \"$words\" -- \"$word\") )
}}

",
        assignable()
    );
    let script = script.replace("complete -F _vagrantp ", "complete -F _vagrantp_words ");
    function + &script.replace(ASSIGNMENT, "")
}

pub(super) fn zsh(script: &str) -> String {
    let cases: String = closed()
        .map(|(key, words)| format!("            {key}) compadd -- {words} ;;\n"))
        .collect();
    let function = format!(
        "\
_vagrantp_assignment() {{
    if [[ $PREFIX == *=* ]]; then
        local key=${{PREFIX%%=*}}
        compset -P 1 '*='
        case $key in
{cases}            *) _files ;;
        esac
    else
        compadd -S '' -- {}
    fi
}}

",
        assignable()
    );
    // Clap's words in parentheses give way to the function; the first lines are for compinit.
    let script = script.replace(&format!("({ASSIGNMENT})"), "_vagrantp_assignment");
    match script.split_once("\n\n") {
        Some((head, rest)) => format!("{head}\n\n{function}{rest}"),
        None => script,
    }
}

pub(super) fn fish(script: &str) -> String {
    let cases: String = closed()
        .map(|(key, words)| {
            let words: Vec<_> = words.split(' ').map(|word| format!("{key}={word}")).collect();
            format!("        case '{key}=*'\n            printf '%s\\n' {}\n", words.join(" "))
        })
        .collect();
    let function = format!(
        "\
function __vagrantp_assignment
    switch (commandline -ct | string replace -r '^--set=' '')
{cases}        case '*'
            printf '%s\\n' {}
    end
end

",
        assignable()
    );
    let script = script.replace(&format!("{ASSIGNMENT}\\t''"), "(__vagrantp_assignment)");
    // Clap's generator passes over arguments that are no options.
    let topics: Vec<_> = explain::topics().collect();
    let argument = |verb: &str, words: &str| {
        format!(
            "complete -c vagrantp -n \"__fish_vagrantp_using_subcommand {verb}\" -f -a \"{words}\"\n"
        )
    };
    let explain = argument("explain", &topics.join(" "));
    let shells: Vec<_> = Shell::value_variants().iter().map(|shell| shell.name()).collect();
    function + &script + &explain + &argument("completions", &shells.join(" "))
}
