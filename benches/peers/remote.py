"""Prints longhand's client over HTTP beside the `openai` client and LangChain's, against the same provider.

    cargo bench --no-default-features --bench provider --bench remote --no-run
    VENV/bin/python benches/peers/remote.py PROVIDER REMOTE [ROUNDS] [PART...]

PROVIDER and REMOTE are the two executables that the first command names; compare.py says how VENV is made.

    whole    calls a second, 1, 32 and 256 at once, of 2,900 bytes and an answer of 24 words at once; and the connections
    tokens   what a client adds to each token of a stream of 1,000 that comes without a pause
    streams  the memory of 256 streams at once, of 100 tokens 20 ms apart

The bare sockets send and read bytes and know nothing of HTTP: what they reach is what the provider can do. Each side is a
process of its own with a provider of its own; within a round the sides take turns, a ratio is of one round, and a figure is
the median, smallest and largest behind it. Provider and client share the machine, so beside the time a call takes there is
the time that the client's own threads work.
"""

import json
import os
import pathlib
import sys

from compare import figure, measured, title
from provider import Provider

HERE = pathlib.Path(__file__).parent
PEERS = ("openai", "langchain")
# So many calls as take some seconds.
CALLS = {"bare": 20_000, "longhand": 10_000, "openai": 1_500, "langchain": 1_500}
AT_ONCE = (1, 32, 256)
STREAMS = {"longhand": 200, "openai": 10, "langchain": 10}
WORDS = 1_000


class Bench:
    def __init__(self, provider, remote, rounds):
        self.provider, self.remote, self.rounds = provider, remote, rounds

    def side(self, name, kind, calls, in_flight, **options):
        """What one client tells, and what its provider saw."""
        with Provider(self.provider, **options) as provider:
            numbers = provider.url, str(calls), str(in_flight)
            command = [sys.executable, HERE / "client.py", name, kind] if name in PEERS else [self.remote, kind]
            out, _ = measured([*command, *numbers])
        return {**json.loads(out), "seen": provider.seen}

    def sides(self, names, ask):
        rows = {name: [] for name in names}
        for _ in range(self.rounds):
            for name in names:
                rows[name].append(ask(name))
        return rows

    def whole(self):
        for in_flight in AT_ONCE:
            kind = {"bare": "bare"}
            rows = self.sides(
                CALLS, lambda name: self.side(name, kind.get(name, "whole"), CALLS[name], in_flight, stream_tokens=24)
            )
            title(f"calls a second, {in_flight} at once", rows)
            rates = {name: [row["calls"] / row["seconds"] for row in side] for name, side in rows.items()}
            for name, side in rows.items():
                figure(name, rates[name], "calls a second")
                if name == "bare":
                    continue  # Its threads are over when it looks at what they did.
                figure("", [1e3 * row["cpu"] / row["calls"] for row in side], "ms of its own work a call")
                seen = side[-1]["seen"]
                print(f"{'':37} {seen['requests']} requests over {seen['connections']} connections")
            for name in PEERS:
                figure(f"longhand / {name}", [a / b for a, b in zip(rates["longhand"], rates[name], strict=True)])

    def tokens(self):
        ask = lambda name: self.side(name, "stream", STREAMS[name], 1, stream_tokens=WORDS)
        rows = self.sides(STREAMS, ask)
        title(f"a token of a stream of {rows['longhand'][0]['pieces'] // STREAMS['longhand']}", rows)
        for key, what in ("seconds", "the time of a stream"), ("cpu", "its own work"):
            each = {name: [1e6 * row[key] / row["pieces"] for row in side] for name, side in rows.items()}
            for name in rows:
                figure(f"{name}, {what}", each[name], "µs a token")
            for name in PEERS:
                figure(f"{name} / longhand", [b / a for a, b in zip(each["longhand"], each[name], strict=True)])

    def streams(self):
        options = {"stream_tokens": 100, "token_ms": 20}
        rows = self.sides(STREAMS, lambda name: self.side(name, "stream", 256, 256, **options))
        title("256 streams at once", rows)
        for name, side in rows.items():
            figure(name, [row["memory"] for row in side], "MB at most", 100 if name == "longhand" else None)
            figure("", [row["seconds"] for row in side], "s (2 s without any client)")
            print(f"{'':37} {side[-1]['seen']['most_in_flight']} in flight at most")


def main():
    provider, remote, *rest = sys.argv[1:]
    rounds = int(rest.pop(0)) if rest and rest[0].isdigit() else 3
    bench = Bench(os.path.abspath(provider), os.path.abspath(remote), rounds)
    parts = {"whole": bench.whole, "tokens": bench.tokens, "streams": bench.streams}
    if unknown := set(rest) - set(parts):
        sys.exit(f"no part {', '.join(sorted(unknown))}: there are {', '.join(parts)}")
    for part in rest or parts:
        print(f"\nload {os.getloadavg()[0]:.1f} on {os.cpu_count()} processors", end="")
        parts[part]()


if __name__ == "__main__":
    main()
