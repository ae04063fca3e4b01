"""Prints the BLEU that mtcli and JoeyNMT 2.3 reach when both train equally long on the same text, and how fast they translate.

They run one after the other, or at once when that is asked for: then give each its share of the cores (OMP_NUM_THREADS=1 on two).
mtcli is given nothing but the files and the time. JoeyNMT gets mtcli's pieces, the schedule of its own transformer_small.yaml,
and the width and dropout of its transformer_iwslt14_deen_bpe.yaml with three layers instead of six, which suits the little time.
It keeps weights only when it validates; so it does that every 50 updates, on 100 sentences, and its best ones are taken.

    python benchmarks/equal_time.py --joeynmt JOEY/bin/python train.en train.de val.en val.de test.en test.de
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from train import Job, joeynmt_config

from mtcli.config import parse_config
from mtcli.lines import read_lines
from mtcli.presets import preset
from mtcli.scoring import score

MTCLI = str(Path(sys.executable).parent / "mtcli")


def run(*command: str | Path, stdin: str = "") -> str:
    return subprocess.run(list(map(str, command)), input=stdin, check=True, stdout=subprocess.PIPE, text=True).stdout


def translated(*command: str | Path, stdin: str = "") -> tuple[list[str], float]:
    """Output lines of a command, and the seconds that it took, its start included."""
    began = time.perf_counter()
    out = run(*command, stdin=stdin)
    return out.split("\n")[:-1], time.perf_counter() - began


def by_mtcli(package: Path, train: list[str], dev: list[str], test: list[str], minutes: float) -> tuple[list[str], float]:
    budget = ["--time", f"{round(60 * minutes)}s"]
    run(MTCLI, "train", "-m", package, "--src", train[0], "--tgt", train[1], "--dev-src", dev[0], "--dev-tgt", dev[1], *budget)
    return translated(MTCLI, "translate", "-m", package, test[0])


def by_joeynmt(
    folder: Path, package: Path, python: str, train: list[str], dev: list[str], test: list[str], minutes: float
) -> tuple[list[str], float]:
    for name, files, most in (("train", train, None), ("dev", dev, 100)):
        for side, file in zip(("src", "tgt"), files, strict=True):
            text = "\n".join(read_lines(file)[:most]) + "\n"
            (folder / f"{name}.{side}").write_text(run(MTCLI, "tokenizer", "encode", "-m", package, stdin=text))
    pieces = {p for side in ("src", "tgt") for line in read_lines(str(folder / f"train.{side}")) for p in line.split(" ") if p}
    (folder / "pieces").write_text("".join(f"{piece}\n" for piece in ["<unk>", "<pad>", "<s>", "</s>", *sorted(pieces)]))
    values = preset("small", "transformer")
    values["training"] |= {"batch_tokens": 4096, "steps": 1_000_000}
    config = joeynmt_config(Job(parse_config(values), None, 0, "cpu", python), folder)
    config["training"] |= {
        "scheduling": "noam",
        "learning_rate_factor": 0.5,
        "learning_rate_warmup": 1000,
        "learning_rate": 0.001,
        "learning_rate_min": 0,
        "validation_freq": 50,
        "early_stopping_metric": "loss",
    }
    config["testing"] = {"beam_size": 5, "beam_alpha": 1.0, "batch_size": 1024, "batch_type": "token", "max_output_length": 100}
    (folder / "config.yaml").write_text(json.dumps(config))  # JSON is YAML
    command = [python, "-m", "joeynmt"]
    with open(folder / "log", "w") as log:
        training = subprocess.Popen([*command, "train", "--skip-test", str(folder / "config.yaml")], stdout=log, stderr=log)
        try:
            training.wait(60 * minutes)
            sys.exit((folder / "log").read_text()[-2000:])
        except subprocess.TimeoutExpired:
            training.terminate()
            training.wait()
    source = run(MTCLI, "tokenizer", "encode", "-m", package, test[0])
    pieces_of_hyps, seconds = translated(*command, "translate", folder / "config.yaml", stdin=source)
    hyps = run(MTCLI, "tokenizer", "decode", "-m", package, stdin="".join(f"{line}\n" for line in pieces_of_hyps))
    return hyps.split("\n")[:-1], seconds


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("files", nargs=6, help="source and target of the training, dev and test text")
    parser.add_argument("--minutes", type=float, default=20)
    parser.add_argument("--at-once", action="store_true", help="both at the same time")
    parser.add_argument("--joeynmt", required=True, metavar="PYTHON", help="interpreter of the environment that JoeyNMT is in")
    args = parser.parse_args()
    train, dev, test = ([str(Path(name).resolve()) for name in args.files[i : i + 2]] for i in (0, 2, 4))
    with tempfile.TemporaryDirectory() as name, ThreadPoolExecutor(2 if args.at_once else 1) as pool:
        package, folder = Path(name) / "package", Path(name) / "joeynmt"
        folder.mkdir()
        run(MTCLI, "tokenizer", "train", "-m", package, "--src", train[0], "--tgt", train[1])
        ours = pool.submit(by_mtcli, package, train, dev, test, args.minutes)
        theirs = pool.submit(by_joeynmt, folder, package, args.joeynmt, train, dev, test, args.minutes)
        for contender, result in (("mtcli", ours), ("JoeyNMT", theirs)):
            hyps, seconds = result.result()
            [bleu] = score(hyps, [read_lines(test[1])], ("bleu",))
            print(f"{contender:<8} {bleu}  {len(hyps) / seconds:.0f} sentences/s with start", flush=True)


if __name__ == "__main__":
    main()
