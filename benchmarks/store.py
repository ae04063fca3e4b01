"""What training text costs before the first update: prepared for the first time, and when it is there; time, memory and disk.

python benchmarks/store.py --src FILE --tgt FILE --work FOLDER [--pairs 100000,1000000,10000000] [--steps 200]

The pairs of the two files are put together by twos, at random, so that as many as are asked for come of it; they are written as
four .gz files a side. The model is tiny: what is measured is the text. Memory is that of all processes, each at its largest.
"""

from __future__ import annotations

import argparse
import gzip
import os
import random
import shutil
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

from mtcli.lines import read_parallel
from mtcli.package import open_package
from mtcli.tokenizer import normalise

FILES = 4
SHAPE = {"model.width": 32, "model.ff_width": 64, "model.heads": 2, "model.encoder_layers": 1, "model.decoder_layers": 1}


def write(folder: Path, pairs: list[tuple[str, str]], count: int) -> list[str]:
    """So many pairs in several files, and the options that name them."""
    rng, options = random.Random(1), []
    for part in range(FILES):
        names = [folder / f"{count}.{part}.{side}.gz" for side in ("src", "tgt")]
        options += ["--src", str(names[0]), "--tgt", str(names[1])]
        if all(name.exists() for name in names):
            continue
        chosen = [(rng.choice(pairs), rng.choice(pairs)) for _ in range(count // FILES)]
        for side, name in enumerate(names):
            with gzip.open(name, "wt", 1, "utf-8", newline="\n") as file:
                file.writelines(f"{a[side]} {b[side]}\n" for a, b in chosen)
    return options


def memory(process: int) -> float:
    """Megabytes that a process and those below it have in memory, of files, too; what several share is counted once."""
    total = 0.0
    try:
        for task in Path(f"/proc/{process}/task").iterdir():
            total += sum(memory(int(child)) for child in (task / "children").read_text().split())
        lines = Path(f"/proc/{process}/smaps_rollup").read_text().splitlines()
        return total + next(int(line.split()[1]) for line in lines if line.startswith("Pss:")) / 1024
    except (OSError, StopIteration):
        return total


def cpu(process: int) -> float:
    """Seconds that a process and those below it that have ended have taken of the processors."""
    values = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
    return sum(map(int, values[11:15])) / os.sysconf("SC_CLK_TCK")


@dataclass
class Run:
    """What a training took."""

    seconds: float = 0.0
    """Up to the end of the first update."""
    cpu: float = 0.0
    """Of the processors, up to there."""
    memory: float = 0.0
    """Megabytes at the most, in the whole run."""


def train(model: Path, options: list[str]) -> Run:
    """What it takes."""
    log, began, found = model / "training" / "metrics.jsonl", time.monotonic(), Run()
    with subprocess.Popen([sys.executable, "-m", "mtcli", "train", "-q", "-m", str(model), *options]) as process:
        while process.poll() is None:
            found.memory = max(found.memory, memory(process.pid))
            if not found.seconds and log.exists() and log.stat().st_size:
                found.seconds, found.cpu = time.monotonic() - began, cpu(process.pid)
            time.sleep(0.05)
    assert process.returncode == 0
    return found


def tokenising(package: Path, lines: list[str]) -> float:
    """Seconds of a processor that sentencepiece alone takes for a line."""
    processor, text = open_package(str(package)).tokenizer().src, [normalise(line) for line in lines]
    began = time.process_time()
    processor.encode(text, num_threads=1)
    return (time.process_time() - began) / len(text)


def main() -> None:
    """A row for each number of pairs; 1,000 are what the others are held against."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name in ("src", "tgt", "work"):
        parser.add_argument(f"--{name}", required=True)
    parser.add_argument("--pairs", default="100000,1000000,10000000")
    parser.add_argument("--steps", default="100")
    given = parser.parse_args()
    work = Path(given.work)
    work.mkdir(exist_ok=True)
    os.environ["MTCLI_CACHE"] = str(work / "cache")
    pairs = [pair for pair in read_parallel([given.src], [given.tgt]) if all(pair)]
    dev = ["--dev-src", str(work / "dev.src"), "--dev-tgt", str(work / "dev.tgt")]
    for path, side in zip(dev[1::2], (0, 1), strict=True):
        Path(path).write_text("".join(f"{pair[side]}\n" for pair in pairs[:200]), "utf-8")
    text = ["--src", given.src, "--tgt", given.tgt, "--vocab-size", "8000"]
    tokenizer = work / "tokenizer"
    if not tokenizer.exists():
        subprocess.run([sys.executable, "-m", "mtcli", "tokenizer", "train", "-q", "-m", str(tokenizer), *text], check=True)
    values = {**SHAPE, "training.batch_tokens": 1024, "training.validations": 1}
    settings = [option for key, value in values.items() for option in ("--set", f"{key}={value}")]
    print("pairs | cold, s | warm, s | lines a second of a core but for tokenising | MB more than of 1,000 pairs | MB on disk")
    least = None
    for count in [1000, *map(int, given.pairs.split(","))]:
        options = [*write(work, pairs[200:], count), *dev, *settings, "--preset", "base", "--steps", given.steps]
        shutil.rmtree(work / "cache", ignore_errors=True)
        runs = []
        for name in ("cold", "warm"):
            model = work / name
            shutil.rmtree(model, ignore_errors=True)
            shutil.copytree(tokenizer, model)
            runs.append(train(model, options))
        cold, warm = runs
        if not least:
            least = warm
            continue
        of_one = tokenising(tokenizer, [f"{a} {b}" for (a, b) in random.Random(1).sample(pairs, min(50_000, len(pairs)))])
        rate = 2 * count / (cold.cpu - warm.cpu - 2 * count * of_one)
        disk = sum(file.stat().st_size for file in (work / "cache").rglob("*") if file.is_file()) / 2**20
        memory_of = " ".join(f"{run.memory - least.memory:6.0f}" for run in runs)
        times = f"{cold.seconds:6.1f} | {warm.seconds:5.1f} | {rate:9,.0f} (tokenising alone {1 / of_one:,.0f})"
        print(f"{count:>10,} | {times} | {memory_of} | {disk:6.0f}", flush=True)


if __name__ == "__main__":
    main()
