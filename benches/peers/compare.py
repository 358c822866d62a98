"""Prints longhand and its peers side by side, measured in one run as whole processes, and each aim beside its figure.

    cargo build --release --no-default-features
    python3 -m venv VENV && VENV/bin/pip install -r benches/peers/requirements.txt
    VENV/bin/python benches/peers/compare.py target/release/longhand [ROUNDS] [PART...]

    a      a chain of 1,000 calls that a kill cannot undo; with it (c) bytes on the disk, (d) CPU and memory
    power  the same, forced to the disk after each answer, beside a bare loop that forces as many bytes
    b      200 documents of ten chunks and a merge, by a model of 50 ms that takes 32 calls at once
    e      100,000 tasks in one run, beside 10,000
    f      opening a run of 100,000 finished calls again
    http   (a) and (b) with the model behind HTTP; PROVIDER and REMOTE name the executables that remote.py wants

All read the same files and make the same calls; but for `http` the model is a function, and but for (b) it answers at once.
So this is an engine beside an engine; remote.py measures the clients of HTTP without an engine.

Each figure is the median of the rounds, smallest and largest behind it, and an aim is held against the median. Within a
round the columns take turns, so that other work on the machine strikes all of them, and a ratio is of one round. The
peers' start (their imports) is left out of their seconds; longhand's is in. Its folder must lie on a disk, not in memory:
TMPDIR says where.
"""

import json
import math
import os
import pathlib
import shutil
import statistics
import subprocess
import sys
import tempfile
import time

from provider import Provider

HERE = pathlib.Path(__file__).parent
CHUNKS = 1000
DOCUMENTS, PARTS, LATENCY_MS, IN_FLIGHT = 200, 10, 50, 32
MANY, FEWER = 50_000, 5_000
LONG_DOCUMENTS, REOPENED = 100, 5

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


def scripted(concurrency, latency_ms=0):
    rules = [{"when": "", "say": SAY}]
    return {"scripted": {"context": 8192, "concurrency": concurrency, "latency_ms": latency_ms, "rules": rules}}


MODELS = {
    "at-once": scripted(1),
    "paid": {**scripted(1), "price": {"input": 1, "output": 1}},
    "slow": scripted(IN_FLIGHT, LATENCY_MS),
    "four": scripted(4),
}


