"""Compares methods of summarizing on the same documents, by ROUGE against summaries that people wrote.

    python3 -m venv VENV && VENV/bin/pip install -r benches/peers/summaries.txt
    VENV/bin/python benches/peers/summaries.py run LONGHAND FILE FOLDER METHODS [OPTION...]
    VENV/bin/python benches/peers/summaries.py score FILE FOLDER METHODS

FILE has a JSON value a line with `input` and `outputs`, as L-Eval's `gov_report_summ.jsonl.gz` has. METHODS are workflows,
joined by commas; every OPTION goes to longhand, such as `--model NAME` and `--window 2048`. `run` leaves the reports in FOLDER, which holds
the store, too, so that a run that was stopped goes on; LONGHAND_JOBS says how many documents are read at once. `score` reads them: the two may run on
different machines.

The figure is the geometric mean of ROUGE-1, ROUGE-2 and ROUGE-L (rouge-score, with stems), as for L-Eval and ZeroSCROLLS. Behind it stand the calls
and the tokens of a document. Differences are paired by document; the interval is a bootstrap of 10,000.
"""

import concurrent.futures
import gzip
import json
import os
import pathlib
import random
import subprocess
import sys


def documents(path):
    opened = gzip.open(path, "rt") if path.endswith(".gz") else open(path)
    with opened as lines:
        for line in filter(str.strip, lines):
            told = json.loads(line)
            yield told["input"], told["outputs"][0]


def run(longhand, path, folder, methods, options):
    folder = pathlib.Path(folder)
    folder.mkdir(parents=True, exist_ok=True)

    def one(job):
        at, method = job
        report = folder / f"{method}-{at}.json"
        if report.exists():
            return
        command = [longhand, "run", method, str(folder / f"document-{at}.txt"), "--together", "--json", "--store", str(folder / "store")]
        done = subprocess.run([*command, *options], capture_output=True, text=True, check=False)
        if done.returncode:
            print(f"{method}, document {at}: {done.stderr.strip()}", file=sys.stderr)
            return
        report.write_text(done.stdout)

    jobs = []
    for at, (text, _) in enumerate(documents(path)):
        # Longhand refuses to go on with a document that changes while it is read.
        (folder / f"document-{at}.txt").write_text(text)
        jobs += [(at, method) for method in methods.split(",")]
    with concurrent.futures.ThreadPoolExecutor(int(os.environ.get("LONGHAND_JOBS", "1"))) as pool:
        list(pool.map(one, jobs))


def interval(values):
    rng = random.Random(7)
    means = sorted(sum(rng.choices(values, k=len(values))) / len(values) for _ in range(10_000))
    return means[249], means[9_749]


def score(path, folder, methods):
    from rouge_score import rouge_scorer

    kinds = ["rouge1", "rouge2", "rougeL"]
    scorer = rouge_scorer.RougeScorer(kinds, use_stemmer=True)
    methods = methods.split(",")
    rows = {method: [] for method in methods}
    for at, (_, reference) in enumerate(documents(path)):
        reports = {}
        for method in methods:
            file = pathlib.Path(folder) / f"{method}-{at}.json"
            if file.exists():
                reports[method] = json.loads(file.read_text())
        if len(reports) < len(methods):
            print(f"document {at} was not read by every method and is left out", file=sys.stderr)
            continue
        for method, report in reports.items():
            found = scorer.score(reference, report["answer"])
            one, two, longest = (found[kind].fmeasure for kind in kinds)
            used = report["usage"]
            tokens = used["prompt_tokens"] + used["completion_tokens"]
            rows[method].append((one, two, longest, (one * two * longest) ** (1 / 3), len(report["calls"]), tokens))
    first = methods[0]
    print("| method | documents | ROUGE-1 | ROUGE-2 | ROUGE-L | mean of the three | less than the first by | calls | tokens |")
    print("|---|---|---|---|---|---|---|---|---|")
    for method in methods:
        columns = list(zip(*rows[method]))
        mean = [sum(column) / len(column) for column in columns]
        apart = [a[3] - b[3] for a, b in zip(rows[first], rows[method])]
        low, high = interval(apart)
        less = "" if method == first else f"{sum(apart) / len(apart):.3f} [{low:.3f}..{high:.3f}]"
        scores = " | ".join(f"{value:.3f}" for value in mean[:4])
        print(f"| {method} | {len(apart)} | {scores} | {less} | {mean[4]:.1f} | {mean[5]:,.0f} |")


def main():
    match sys.argv[1:]:
        case ["run", longhand, path, folder, methods, *options]:
            run(longhand, path, folder, methods, options)
        case ["score", path, folder, methods]:
            score(path, folder, methods)
        case _:
            sys.exit(__doc__)


if __name__ == "__main__":
    main()
