"""Prints longhand and its peer side by side, measured in one run as whole processes.

    cargo build --release --no-default-features
    python3 -m venv VENV && VENV/bin/pip install -r benches/peers/requirements.txt
    VENV/bin/python benches/peers/compare.py target/release/longhand [ROUNDS]

Both columns read the same files and make the same number of model calls; the model answers at once (a), or after 50 ms
with 32 requests in flight (b). Each figure is the median of the rounds, smallest and largest behind it. Rounds alternate,
so that other work on the machine strikes both. The peer's start (its imports) is left out of its seconds; longhand's is in.
"""

import json
import os
import pathlib
import statistics
import subprocess
import sys
import tempfile
import time

HERE = pathlib.Path(__file__).parent
CHUNKS = 1000
DOCUMENTS, PARTS, LATENCY_MS, IN_FLIGHT = 200, 10, 50, 32

CHAIN = """version: 1
name: chain
description: one worker after the other
nodes:
  chunks: {split: {for: read, max_tokens: 64}}
  read: {fold: {over: chunks, agent: worker}}
output: read
"""
TREE = """version: 1
name: parts
description: parts read one by one, and merged
nodes:
  chunks: {split: {for: read, max_tokens: 64}}
  read: {map: {over: chunks, agent: reader}}
  answer: {reduce: {over: read, agent: merger}}
output: answer
"""
SAY = "a note of some twenty words that a worker hands on to the next one, as long as in the other column of it"


def sentence(number):
    """240 bytes: one chunk of 64 tokens as the scripted model counts them."""
    text = f"Entry {number} says that the harbour was closed"
    while len(text) < 230:
        text += " again"
    return text[:238] + ". "


def prepare(folder):
    project = folder / "project"
    for name in ("workflows", "agents", "prompts", "archive"):
        (project / name).mkdir(parents=True)
    (project / "longhand.yaml").write_text("{}\n")
    (project / "workflows/chain.yaml").write_text(CHAIN)
    (project / "workflows/parts.yaml").write_text(TREE)
    for agent, body in {
        "worker": "Part {{ index }}:\n\n{{ chunk }}\n\nThe note so far: {{ unit }}",
        "reader": "Part {{ index }}:\n\n{{ chunk }}",
        "merger": "{% for item in items %}{{ item }}\n{% endfor %}",
    }.items():
        (project / f"agents/{agent}.yaml").write_text(f"version: 1\nname: {agent}\nprompt: {agent}\nmax_output: 64\n")
        (project / f"prompts/{agent}.tera").write_text(body)
    script = "context: 8192\nconcurrency: {}\nlatency_ms: {}\nrules: [{{when: '', say: {}}}]\n"
    (project / "at-once.yaml").write_text(script.format(1, 0, json.dumps(SAY)))
    (project / "slow.yaml").write_text(script.format(IN_FLIGHT, LATENCY_MS, json.dumps(SAY)))
    (project / "book.txt").write_text("".join(sentence(number) for number in range(CHUNKS)))
    for document in range(DOCUMENTS):
        text = "".join(sentence(document * PARTS + part) for part in range(PARTS))
        (project / f"archive/{document:03}.txt").write_text(text)
    return project


def measured(command, **options):
    """Runs a command and returns its output, and its wall seconds, CPU seconds and peak memory."""
    with tempfile.TemporaryFile("w+") as out:
        began = time.perf_counter()
        process = subprocess.Popen(command, stdout=out, **options)
        _, status, usage = os.wait4(process.pid, 0)
        wall = time.perf_counter() - began
        if status != 0:
            sys.exit(f"{command[0]} failed with status {status}")
        out.seek(0)
        return out.read(), {"seconds": wall, "cpu": usage.ru_utime + usage.ru_stime, "memory": usage.ru_maxrss / 1024}


def disk(path):
    """Allocated bytes, as `du` counts them."""
    files = path.rglob("*") if path.is_dir() else path.parent.glob(path.name + "*")
    return sum(file.stat().st_blocks * 512 for file in files if file.is_file())


def ours(binary, project, kind, store):
    workflow, script, path = ("parts", "slow", "archive") if kind == "archive" else ("chain", "at-once", "book.txt")
    command = [binary, "run", workflow, path, "--json", "--quiet", "--store", str(store)]
    environment = {**os.environ, "LONGHAND_MODEL": f"scripted:{script}.yaml", "LONGHAND_HOME": str(store.parent / "home")}
    out, row = measured(command, cwd=project, env=environment)
    return {**row, "calls": len(json.loads(out)["calls"]), "disk": disk(store)}


def theirs(project, kind, database):
    numbers = [PARTS, LATENCY_MS, IN_FLIGHT] if kind == "archive" else [CHUNKS]
    path = project / ("archive" if kind == "archive" else "book.txt")
    command = [sys.executable, str(HERE / "peer.py"), kind, str(path), str(database), *map(str, numbers)]
    out, row = measured(command)
    # Its own clock, which leaves its imports out.
    return {**row, **json.loads(out), "disk": disk(database)}


def told(rounds, key, per_call):
    values = sorted(row[key] / row["calls"] * per_call for row in rounds)
    return f"{statistics.median(values):.3f} [{values[0]:.3f}..{values[-1]:.3f}]"


def main():
    binary, rounds = os.path.abspath(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) > 2 else 3
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        project = prepare(folder)
        for kind in ("chain", "chain-with-notes", "archive"):
            rows = {"longhand": [], "langgraph": []}
            for number in range(rounds):
                rows["longhand"].append(ours(binary, project, kind, folder / f"{kind}-{number}"))
                rows["langgraph"].append(theirs(project, kind, folder / f"{kind}-{number}.sqlite"))
            print(f"\n{kind}: {rows['longhand'][0]['calls']} and {rows['langgraph'][0]['calls']} calls, {rounds} rounds")
            for column, measured_rows in rows.items():
                memory = statistics.median(row["memory"] for row in measured_rows)
                print(
                    f"  {column:10} wall ms/call {told(measured_rows, 'seconds', 1000)}"
                    f"   CPU ms/call {told(measured_rows, 'cpu', 1000)}"
                    f"   bytes on disk/call {told(measured_rows, 'disk', 1)}   peak {memory:.0f} MB"
                )
            if kind == "archive":
                ideal = DOCUMENTS * (PARTS + 1) * LATENCY_MS / 1000 / IN_FLIGHT
                for column, measured_rows in rows.items():
                    share = ideal / statistics.median(row["seconds"] for row in measured_rows)
                    print(f"  {column:10} {share:.1%} of what {LATENCY_MS} ms and {IN_FLIGHT} in flight allow")


if __name__ == "__main__":
    main()
