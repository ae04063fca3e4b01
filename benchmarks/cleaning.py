"""What `mtcli data clean` is worth: known dirt is added to a corpus, and how much of it is found, and what it spoils.

python benchmarks/cleaning.py --src FILE --tgt FILE --other FILE --langs de-en --work FOLDER [--pairs 60000]
    [--dev-src FILE --dev-tgt FILE --test-src FILE --test-tgt FILE --steps N [options of mtcli train]]

A tenth of the pairs is added of each kind: lines shifted by one, sides swapped, targets in another language (lines of
--other), machine noise. With --steps, models are trained on the clean, the dirty and the cleaned text, and tested.
"""

from __future__ import annotations

import argparse
import json
import random
import subprocess
import sys
from collections import Counter
from pathlib import Path

from mtcli.lines import read_lines, read_parallel

Pairs = list[tuple[str, str]]


def noise(line: str, rng: random.Random) -> str:
    """What machines make of text: letters at random, wrong decoding, signs, markup, loops, lines cut short."""
    match rng.randrange(6):
        case 0:
            return "".join(rng.choice("abcdefghijklmnopqrstuvwxyz   ") for _ in line)
        case 1:
            return "".join(c if rng.random() < 0.6 else rng.choice("ÃÂâ€œ¼½") for c in line)
        case 2:
            return "".join(c if rng.random() < 0.6 else rng.choice("#@~{}|\\^_%$") for c in line)
        case 3:
            return f'<div class="item">{line}</div>&nbsp;'
        case 4:
            return " ".join(line.split()[:2] * 6)
        case _:
            return "404 Not Found"


def dirt(pairs: Pairs, other: list[str], count: int, rng: random.Random) -> dict[str, Pairs]:
    """So many pairs of each kind, made of pairs of their own."""
    parts = [pairs[i * count : (i + 1) * count] for i in range(4)]
    shifted = [(src, tgt) for (src, _), (_, tgt) in zip(parts[0], [*parts[0][1:], parts[0][0]], strict=True)]
    return {
        "shifted": shifted,
        "swapped": [(tgt, src) for src, tgt in parts[1]],
        "other language": [(src, line) for (src, _), line in zip(parts[2], rng.sample(other, count), strict=True)],
        "noise": [(src, noise(tgt, rng)) for src, tgt in parts[3]],
    }


def write(folder: Path, name: str, pairs: Pairs) -> list[str]:
    """Two files, and the options that name them."""
    options = []
    for option, suffix, lines in (("--src", "src", [s for s, _ in pairs]), ("--tgt", "tgt", [t for _, t in pairs])):
        path = folder / f"{name}.{suffix}"
        path.write_text("".join(f"{line}\n" for line in lines), "utf-8")
        options += [option, str(path)]
    return options


def mtcli(*arguments: str | Path) -> str:
    return subprocess.run([sys.executable, "-m", "mtcli", *arguments], check=True, stdout=subprocess.PIPE, text=True).stdout


def main() -> None:
    """Print the share of each kind that is dropped, by which rule, and the scores."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name in ("src", "tgt", "other", "work", "langs"):
        parser.add_argument(f"--{name}", required=True)
    for name in ("dev-src", "dev-tgt", "test-src", "test-tgt"):
        parser.add_argument(f"--{name}")
    parser.add_argument("--pairs", type=int, default=60_000)
    parser.add_argument("--steps", type=int, default=0)
    arguments, of_train = parser.parse_known_args()
    rng, work = random.Random(1), Path(arguments.work)
    work.mkdir(exist_ok=True)
    corpus = [pair for pair in read_parallel([arguments.src], [arguments.tgt]) if all(pair)]
    rng.shuffle(corpus)
    clean, count = corpus[: arguments.pairs], arguments.pairs // 10
    kinds = {"clean": clean, **dirt(corpus[arguments.pairs :], read_lines(arguments.other), count, rng)}
    dirty = [(kind, pair) for kind, pairs in kinds.items() for pair in pairs]
    rng.shuffle(dirty)
    options = {"clean": write(work, "clean", clean), "dirty": write(work, "dirty", [pair for _, pair in dirty])}
    outputs = ["--out-src", str(work / "cleaned.src"), "--out-tgt", str(work / "cleaned.tgt"), "--explain", str(work / "why")]
    found = json.loads(mtcli("data", "clean", "--langs", arguments.langs, "--json", *options["dirty"], *outputs))
    options["cleaned"] = ["--src", str(work / "cleaned.src"), "--tgt", str(work / "cleaned.tgt")]
    why: dict[str, Counter[str]] = {kind: Counter() for kind in kinds}
    for line in (work / "why").read_text("utf-8").splitlines():
        place, rule, *_ = line.split("\t")
        why[dirty[int(place.rpartition(":")[2]) - 1][0]][rule] += 1
    for kind, rules in why.items():
        by_rule = ", ".join(f"{rule} {100 * n / len(kinds[kind]):.1f}" for rule, n in rules.most_common(5))
        print(f"{kind:15} {len(kinds[kind]):7,} pairs, dropped {100 * rules.total() / len(kinds[kind]):5.1f} %: {by_rule}")
    for rule, n in Counter(rule for rules in why.values() for rule in rules.elements()).most_common():
        print(f"precision of {rule:12} {100 * (1 - why['clean'][rule] / n):5.1f} % of {n:,}")
    print(f"{found['kept']:,} of {found['pairs']:,} pairs kept")
    for name in ("clean", "cleaned", "dirty") if arguments.steps else ():
        held = ["--dev-src", arguments.dev_src, "--dev-tgt", arguments.dev_tgt]
        mtcli("train", "-q", "-m", work / "model" / name, *options[name], *held, "--steps", str(arguments.steps), *of_train)
        mtcli("translate", "-q", "-m", work / "model" / name, arguments.test_src, "-o", work / f"{name}.hyp")
        score = mtcli("score", arguments.test_tgt, "-i", work / f"{name}.hyp", "--metric", "bleu", "--metric", "chrf", "-b")
        print(f"trained on {name:8} BLEU {' chrF2 '.join(score.split())}", flush=True)


if __name__ == "__main__":
    main()
