"""Start-up: the whole time of `mtcli score` on 1,000 lines beside that of the `sacrebleu` command, taken in turn.

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


def main() -> None:
    """Print the median of each, and their ratio."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=21)
    rounds = parser.parse_args().rounds
    with tempfile.TemporaryDirectory() as folder:
        ref, hyp = Path(folder, "ref"), Path(folder, "hyp")
        refs = (DATA / "train.en").read_text("utf-8").splitlines()[:1000]
        ref.write_text("".join(f"{line}\n" for line in refs), "utf-8")
        hyp.write_text("".join(f"{line.partition(' ')[2] or line}\n" for line in refs), "utf-8")
        commands = [
            [sys.executable, "-m", "mtcli", "score", ref, "-i", hyp, "--metric", "bleu"],
            [sys.executable, "-m", "sacrebleu", ref, "-i", hyp, "-w", "2", "-f", "text"],
        ]
        outputs = [subprocess.run(command, check=True, capture_output=True).stdout for command in commands]
        assert outputs[0] == outputs[1], outputs
        seconds: list[list[float]] = [[], []]
        for _ in range(rounds):
            for times, command in zip(seconds, commands, strict=True):
                began = time.perf_counter()
                subprocess.run(command, check=True, capture_output=True)
                times.append(time.perf_counter() - began)
    ours, theirs = map(statistics.median, seconds)
    print(f"mtcli score {ours:.3f} s, sacrebleu {theirs:.3f} s, ratio {ours / theirs:.2f}, medians of {rounds}")


if __name__ == "__main__":
    main()
