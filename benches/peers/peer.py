"""The peer: LangGraph with its SQLite checkpointer, over the same documents.

The model is a function that answers at once, or after a pause, so what is measured is the engine and its persistence; with
a URL behind the other arguments it is ChatOpenAI, which asks what is served there.
The document stays outside the state, which is the peer's best case: its checkpoints hold the state whole.

    python peer.py chain FILE DATABASE SAFE CHUNKS            only the last note in the state
    python peer.py chain-with-notes FILE DATABASE SAFE CHUNKS  every note in the state, as longhand's journal has it too
    python peer.py archive FOLDER DATABASE SAFE CHUNKS LATENCY_MS IN_FLIGHT
    python peer.py ... URL

SAFE is `power` for the checkpointer's own settings, which force the log of the database to the disk at every commit, or
`kill` to leave that to the system (`PRAGMA synchronous=OFF`): then a row outlives the process, but not a loss of power.
Either way a checkpoint is written while the next step runs already, which is the peer's default.

Prints one line of JSON: calls, seconds from the first call to the last, and the pragmas as the connection has them.
"""

import asyncio
import json
import operator
import pathlib
import sys
import time
from typing import Annotated, TypedDict

from langgraph.checkpoint.sqlite import SqliteSaver
from langgraph.checkpoint.sqlite.aio import AsyncSqliteSaver
from langgraph.graph import END, START, StateGraph
from langgraph.types import Send

ANSWER = "a note of some twenty words that a worker hands on to the next one, as long as in the other column of it"
NOT_FORCED = "PRAGMA synchronous=OFF"
PRAGMAS = ["PRAGMA journal_mode", "PRAGMA synchronous"]


def cut(text, chunks):
    size = -(-len(text) // chunks)
    return [text[at : at + size] for at in range(0, len(text), size)]


class Chain(TypedDict):
    at: int
    note: str
    notes: Annotated[list, operator.add]


def remote(url):
    # Imported here, so that a run without HTTP does not carry it.
    from langchain_openai import ChatOpenAI

    return ChatOpenAI(model="test-model", base_url=url, api_key="none", max_tokens=64, temperature=0, max_retries=0)


def chain(file, database, safe, count, keep_notes, model):
    chunks = cut(pathlib.Path(file).read_text(), count)

    def read(state):
        prompt = f"Part {state['at'] + 1}:\n\n{chunks[state['at']]}\n\nThe note so far: {state['note']}"
        assert prompt
        note = model.invoke(prompt).content if model else ANSWER
        return {"at": state["at"] + 1, "note": note, "notes": [note] if keep_notes else []}

    graph = StateGraph(Chain)
    graph.add_node("read", read)
    graph.add_edge(START, "read")
    graph.add_conditional_edges("read", lambda state: "read" if state["at"] < len(chunks) else END)
    with SqliteSaver.from_conn_string(database) as saver:
        saver.setup()
        if safe == "kill":
            saver.conn.execute(NOT_FORCED)
        pragmas = [saver.conn.execute(pragma).fetchone()[0] for pragma in PRAGMAS]
        app = graph.compile(checkpointer=saver)
        began = time.perf_counter()
        app.invoke({"at": 0, "note": "", "notes": []}, {"configurable": {"thread_id": "1"}, "recursion_limit": count + 10})
        return len(chunks), time.perf_counter() - began, pragmas


class Archive(TypedDict):
    chunks: list
    notes: Annotated[list, operator.add]
    summary: str


async def archive(folder, database, safe, count, latency_ms, in_flight, model):
    places = asyncio.Semaphore(in_flight)
    calls = 0

    async def ask(prompt):
        nonlocal calls
        async with places:
            note = (await model.ainvoke(prompt)).content if model else await asyncio.sleep(latency_ms / 1000, ANSWER)
        calls += 1
        return note

    async def read(state):
        return {"notes": [await ask(f"Part:\n\n{state['chunk']}")]}

    async def reduce(state):
        return {"summary": await ask("\n".join(state["notes"]))}

    graph = StateGraph(Archive)
    graph.add_node("read", read)
    graph.add_node("reduce", reduce)
    graph.add_conditional_edges(START, lambda state: [Send("read", {"chunk": chunk}) for chunk in state["chunks"]])
    graph.add_edge("read", "reduce")
    graph.add_edge("reduce", END)
    documents = [cut(path.read_text(), count) for path in sorted(pathlib.Path(folder).iterdir())]
    async with AsyncSqliteSaver.from_conn_string(database) as saver:
        await saver.setup()
        if safe == "kill":
            await saver.conn.execute(NOT_FORCED)
        pragmas = [(await (await saver.conn.execute(pragma)).fetchone())[0] for pragma in PRAGMAS]
        app = graph.compile(checkpointer=saver)
        began = time.perf_counter()
        runs = (
            app.ainvoke({"chunks": chunks, "notes": []}, {"configurable": {"thread_id": str(number)}})
            for number, chunks in enumerate(documents)
        )
        await asyncio.gather(*runs)
        return calls, time.perf_counter() - began, pragmas


if __name__ == "__main__":
    kind, path, database, safe, *numbers = sys.argv[1:]
    model = remote(numbers.pop()) if numbers[-1].startswith("http") else None
    numbers = [int(number) for number in numbers]
    if kind == "archive":
        calls, seconds, pragmas = asyncio.run(archive(path, database, safe, *numbers, model))
    else:
        calls, seconds, pragmas = chain(path, database, safe, *numbers, kind == "chain-with-notes", model)
    print(json.dumps({"calls": calls, "seconds": seconds, "pragmas": pragmas}))
