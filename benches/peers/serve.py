"""Starts a real server of the OpenAI protocol on this machine, and prints its base URL.

    longhand models pull smollm2
    python3 benches/peers/serve.py FOLDER MODEL.gguf [--context TOKENS] [--before URL] &
    LONGHAND_ENDPOINT=http://127.0.0.1:PORT/v1 LONGHAND_HOME=... cargo test --test it remote::real -- --nocapture

FOLDER is outside of the repository; the server is installed there once, into a virtual environment. The server is
llama.cpp's own, as it lies in a wheel of the Python package index, pinned in `servers.txt`: nothing is compiled. With
--before it is a LiteLLM proxy in front of the server at URL, which words errors its own way; MODEL is then only a name.
The proxy takes no request without a key: LONGHAND_ENDPOINT_KEY, any text that begins with `sk-` and is long enough for it.

The process stays until it is ended, and the server ends with it. It is of no use to the tests that run always: they ask
a provider of their own, which goes wrong as it is told. This one shows what a server does that nobody here wrote.
"""

import argparse
import json
import os
import pathlib
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request

HERE = pathlib.Path(__file__).resolve().parent
PATIENCE_S = 180
NAME = "smollm2"


def environment(folder, name, wanted):
    """Makes the virtual environment where it is missing or holds other versions, and returns its programs' folder."""
    home = pathlib.Path(folder).resolve() / name
    mark = home / "installed"
    text = "\n".join(wanted)
    if not mark.is_file() or mark.read_text() != text:
        subprocess.run([sys.executable, "-m", "venv", home], check=True)
        install = [home / "bin/python", "-m", "pip", "install", "--quiet", "--only-binary", ":all:", *wanted]
        subprocess.run(install, check=True, stdout=sys.stderr)
        mark.write_text(text)
    return home / "bin"


def pinned(name):
    lines = (HERE / "servers.txt").read_text().split()
    return [line for line in lines if line.split("==")[0].split("[")[0] == name]


def free_port():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


def llama_cpp(folder, model, context, port):
    """llama.cpp's server. One slot, so that the whole window belongs to each request."""
    python = environment(folder, "llama.cpp", pinned("xllamacpp")) / "python"
    return [python, pathlib.Path(__file__).resolve(), "--inside", str(context), str(port), pathlib.Path(model).resolve()]


def inside(context, port, model):
    """What the virtual environment's Python runs: the server, until standard input is closed."""
    import xllamacpp

    options = xllamacpp.CommonParams()
    options.model.path = model
    options.model_alias = {NAME}
    options.n_ctx = int(context)
    options.port = int(port)
    options.n_parallel = 1
    server = xllamacpp.Server(options)
    sys.stdin.read()
    del server


def lite_llm(folder, upstream, port):
    """A LiteLLM proxy that hands everything on to the server at `upstream`."""
    programs = environment(folder, "litellm", pinned("litellm"))
    settings = pathlib.Path(folder).resolve() / f"litellm-{port}.json"
    parameters = {"model": f"openai/{NAME}", "api_base": upstream, "api_key": "none"}
    settings.write_text(json.dumps({"model_list": [{"model_name": NAME, "litellm_params": parameters}]}))
    return [programs / "litellm", "--config", settings, "--host", "127.0.0.1", "--port", str(port)]


def wait(base_url, key, process):
    """Waits until the server answers a question: it takes connections before its model is loaded."""
    body = {"model": NAME, "messages": [{"role": "user", "content": "Hello"}], "max_tokens": 1}
    ends = time.monotonic() + PATIENCE_S
    while time.monotonic() < ends:
        if process.poll() is not None:
            sys.exit(f"the server ended with {process.returncode}")
        try:
            headers = {"content-type": "application/json"}
            if key:
                headers["authorization"] = f"Bearer {key}"
            asked = urllib.request.Request(base_url + "/chat/completions", json.dumps(body).encode(), headers)
            urllib.request.urlopen(asked, timeout=60).read()
            return
        except (urllib.error.URLError, OSError):
            time.sleep(0.2)
    process.kill()
    sys.exit("the server did not answer")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder")
    parser.add_argument("model")
    parser.add_argument("--context", type=int, default=8192)
    parser.add_argument("--before", help="the base URL of a server to put a proxy in front of")
    parser.add_argument("--port", type=int, default=0)
    asked = parser.parse_args()
    pathlib.Path(asked.folder).mkdir(parents=True, exist_ok=True)
    port = asked.port or free_port()
    key = os.environ.get("LONGHAND_ENDPOINT_KEY") if asked.before else None
    if asked.before and not key:
        sys.exit("LONGHAND_ENDPOINT_KEY is empty: the proxy takes no request without a key")
    if asked.before:
        command = lite_llm(asked.folder, asked.before, port)
    else:
        command = llama_cpp(asked.folder, asked.model, asked.context, port)
    # The server's standard output goes to standard error: the one line here is for programs.
    quiet = {**os.environ, "LITELLM_TELEMETRY": "False", "LITELLM_LOCAL_MODEL_COST_MAP": "True"}
    if key:
        quiet["LITELLM_MASTER_KEY"] = key
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=sys.stderr, env=quiet)
    try:
        base_url = f"http://127.0.0.1:{port}/v1"
        wait(base_url, key, process)
        print(base_url, flush=True)
        process.wait()
    except KeyboardInterrupt:
        pass
    finally:
        process.terminate()


if __name__ == "__main__":
    if sys.argv[1:2] == ["--inside"]:
        inside(*sys.argv[2:])
    else:
        main()
