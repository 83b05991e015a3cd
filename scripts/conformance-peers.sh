#!/bin/sh
# Runs tests/conformance/table.json through those of the other readers that are installed, and tells
# every cell that they do not bear out. What is not installed is skipped.
#
#     scripts/conformance-peers.sh [node] [podman]
#
# Podman reads its files only to run something: PEERS_IMAGE names an image with an `env` in it.
set -eu
cd "$(dirname "$0")/.."
command -v python3 >/dev/null || { echo "conformance-peers: python3 is not installed"; exit 0; }
exec python3 - "$@" <<'PYTHON'
import json, os, shutil, subprocess, sys, tempfile

READERS = sys.argv[1:] or ["node", "podman"]
PRINT = "process.stdout.write(JSON.stringify(process.env))"


def files_of(directory, row):
    for number, text in enumerate(row["files"]):
        path = os.path.join(directory, f"{number}.env")
        with open(path, "wb") as file:
            file.write(text.encode())
        yield path


def run(command, environment):
    surroundings = {"PATH": os.environ["PATH"], "HOME": os.environ.get("HOME", "/"), **environment}
    ran = subprocess.run(command, env=surroundings, capture_output=True, check=False)
    return None if ran.returncode else ran.stdout


def node(paths, environment):
    options = [f"--env-file={path}" for path in paths]
    said = run(["node", *options, "-e", PRINT], environment)
    return None if said is None else json.loads(said)


def podman(paths, environment):
    options = [f"--env-file={path}" for path in paths]
    command = ["podman", "run", "--rm", "--network=none", "--env-host=false", *options]
    said = run([*command, os.environ["PEERS_IMAGE"], "env", "-0"], environment)
    if said is None:
        return None
    pairs = said.decode(errors="replace").split("\0")
    return dict(pair.split("=", 1) for pair in pairs if "=" in pair)


def compared(row, found, unset):
    """The reading in the words of the table."""
    if found is None:
        return "same" if row.get("errors") else "differs: error"
    ours = {gives["key"]: gives["value"] for gives in row.get("gives", [])}

    def text(value):
        return json.dumps(value, ensure_ascii=False)

    differs = []
    for key, value in ours.items():
        if key not in found:
            differs.append(f"no {key}")
        elif found[key] != value:
            differs.append(f"{key}={text(found[key])}")
    also = (key for key in sorted(found) if key not in ours and unset.get(key) != found[key])
    differs += [f"also {text(key)[1:-1]}={text(found[key])}" for key in also]
    if differs:
        return "differs: " + ", ".join(differs)
    return "differs: no error" if row.get("errors") else "same"


def main():
    with open("tests/conformance/table.json", encoding="utf-8") as file:
        rows = [row for group in json.load(file) for row in group["rows"]]
    wrong = 0
    for name in READERS:
        reader = {"node": node, "podman": podman}[name]
        if not shutil.which(name) or (name == "podman" and not os.environ.get("PEERS_IMAGE")):
            print(f"{name}: skipped")
            continue
        tried = 0
        for row in rows:
            environment = row.get("environment", {})
            with tempfile.TemporaryDirectory() as directory:
                nothing = os.path.join(directory, "none.env")
                open(nothing, "wb").close()
                unset = reader([nothing], environment) or {}
                found = reader(list(files_of(directory, row)), environment)
            says, stated = compared(row, found, unset), row["peers"][name]
            tried += 1
            if says != stated:
                wrong += 1
                print(f"{name}: {row['files']!r} {environment or ''}\n  table: {stated}\n     is: {says}")
        print(f"{name}: {tried} rows tried")
    return 1 if wrong else 0


sys.exit(main())
PYTHON
