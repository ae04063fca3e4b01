"""Start-up: whole commands beside the least that could do the same, taken in turn.

`mtcli score` on 1,000 lines beside the `sacrebleu` command; `mtcli translate` of one line with each engine, and `mtcli train`
of one update of a tiny model, beside an interpreter that imports the engine and nothing else.

python benchmarks/startup.py [--rounds 21]
"""

from __future__ import annotations

import argparse
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

DATA = Path(__file__).parents[1] / "tests" / "data" / "tatoeba"
MTCLI = [sys.executable, "-m", "mtcli"]
TINY = ["model.width=32", "model.ff_width=64", "model.heads=2", "model.encoder_layers=1", "model.decoder_layers=1"]

Command = list[str]


def write(path: Path, lines: list[str]) -> str:
    path.write_text("".join(f"{line}\n" for line in lines), "utf-8")
    return str(path)


def commands(folder: Path) -> dict[str, tuple[Command, Command]]:
    """By name, a command of ours and what it is held against."""
    tgt, src = ((DATA / f"train.{language}").read_text("utf-8").splitlines()[:1000] for language in ("en", "de"))
    ref, hyp = write(folder / "ref", tgt), write(folder / "hyp", [line.partition(" ")[2] or line for line in tgt])
    text = ["--src", write(folder / "train.de", src), "--tgt", write(folder / "train.en", tgt)]
    train = [*MTCLI, "train", "-q", "--fresh", "-m", str(folder / "model"), *text, "--steps", "1"]
    package = str(folder / "translator")
    shape = [word for value in TINY for word in ("--set", value)]
    subprocess.run([*MTCLI, "train", "-q", "-m", package, *text, "--steps", "3", *shape], check=True)
    translate = [*MTCLI, "translate", "-q", "-m", package, write(folder / "line", src[:1]), "--engine"]
    imports = {engine: [sys.executable, "-c", f"import {engine}"] for engine in ("ctranslate2", "torch")}
    sacrebleu = [sys.executable, "-m", "sacrebleu", ref, "-i", hyp, "-w", "2", "-f", "text"]
    return {
        "score, sacrebleu": ([*MTCLI, "score", ref, "-i", hyp, "--metric", "bleu"], sacrebleu),
        "translate --engine ctranslate2, import ctranslate2": ([*translate, "ctranslate2"], imports["ctranslate2"]),
        "translate --engine torch, import torch": ([*translate, "torch"], imports["torch"]),
        "train, import torch": ([*train, *shape], imports["torch"]),
    }


def seconds(command: Command) -> float:
    began = time.perf_counter()
    subprocess.run(command, check=True, capture_output=True)
    return time.perf_counter() - began


def main() -> None:
    """Print the median of each, and their ratio."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=21)
    rounds = parser.parse_args().rounds
    with tempfile.TemporaryDirectory() as folder:
        pairs = commands(Path(folder))
        outputs = [subprocess.run(command, check=True, capture_output=True).stdout for command in pairs["score, sacrebleu"]]
        assert outputs[0] == outputs[1], outputs
        times = [[tuple(map(seconds, pair)) for pair in pairs.values()] for _ in range(rounds)]
    for name, taken in zip(pairs, zip(*times, strict=True), strict=True):
        ours, theirs = map(statistics.median, zip(*taken, strict=True))
        print(f"{name:52} {ours:6.3f} s {theirs:6.3f} s, ratio {ours / theirs:.2f}, medians of {rounds}")


if __name__ == "__main__":
    main()
