"""The provider of benches/peers/provider.rs as a process: an address as long as it is entered, and then what it saw."""

import json
import subprocess


class Provider:
    def __init__(self, binary, **options):
        """Options are its flags: `latency_ms=50` is `--latency-ms 50`."""
        flags = [(f"--{name.replace('_', '-')}", str(value)) for name, value in options.items()]
        self.command, self.seen = [binary, *(word for flag in flags for word in flag)], None

    def __enter__(self):
        pipe = subprocess.PIPE
        self.process = subprocess.Popen(self.command, stdin=pipe, stdout=pipe, text=True)
        self.url = self.process.stdout.readline().strip()
        return self

    def __exit__(self, *_):
        told, _ = self.process.communicate("stop\n")
        self.seen = json.loads(told)
