"""Prints what mtcli costs on this machine: process start, training and translating. Run by `make bench`.

Text is the Tatoeba part in tests/data; models are made for the purpose, so only speed is to be read from this, not quality.
"""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

DATA = Path(__file__).parent.parent / "tests" / "data" / "tatoeba"
MTCLI = str(Path(sys.executable).parent / "mtcli")


def seconds(*command: str, runs: int = 1, stdin: bytes = b"") -> float:
    """Median wall-clock seconds of the whole process."""
    times = []
    for _ in range(runs):
        began = time.perf_counter()
        subprocess.run(command, input=stdin, check=True, capture_output=True)
        times.append(time.perf_counter() - began)
    return statistics.median(times)


def main() -> None:
    text = (DATA / "test.de").read_bytes()
    print(f"mtcli --help                  {seconds(MTCLI, '--help', runs=11):8.3f} s, median of 11 processes")
    print(
        f"mtcli score, 500 lines        {seconds(MTCLI, 'score', str(DATA / 'test.en'), runs=5, stdin=text):8.3f} s, median of 5"
    )
    for arch in ("transformer", "rnn"):
        with tempfile.TemporaryDirectory() as folder:
            package = Path(folder) / "de-en"
            files = ("--src", str(DATA / "train.de"), "--tgt", str(DATA / "train.en"))
            options = ("--preset", "small", "--steps", "60", "--set", "training.validations=1")
            subprocess.run([MTCLI, "train", "-q", "-m", str(package), "--arch", arch, *files, *options], check=True)
            steps = [json.loads(line) for line in (package / "training" / "metrics.jsonl").read_text().splitlines()]
            steps = [step for step in steps if "loss" in step][10:]
            rate = sum(step["tgt_tokens"] for step in steps[1:]) / (steps[-1]["seconds"] - steps[0]["seconds"])
            print(f"{arch + ', training':<29} {rate:8.0f} target tokens/s (preset small, 50 steps)")
            for beam in (1, 5):
                command = (MTCLI, "translate", "-q", "-m", str(package), "--beam-size", str(beam))
                start, whole = seconds(*command, stdin=b"Hallo\n"), seconds(*command, stdin=text)
                rate = text.count(b"\n") / (whole - start)
                print(f"{f'{arch}, beam {beam}':<29} {rate:8.0f} sentences/s, process start left out")


if __name__ == "__main__":
    main()
