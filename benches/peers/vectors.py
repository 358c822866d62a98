"""Prints longhand's index of vectors beside faiss, over the same vectors, one thread each.

    cargo bench --no-default-features --bench vectors --no-run
    python -m venv VENV && VENV/bin/pip install faiss-cpu numpy
    VENV/bin/python benches/peers/vectors.py BENCH [ROUNDS] [COUNT...] [--real FOLDER]

BENCH is the executable that the first command names. Without --real the vectors are random and of length 1: no graph is of
use there, so only the exact searches are compared. With --real they are the rows of the .npy files in FOLDER (`wikiq*` are
questions if there are any; otherwise every 97th row is one and is not indexed), and faiss's HNSW (M 32, two widths of the
search) is asked as well.

Each side is a process of its own. Within a round the sides take turns, so that what else the machine does meets both; a
figure is the median of the rounds, a ratio is of one round. Recall is the share of the answers that are as near as faiss's
exact ones, because the same sentence may lie at several positions. `K=50` in the environment asks for 50 instead of 10.
"""

import json
import os
import pathlib
import statistics
import subprocess
import sys
import tempfile
import time

K = int(os.environ.get("K", "10"))
DIMENSIONS = 384
# Widths of faiss's search in its graph.
WIDTHS = (64, 128)


def vectors(count, real):
    import numpy

    if not real:
        source = numpy.random.default_rng(count)
        data = source.standard_normal((count + 200, DIMENSIONS), dtype=numpy.float32)
        data /= numpy.linalg.norm(data, axis=1, keepdims=True)
        return data[200:], data[:200]
    files = sorted(pathlib.Path(real).glob("*.npy"))
    load = lambda chosen: numpy.concatenate([numpy.load(file).astype(numpy.float32) for file in chosen])
    asked = [file for file in files if file.name.startswith("wikiq")]
    data = load([file for file in files if file not in asked])
    queries = load(asked)[:300] if asked else data[::97][:300]
    if not asked:
        data = numpy.delete(data, numpy.s_[::97], axis=0)
    order = numpy.random.default_rng(1).permutation(len(data))[: count or len(data)]
    return numpy.ascontiguousarray(data[order]), queries


def faiss_side(folder, kind):
    """What faiss says in a process of its own: figures, and the positions in a file."""
    import faiss
    import numpy

    faiss.omp_set_num_threads(1)
    read = lambda name: numpy.fromfile(folder / name, dtype=numpy.float32).reshape(-1, DIMENSIONS)
    data, queries = read("data.f32"), read("queries.f32")
    width = int(kind.removeprefix("hnsw") or 0) if kind != "flat" else 0
    saved = folder / ("flat.faiss" if not width else "hnsw.faiss")
    before = time.perf_counter()
    if not saved.exists():
        if width:
            index = faiss.IndexHNSWFlat(DIMENSIONS, 32, faiss.METRIC_INNER_PRODUCT)
            index.hnsw.efConstruction = 100
        else:
            index = faiss.IndexFlatIP(DIMENSIONS)
        index.add(data)
        built = time.perf_counter() - before
        faiss.write_index(index, str(saved))
        del index
    else:
        built = 0.0
    del data
    before = time.perf_counter()
    index = faiss.read_index(str(saved))
    opened = time.perf_counter() - before
    if width:
        index.hnsw.efSearch = width
    times, found = [], []
    for query in queries:
        before = time.perf_counter()
        _, positions = index.search(query[None], K)
        times.append(time.perf_counter() - before)
        found.append(positions[0])
    numpy.array(found, dtype=numpy.uint32).tofile(folder / f"{kind}.u32")
    times = sorted(times)
    return {
        "build_ms": built * 1e3,
        "open_ms": opened * 1e3,
        "best_ms": times[0] * 1e3,
        "p50_ms": times[len(times) // 2] * 1e3,
        "p99_ms": times[int(len(times) * 0.99)] * 1e3,
        "memory": saved.stat().st_size,
    }


def longhand_side(folder, bench):
    for name in ("index.codes", "index.rows"):
        (folder / name).unlink(missing_ok=True)
    run = lambda *words: json.loads(
        subprocess.run([bench, "vectors", *map(str, words)], check=True, capture_output=True, text=True).stdout
    )
    built = run("build", folder, DIMENSIONS)
    figures = run("ask", folder, DIMENSIONS, K)
    (folder / "found.u32").rename(folder / "longhand.u32")
    return {**built, **figures}


def recall(folder, side):
    import numpy

    read = lambda name: numpy.fromfile(folder / name, dtype=numpy.float32).reshape(-1, DIMENSIONS)
    data, queries = read("data.f32"), read("queries.f32")
    found = lambda name: numpy.fromfile(folder / f"{name}.u32", dtype=numpy.uint32).reshape(len(queries), K)
    shares = []
    for query, exact, ours in zip(queries, found("flat"), found(side)):
        least = (data[exact] @ query).min() - 1e-5
        shares.append(float(((data[ours] @ query) >= least).mean()))
    return statistics.mean(shares)


def compare(bench, rounds, count, real):
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        data, queries = vectors(count, real)
        data.tofile(folder / "data.f32")
        queries.tofile(folder / "queries.f32")
        count = len(data)
        del data
        sides = ["flat", "longhand", *(f"hnsw{width}" for width in WIDTHS if real)]
        rows = {side: [] for side in sides}
        for _ in range(rounds):
            for side in sides:
                if side == "longhand":
                    rows[side].append(longhand_side(folder, bench))
                else:
                    command = [sys.executable, __file__, "faiss", folder, side]
                    rows[side].append(json.loads(subprocess.run(command, check=True, capture_output=True).stdout))
        print(f"{count} {'real' if real else 'random'} vectors, {len(queries)} queries, {rounds} rounds")
        for side in sides:
            figure = lambda name: statistics.median(row[name] for row in rows[side])
            ratio = statistics.median(
                row["p50_ms"] / flat["p50_ms"] for row, flat in zip(rows[side], rows["flat"])
            )
            print(
                f"  {side:9} best {min(row['best_ms'] for row in rows[side]):8.3f} ms, p50 {figure('p50_ms'):8.3f}, "
                f"p99 {figure('p99_ms'):8.3f}, of flat's p50 {ratio:5.2f}, recall@{K} {recall(folder, side):.4f}, "
                f"build {max(row['build_ms'] for row in rows[side]) / 1e3:8.2f} s, open {figure('open_ms'):8.2f} ms, "
                f"{figure('memory') / count:6.0f} bytes a vector",
                flush=True,
            )


def main():
    if sys.argv[1] == "faiss":
        print(json.dumps(faiss_side(pathlib.Path(sys.argv[2]), sys.argv[3])))
        return
    bench, *rest = sys.argv[1:]
    real = rest[rest.index("--real") + 1] if "--real" in rest else None
    rest = rest[: rest.index("--real")] if real else rest
    rounds, *counts = map(int, rest or [3])
    for count in counts or ([0] if real else [10_000, 100_000, 1_000_000]):
        compare(bench, rounds, count, real)


if __name__ == "__main__":
    main()
