"""Peers that keep nothing on the disk, beside the archive: bare asyncio, and LlamaIndex's TreeSummarize.

    python tree.py bare FOLDER CHUNKS LATENCY_MS IN_FLIGHT          the calls and nothing around them
    python tree.py tree-summarize FOLDER CHUNKS LATENCY_MS IN_FLIGHT

TreeSummarize packs text as full as its limit allows, by its own tokenizer. The limit is set so that a document of ten
chunks is ten readings again, and the answers are short, so that one call merges them, as in the other columns. It prints
how many calls it made all the same, because its share is counted from those.

Prints one line of JSON: calls, seconds from the first call to the last.
"""

import asyncio
import json
import pathlib
import sys
import time

ANSWER = "a note of a few words"
CHUNK_TOKENS = 54


class Model:
    def __init__(self, latency_ms, in_flight):
        self.places, self.seconds, self.calls = asyncio.Semaphore(in_flight), latency_ms / 1000, 0

    async def ask(self):
        async with self.places:
            await asyncio.sleep(self.seconds)
        self.calls += 1
        return ANSWER


def bare(model, chunks):
    async def document(_):
        await asyncio.gather(*(model.ask() for _ in range(chunks)))
        await model.ask()

    return document


def tree_summarize(model):
    # Imported here, so that the bare loop does not carry it in its memory.
    from llama_index.core.indices.prompt_helper import PromptHelper
    from llama_index.core.llms import CompletionResponse, CustomLLM, LLMMetadata
    from llama_index.core.response_synthesizers import TreeSummarize

    class Scripted(CustomLLM):
        @property
        def metadata(self):
            return LLMMetadata(context_window=8192, num_output=64, model_name="scripted")

        def complete(self, prompt, formatted=False, **_):
            raise NotImplementedError

        def stream_complete(self, prompt, formatted=False, **_):
            raise NotImplementedError

        async def acomplete(self, prompt, formatted=False, **_):
            return CompletionResponse(text=await model.ask())

    helper = PromptHelper(8192, num_output=64, chunk_overlap_ratio=0, chunk_size_limit=CHUNK_TOKENS)
    engine = TreeSummarize(llm=Scripted(), prompt_helper=helper, use_async=True)
    return lambda text: engine.aget_response("What happened?", [text])


async def main(kind, folder, chunks, latency_ms, in_flight):
    texts = [path.read_text() for path in sorted(pathlib.Path(folder).iterdir())]
    model = Model(latency_ms, in_flight)
    document = bare(model, chunks) if kind == "bare" else tree_summarize(model)
    began = time.perf_counter()
    await asyncio.gather(*map(document, texts))
    return {"calls": model.calls, "seconds": time.perf_counter() - began}


if __name__ == "__main__":
    kind, folder, *numbers = sys.argv[1:]
    print(json.dumps(asyncio.run(main(kind, folder, *map(int, numbers)))))
