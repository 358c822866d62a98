"""Prints longhand's vectors of texts beside ONNX Runtime's, from the same weights and with as many threads.

    cargo bench --no-default-features --features local --bench embed --no-run
    python3 -m venv VENV && VENV/bin/pip install -r benches/peers/embed.txt
    VENV/bin/python benches/peers/embed.py EMBED FOLDER [ROUNDS] [THREADS]

EMBED is the executable that the first command names, FOLDER that of the model, such as `models/minilm` in longhand's home.
The graph for ONNX Runtime is made here from the model's own weights: BERT, the mean over the mask, and length one.

Texts of 64 word pieces, one by one and in batches of 32. ONNX Runtime is given pieces and longhand texts, so cutting them is
in longhand's seconds alone. Within a round the sides take turns, a ratio is of one round, and a figure is the median, smallest and
largest behind it.
"""

import json
import os
import pathlib
import sys
import tempfile
import time

from compare import figure, measured, title

PIECES = 64
# So many texts as take some seconds.
COUNTS = {1: 300, 32: 640}
AIM = 0.8


def graph(folder, path):
    """Writes the model as a graph."""
    import torch
    from transformers import AutoModel

    class Sentence(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.bert = AutoModel.from_pretrained(folder, attn_implementation="eager")

        def forward(self, ids, mask):
            rows = self.bert(input_ids=ids, attention_mask=mask).last_hidden_state
            seen = mask.unsqueeze(-1).to(rows.dtype)
            return torch.nn.functional.normalize((rows * seen).sum(1) / seen.sum(1), dim=1)

    ids = torch.ones(2, PIECES, dtype=torch.long)
    axes = {"ids": {0: "texts", 1: "pieces"}, "mask": {0: "texts", 1: "pieces"}}
    torch.onnx.export(
        Sentence().eval(), (ids, ids), path, input_names=["ids", "mask"], dynamic_axes=axes, opset_version=18, dynamo=False
    )


def peer(path, threads):
    """Answers with the rate at which a number of texts is computed in batches."""
    import numpy
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads, options.inter_op_num_threads = threads, 1
    session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])

    def rate(batch, count):
        ids = numpy.random.default_rng(1).integers(1000, 20_000, (batch, PIECES))
        given = {"ids": ids, "mask": numpy.ones_like(ids)}
        session.run(None, given)
        began = time.perf_counter()
        for _ in range(count // batch):
            session.run(None, given)
        return count / (time.perf_counter() - began)

    return rate


def main():
    bench, folder, *rest = sys.argv[1:]
    rounds, threads = (int(word) for word in (*rest, *("3", "2")[len(rest) :]))
    with tempfile.TemporaryDirectory() as name:
        path = str(pathlib.Path(name) / "model.onnx")
        graph(folder, path)
        rate = peer(path, threads)
        for batch, count in COUNTS.items():
            theirs, ours = [], []
            for _ in range(rounds):
                theirs.append(rate(batch, count))
                words = map(str, (batch, count, threads, PIECES))
                told = json.loads(measured([os.path.abspath(bench), folder, *words])[0])
                ours.append(told["texts"] / told["seconds"])
            title(f"texts of {PIECES} pieces a second, {batch} at once, {threads} threads, {rounds} rounds")
            figure("longhand", ours)
            figure("onnxruntime", theirs)
            ratios = [a / b for a, b in zip(ours, theirs, strict=True)]
            figure("longhand / onnxruntime", ratios, aim=AIM, least=True)


if __name__ == "__main__":
    main()
