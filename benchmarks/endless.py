"""Endless input: memory and order while millions of lines go through `mtcli translate`.

python benchmarks/endless.py -m MODEL [--lines 2000000] [options of mtcli translate]
"""

from __future__ import annotations

import argparse
import re
import subprocess
import sys
import time
from pathlib import Path

TEXTS = ["Ja.", "Guten Morgen!", "Wie geht es dir?", "Tom", "Das ist gut.", "Ich habe ein Haus.", "Nein, nein, nein!", ""]
ORDER = [i * i * 31 % 1009 % len(TEXTS) for i in range(1009)]
FEED = "import sys; block = {!r}; [sys.stdout.buffer.write(block) for _ in range({})]"


def main() -> None:
    """Print resident memory every twentieth of the lines, and its slope over the second half."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("-m", "--model", required=True)
    parser.add_argument("--lines", type=int, default=2_000_000)
    arguments, options = parser.parse_known_args()
    command = [sys.executable, "-m", "mtcli", "translate", "-q", "-m", arguments.model, *options]
    expected = subprocess.run(command, input="\n".join(TEXTS).encode(), capture_output=True, check=True).stdout.split(b"\n")
    block = "".join(f"{TEXTS[i]}\n" for i in ORDER).encode()
    rounds = arguments.lines // len(ORDER)
    feeder = subprocess.Popen([sys.executable, "-c", FEED.format(block, rounds)], stdout=subprocess.PIPE)
    process = subprocess.Popen(command, stdin=feeder.stdout, stdout=subprocess.PIPE)
    assert process.stdout
    began, sizes = time.monotonic(), []
    for number in range(rounds * len(ORDER)):
        assert process.stdout.readline() == expected[ORDER[number % len(ORDER)]] + b"\n", f"line {number + 1} is another one's"
        if (number + 1) % (arguments.lines // 20) == 0:
            sizes.append((number + 1, resident(process.pid)))
            print(
                f"{number + 1:>10,} lines  {sizes[-1][1]:6.1f} MB  {number / (time.monotonic() - began):,.0f} lines/s", flush=True
            )
    assert process.stdout.read() == b"" and process.wait() == 0
    (first, before), (last, after) = sizes[len(sizes) // 2 - 1], sizes[-1]
    print(f"slope over the second half: {1e6 * (after - before) / (last - first):+.2f} MB a million lines; all lines in order")


def resident(process: int) -> float:
    """Megabytes of memory of a process."""
    found = re.search(r"VmRSS:\s+(\d+)", Path(f"/proc/{process}/status").read_text())
    assert found
    return int(found[1]) / 1024


if __name__ == "__main__":
    main()
