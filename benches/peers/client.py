"""A peer's client over HTTP, as a process of its own: the `openai` client, or LangChain's ChatOpenAI over it.

    python client.py openai|langchain whole|stream URL COUNT IN_FLIGHT

It asks what benches/remote.rs asks, and prints the same line of JSON. Neither client tries again, as longhand's does not,
and both wait longer than they would by themselves: on a busy machine 256 connections at once took more than five seconds.
"""

import asyncio
import json
import sys
import time

MODEL, LONGEST, PATIENCE = "test-model", 2048, 600


def prompt(number):
    return f"Part {number}:\n\n" + "the old man and his dog sat " * 103


def openai(url):
    from openai import AsyncOpenAI

    client = AsyncOpenAI(base_url=url, api_key="none", max_retries=0, timeout=PATIENCE)

    async def whole(text):
        messages = [{"role": "user", "content": text}]
        reply = await client.chat.completions.create(model=MODEL, messages=messages, max_tokens=LONGEST, temperature=0)
        return reply.choices[0].message.content

    async def stream(text):
        messages = [{"role": "user", "content": text}]
        options = {"stream": True, "stream_options": {"include_usage": True}}
        events = await client.chat.completions.create(
            model=MODEL, messages=messages, max_tokens=LONGEST, temperature=0, **options
        )
        pieces = 0
        async for event in events:
            pieces += bool(event.choices and event.choices[0].delta.content)
        return pieces

    return whole, stream


def langchain(url):
    from langchain_openai import ChatOpenAI

    options = {"max_tokens": LONGEST, "temperature": 0, "max_retries": 0, "stream_usage": True, "timeout": PATIENCE}
    model = ChatOpenAI(model=MODEL, base_url=url, api_key="none", **options)

    async def whole(text):
        return (await model.ainvoke(text)).content

    async def stream(text):
        return sum([bool(piece.content) async for piece in model.astream(text)])

    return whole, stream


async def asked(ask, count, in_flight):
    numbers, pieces = iter(range(count)), 0

    async def work():
        nonlocal pieces
        for number in numbers:
            answer = await ask(prompt(number))
            assert answer
            pieces += answer if isinstance(answer, int) else 0

    await asyncio.gather(*(work() for _ in range(in_flight)))
    return pieces


async def main(name, kind, url, count, in_flight):
    whole, stream = {"openai": openai, "langchain": langchain}[name](url)
    ask = whole if kind == "whole" else stream
    await asked(ask, 2 * in_flight, in_flight)
    began, worked = time.perf_counter(), time.process_time()
    pieces = await asked(ask, count, in_flight)
    seconds, cpu = time.perf_counter() - began, time.process_time() - worked
    (peak,) = (line for line in open("/proc/self/status") if line.startswith("VmHWM:"))
    memory = int(peak.split()[1]) * 1024 / 1e6
    return {"calls": count, "pieces": pieces, "seconds": seconds, "cpu": cpu, "memory": memory}


if __name__ == "__main__":
    name, kind, url, *numbers = sys.argv[1:]
    print(json.dumps(asyncio.run(main(name, kind, url, *map(int, numbers)))))