def sentence(number):
    """240 bytes: one chunk of 64 tokens as the scripted model counts them."""
    text = f"Entry {number} says that the harbour was closed"
    text += " again" * -(-(230 - len(text)) // 6)
    return text[:238] + ". "


def documents(folder, count, sentences):
    """Writes documents of which no two share a sentence, so that no answer serves twice."""
    folder.mkdir()
    for document in range(count):
        text = "".join(sentence(document * sentences + part) for part in range(sentences))
        (folder / f"{document:06}.txt").write_text(text)
    return folder


def prepare(folder):
    project = folder / "project"
    for name in ("workflows", "agents", "prompts"):
        (project / name).mkdir(parents=True)
    (project / "longhand.yaml").write_text(json.dumps({"models": MODELS}))
    (project / "workflows/chain.yaml").write_text(CHAIN)
    (project / "workflows/parts.yaml").write_text(TREE)
    for agent, body in {
        "worker": "Part {{ index }}:\n\n{{ chunk }}\n\nThe note so far: {{ unit }}",
        "reader": "Part {{ index }}:\n\n{{ chunk }}",
        "merger": "{% for item in items %}{{ item }}\n{% endfor %}",
    }.items():
        (project / f"agents/{agent}.yaml").write_text(f"version: 1\nname: {agent}\nprompt: {agent}\nmax_output: 64\n")
        (project / f"prompts/{agent}.tera").write_text(body)
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


class Bench:
    def __init__(self, binary, rounds, folder):
        self.binary, self.rounds, self.folder, self.project = binary, rounds, folder, prepare(folder)

    def longhand(self, *arguments):
        environment = {**os.environ, "LONGHAND_HOME": str(self.folder / "home")}
        command = [self.binary, *map(str, arguments), "--quiet", "--store", str(self.folder / "store")]
        return measured(command, cwd=self.project, env=environment)

    def ours(self, workflow, path, model, *more):
        """A run in a store of its own, which is removed."""
        out, row = self.longhand("run", workflow, path, "--model", model, "--json", *more)
        store = self.folder / "store"
        made = [call for call in json.loads(out)["calls"] if not call["cached"]]
        row |= {"calls": len(made), "disk": disk(store)}
        row["records"] = sum(file.stat().st_size for file in store.glob("runs/*/records"))
        shutil.rmtree(store)
        return row

    def theirs(self, kind, path, safe, *numbers):
        database = self.folder / "database.sqlite"
        out, row = measured([sys.executable, HERE / "peer.py", kind, path, database, safe, *map(str, numbers)])
        row |= {**json.loads(out), "disk": disk(database)}  # `seconds` of its own clock, which leaves its imports out
        for file in self.folder.glob("database.sqlite*"):
            file.unlink()
        return row

    def unkept(self, kind, path, *numbers):
        out, row = measured([sys.executable, HERE / "tree.py", kind, path, *map(str, numbers)])
        return {**row, **json.loads(out)}

    def forced(self, calls, size):
        """Seconds that a bare loop takes to append `size` bytes and force them to the disk, once a call."""
        block, path = b"x" * size, self.folder / "forced"
        file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        began = time.perf_counter()
        for _ in range(calls):
            os.write(file, block)
            os.fdatasync(file)
        seconds = time.perf_counter() - began
        os.close(file)
        path.unlink()
        return seconds

    def chain(self):
        book = documents(self.folder / "book", 1, CHUNKS) / "000000.txt"
        columns = {"longhand": [], "LangGraph, last note": [], "LangGraph, every note": []}
        for _ in range(self.rounds):
            rows = self.ours("chain", book, "at-once"), *(
                self.theirs(kind, book, "kill", CHUNKS) for kind in ("chain", "chain-with-notes")
            )
            for column, row in zip(columns.values(), rows, strict=True):
                column.append(row)
        ours, last, every = columns.values()
        title(f"(a) {ours[0]['calls']} calls of a chain, kill-safe: a killed process keeps its answers", columns)
        print(f"  LangGraph's database: {pragmas(last)}, set so for this part: no column forces anything to the disk.")
        print("  Its last checkpoint is written while the next step runs, so a kill can undo one more; longhand waits.")
        for name, rows in columns.items():
            figure(name, each(rows, "seconds", 1000), "ms a call")
        figure("longhand / LangGraph, last note", ratios(ours, last, "seconds"), "", 1 / 10)
        figure("longhand / LangGraph, every note", ratios(ours, every, "seconds"))
        title("(c) bytes on the disk, of the same processes")
        for name, rows in columns.items():
            figure(name, each(rows, "disk"), "bytes a call")
        figure("longhand / LangGraph, last note", ratios(ours, last, "disk"))
        figure("longhand / LangGraph, every note", ratios(ours, every, "disk"), "", 1 / 20)
        title("(d) CPU and memory, of the same processes, the peer's start included")
        for name, rows in columns.items():
            figure(name, each(rows, "cpu", 1000), "ms of CPU a call")
            figure("", [row["memory"] for row in rows], "MB at most")

    def power(self):
        book = documents(self.folder / "paid", 1, CHUNKS) / "000000.txt"
        # What longhand writes for a call is known before the rounds begin.
        size = each([self.ours("chain", book, "paid")], "records")[0]
        columns = {"longhand": [], "longhand, kill-safe": [], "LangGraph": [], "bare loop": []}
        for _ in range(self.rounds):
            # Half of the loop runs before longhand and half behind it, because a disk's pace changes within seconds.
            before = self.forced(CHUNKS // 2, round(size))
            ours = self.ours("chain", book, "paid")
            bare = {"seconds": before + self.forced(CHUNKS - CHUNKS // 2, round(size)), "calls": CHUNKS}
            rows = ours, self.ours("chain", book, "at-once"), self.theirs("chain", book, "power", CHUNKS), bare
            for column, row in zip(columns.values(), rows, strict=True):
                column.append(row)
        ours, free, peer, bare = columns.values()
        title(f"power: {ours[0]['calls']} calls of a chain, power-safe: each answer is on the disk", columns)
        print(f"  LangGraph's database: {pragmas(peer)}, its own setting: forced to the disk at every commit, so power-safe,")
        print("  but while the next step runs already; longhand waits. The bare loop appends and calls fdatasync,")
        print(f"  {round(size)} bytes a call, as the file of records has in longhand.")
        for name, rows in columns.items():
            figure(name, each(rows, "seconds", 1000), "ms a call")
        figure("longhand / bare loop", ratios(ours, bare, "seconds"), "", 1.5)
        added = [{**a, "seconds": a["seconds"] - b["seconds"]} for a, b in zip(ours, free, strict=True)]
        figure("(longhand - kill-safe) / bare loop", ratios(added, bare, "seconds"))
        figure("longhand / LangGraph", ratios(ours, peer, "seconds"))

    def archive(self):
        folder = documents(self.folder / "archive", DOCUMENTS, PARTS)
        numbers = PARTS, LATENCY_MS, IN_FLIGHT
        columns = {"longhand": [], "LangGraph, kill-safe": [], "bare asyncio": [], "LlamaIndex, TreeSummarize": []}
        for _ in range(self.rounds):
            rows = (
                # Every merge asks the same, because every note is the same: served again it would be no call.
                self.ours("parts", folder, "slow", "--no-cache"),
                self.theirs("archive", folder, "kill", *numbers),
                self.unkept("bare", folder, *numbers),
                self.unkept("tree-summarize", folder, *numbers),
            )
            for column, row in zip(columns.values(), rows, strict=True):
                column.append(row)
        title(f"(b) {DOCUMENTS} documents, {LATENCY_MS} ms a call, {IN_FLIGHT} at once: share of the ideal", columns)
        print("  The ideal is a whole number of turns for the calls that a column made. The last two keep nothing on the disk.")
        for name, rows in columns.items():
            ideal = math.ceil(rows[0]["calls"] / IN_FLIGHT) * LATENCY_MS / 1000
            aim = {"aim": 98, "least": True} if name == "longhand" else {}
            figure(name, [100 * ideal / row["seconds"] for row in rows], f"% ({rows[0]['calls']} calls)", **aim)
        for name, rows in columns.items():
            figure(name, [row["memory"] for row in rows], "MB at most")

    def over_http(self):
        provider, client = (os.environ.get(name) or sys.exit(f"http: no {name}") for name in ("PROVIDER", "REMOTE"))
        # An endpoint's tokens are a guess, in which a sentence has more of them than the scripted model says.
        for name, workflow in ("chain-http", CHAIN), ("parts-http", TREE):
            text = workflow.replace("max_tokens: 64", "max_tokens: 96").replace("name: ", f"name: {name} # ", 1)
            (self.project / f"workflows/{name}.yaml").write_text(text)
        book = documents(self.folder / "http-book", 1, CHUNKS) / "000000.txt"
        archive = documents(self.folder / "http-archive", DOCUMENTS, PARTS)

        def both(workflow, kind, path, in_flight, latency_ms, *numbers):
            """A run of each side, each with a provider of its own; what is charged to it is what the provider saw."""
            rows = []
            for side in ("longhand", "LangGraph"):
                with Provider(provider, latency_ms=latency_ms, stream_tokens=24) as served:
                    place = {"base_url": served.url, "model": "test-model", "limits": {"concurrency": in_flight}}
                    models = {**MODELS, "served": {"openai": place}}
                    (self.project / "longhand.yaml").write_text(json.dumps({"models": models}))
                    if side == "longhand":
                        row = self.ours(workflow, path, "served", "--no-cache")
                    else:
                        row = self.theirs(kind, path, "kill", *numbers, served.url)
                rows.append({**row, "seen": served.seen})
            return rows

        chains, archives = ({"longhand": [], "LangGraph, ChatOpenAI": []} for _ in range(2))
        bare = []
        for _ in range(self.rounds):
            with Provider(provider, stream_tokens=24) as served:
                # A prompt of the chain has about as many bytes as 14 of the client's sentences.
                out, _ = measured([client, "bare", served.url, str(CHUNKS), "1", "14"])
                bare.append(json.loads(out))
            for columns, rows in (
                (chains, both("chain-http", "chain", book, 1, 0, CHUNKS)),
                (archives, both("parts-http", "archive", archive, IN_FLIGHT, LATENCY_MS, PARTS, LATENCY_MS, IN_FLIGHT)),
            ):
                for column, row in zip(columns.values(), rows, strict=True):
                    column.append(row)
        for text, columns, aim in (
            ("http (a) a chain of calls, kill-safe, answered at once", chains, 1 / 50),
            (f"http (b) {DOCUMENTS} documents, {LATENCY_MS} ms a call, {IN_FLIGHT} at once", archives, None),
        ):
            title(text, columns)
            for name, rows in columns.items():
                seen = rows[-1]["seen"]
                print(f"  {name}: {seen['requests']} requests over {seen['connections']} connections")
                figure(name, each(rows, "seconds", 1000), "ms a call")
                figure("", each(rows, "cpu", 1000), "ms of CPU a call")
                figure("", [row["memory"] for row in rows], "MB at most")
                if aim is None:
                    turns = [math.ceil(row["calls"] / IN_FLIGHT) * LATENCY_MS / 1000 for row in rows]
                    figure("", [100 * a / b["seconds"] for a, b in zip(turns, rows, strict=True)], "% of the ideal")
            figure("longhand / LangGraph", ratios(*columns.values(), "seconds"))
            if aim is not None:
                figure("the same calls over bare sockets", each(bare, "seconds", 1000), "ms a call")
                own = ([{**a, "seconds": a["seconds"] - b["seconds"]} for a, b in zip(rows, bare)] for rows in columns.values())
                figure("longhand / LangGraph, without those", ratios(*own, "seconds"), "", aim)
            figure("longhand / LangGraph, CPU", ratios(*columns.values(), "cpu"))

    def tasks(self):
        columns = {}
        for count in (MANY, FEWER):
            columns[2 * count] = documents(self.folder / f"documents-{count}", count, 1), []
        for _ in range(self.rounds):
            for tasks, (folder, rows) in columns.items():
                _, row = self.longhand("run", "chain", folder, "--model", "four")
                rows.append({**row, "calls": tasks})
                shutil.rmtree(self.folder / "store")
        (many, (_, most)), (_, (_, fewer)) = columns.items()
        title(f"(e) {many} tasks in one run, two a document", {"longhand": most})
        for tasks, (_, rows) in columns.items():
            figure(f"{tasks} tasks", each(rows, "seconds", 1000), "ms a task")
        figure(f"{many} / {2 * FEWER} tasks, time a task", ratios(most, fewer, "seconds"), "", 1.1)  # a tenth for the noise
        for tasks, (_, rows) in columns.items():
            figure(f"{tasks} tasks", [row["memory"] for row in rows], "MB at most", 300 if rows is most else None)

    def reopen(self):
        folder = documents(self.folder / "long", LONG_DOCUMENTS, CHUNKS)
        self.longhand("run", "chain", folder, "--model", "four")
        (run,) = (self.folder / "store/runs").iterdir()
        rows = [self.longhand("runs", "resume", run.name)[1] for _ in range(REOPENED)]
        shutil.rmtree(self.folder / "store")
        title(f"(f) opening a run of {LONG_DOCUMENTS * CHUNKS} finished calls again, {REOPENED} times")
        figure("runs resume", [row["seconds"] for row in rows], "s", 2)
        figure("", [row["memory"] for row in rows], "MB at most")


def each(rows, key, scale=1):
    return [row[key] / row["calls"] * scale for row in rows]


def ratios(ours, theirs, key):
    return [a / b for a, b in zip(each(ours, key), each(theirs, key), strict=True)]


def pragmas(rows):
    mode, synchronous = rows[0]["pragmas"]
    return f"journal_mode {mode}, synchronous {('OFF', 'NORMAL', 'FULL', 'EXTRA')[synchronous]}"


def title(text, columns=None):
    rounds = f", {len(next(iter(columns.values())))} rounds" if columns else ""
    print(f"\n{text}{rounds}")


def figure(name, values, unit="", aim=None, least=False):
    median = statistics.median(values)
    line = f"  {name:34} {median:10.3f} [{min(values):.3f}..{max(values):.3f}] {unit}"
    if aim is not None:
        met = median >= aim if least else median <= aim
        line = f"{line:76} aim: at {'least' if least else 'most'} {aim:g}, {'met' if met else 'missed'}"
    print(line.rstrip(), flush=True)


def main():
    binary, *rest = sys.argv[1:]
    rounds = int(rest.pop(0)) if rest and rest[0].isdigit() else 3
    with tempfile.TemporaryDirectory() as name:
        bench = Bench(os.path.abspath(binary), rounds, pathlib.Path(name))
        parts = {"a": bench.chain, "power": bench.power, "b": bench.archive, "e": bench.tasks, "f": bench.reopen}
        parts["http"] = bench.over_http
        if unknown := set(rest) - set(parts):
            sys.exit(f"no part {', '.join(sorted(unknown))}: there are {', '.join(parts)}")
        for part in rest or [part for part in parts if part != "http" or "PROVIDER" in os.environ]:
            print(f"\nload {os.getloadavg()[0]:.1f} on {os.cpu_count()} processors", end="")
            parts[part]()


if __name__ == "__main__":
    main()
