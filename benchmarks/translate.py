"""Prints how fast each engine translates, beside bare CTranslate2 with the same weights. Run by `make bench-translate`.

mtcli is the whole command, text in to text out, less the time that it takes for one line; bare CTranslate2 is its
`translate_batch` alone, on pieces made beforehand, in several configurations. Each row is a median; the runs take turns.
`--rows` shows the cost of more lines, and the most memory that the command took. On a GPU, if there is one, both engines are
compared, too.

JoeyNMT 2.3 is a row of its own when `--joeynmt` names the interpreter of its environment. Its model has the same shape and pieces
but random weights, so each of its translations is given as many pieces as mtcli's have on average. It is shown a hundred lines.

    python benchmarks/translate.py -m models/demo-de-en tests/data/tatoeba/test.de
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import os
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import ctranslate2
import torch
from train import Job, joeynmt_config

from mtcli import Translator
from mtcli.export import export_ctranslate2
from mtcli.lines import read_lines
from mtcli.package import ModelPackage, open_package
from mtcli.vocab import BOS_ID, EOS_ID, PAD_ID
from mtcli.workers import cores

MTCLI = str(Path(sys.executable).parent / "mtcli")
CORES = cores()


def seconds(action: Callable[[], object]) -> float:
    began = time.perf_counter()
    action()
    return time.perf_counter() - began


def command(package: Path, source: Path, *options: str) -> None:
    subprocess.run([MTCLI, "translate", "-q", "-m", package, source, "-o", os.devnull, "--device", "cpu", *options], check=True)


def rate_of_command(package: Path, source: Path, one: Path, lines: int, *options: str) -> float:
    whole, start = (seconds(lambda file=file: command(package, file, *options)) for file in (source, one))
    return lines / (whole - start)


def bare(package: ModelPackage, quantization: str, lines: list[str], folder: Path) -> dict[str, Callable[[int], object]]:
    """`translate_batch` in several configurations, each a function of the beam size."""
    tokenizer = package.tokenizer()
    pieces = [tokenizer.pieces(ids, "src") for ids in tokenizer.encode(lines, "src")]
    export_ctranslate2(package, str(folder), quantization)
    runs: dict[str, Callable[[int], object]] = {}
    for workers, threads in {(CORES, 1), (1, CORES)}:
        translator = ctranslate2.Translator(str(folder), inter_threads=workers, intra_threads=threads)
        for size in (1024, 2048):
            runs[f"{workers} x {threads}, batches of {size}"] = lambda beam, translator=translator, size=size: (
                translator.translate_batch(
                    pieces,
                    beam_size=beam,
                    length_penalty=package.config.decoding.length_penalty,
                    use_vmap=(folder / "vmap.txt").exists(),
                    max_batch_size=size,
                    batch_type="tokens",
                    max_decoding_length=package.config.decoding.max_length(30),
                )
            )
    return runs


def joeynmt_rate(python: str, package: ModelPackage, lines: list[str], beam: int, folder: Path) -> float:
    """Sentences a second of its command, less the time that it takes for one line. The lines are few, for it is slow."""
    tokenizer, config, lines = package.tokenizer(), package.config, lines[:100]
    hyps = Translator.load(str(package.folder), threads=0).translate(lines)
    length = round(statistics.mean(map(len, tokenizer.encode(hyps, "tgt"))))
    source = ["".join(f"p{i} " for i in ids).strip() + "\n" for ids in tokenizer.encode(lines, "src")]
    for file in ("train.src", "train.tgt", "dev.src", "dev.tgt"):
        (folder / file).write_text("".join(source[:10]))
    (folder / "pieces").write_text("".join(f"p{i}\n" for i in range(tokenizer.sizes.src) if i not in (PAD_ID, BOS_ID, EOS_ID)))
    training = dataclasses.replace(config.training, steps=1)
    values = joeynmt_config(Job(dataclasses.replace(config, training=training), None, 0, "cpu", python), folder)
    values["training"] |= {"validation_freq": 1, "logging_freq": 1, "overwrite": True}
    values["testing"] = {"beam_size": beam, "beam_alpha": 1.0, "batch_size": 1024, "batch_type": "token"}
    values["testing"] |= {"min_output_length": length, "max_output_length": length}
    (folder / "config.yaml").write_text(json.dumps(values))  # JSON is YAML

    def run(command: str, text: list[str]) -> None:
        args = [python, "-m", "joeynmt", command, str(folder / "config.yaml"), *(["--skip-test"] if command == "train" else [])]
        done = subprocess.run(args, input="".join(text), capture_output=True, text=True)
        if done.returncode or (command == "translate" and len(done.stdout.splitlines()) != len(text)):
            sys.exit(f"JoeyNMT failed:\n{done.stderr[-2000:]}")

    run("train", [])
    whole, start = (seconds(lambda text=text: run("translate", text)) for text in (source, source[:1]))
    return len(lines) / (whole - start)


def compare(name: str, lines: list[str], runs: int, folder: Path, joeynmt: str) -> None:
    package = open_package(name)
    copy = {q: folder / f"package-{q}" for q in ("int8", "float32")}
    rivals = {}
    for quantization, place in copy.items():
        shutil.copytree(package.folder, place, ignore=shutil.ignore_patterns("training", "ct2"))
        export_ctranslate2(open_package(str(place)), "", quantization)
        rivals[quantization] = bare(package, quantization, lines, folder / quantization)
    source, one = folder / "source", folder / "one"
    source.write_text("".join(f"{line}\n" for line in lines))
    one.write_text(f"{lines[0]}\n")
    for beam in (5, 1):
        rates: dict[str, list[float]] = {}
        for _ in range(runs):
            for quantization, configurations in rivals.items():
                for configuration, run in configurations.items():
                    key = f"CTranslate2 {quantization}, {configuration}"
                    rates.setdefault(key, []).append(len(lines) / seconds(lambda run=run, beam=beam: run(beam)))
            for engine, place, precision in (
                ("ctranslate2", copy["int8"], "auto"),
                ("ctranslate2", copy["float32"], "float32"),
                ("torch", copy["int8"], "auto"),
                ("torch", copy["int8"], "float32"),
            ):
                options = ("--engine", engine, "--precision", precision, "--beam-size", str(beam))
                rates.setdefault(f"mtcli --engine {engine}, {precision}", []).append(
                    rate_of_command(place, source, one, len(lines), *options)
                )
        if joeynmt:
            (place := folder / f"joeynmt-{beam}").mkdir()
            rates["JoeyNMT"] = [joeynmt_rate(joeynmt, package, lines, beam, place)]
        best = {q: max(statistics.median(v) for k, v in rates.items() if k.startswith(f"CTranslate2 {q}")) for q in rivals}
        print(f"beam {beam:<40} sentences/s   x CTranslate2 int8   x float32 (each in its best configuration)")
        for key, values in rates.items():
            rate = statistics.median(values)
            print(f"  {key:<46} {rate:8.0f} {rate / best['int8']:14.3f} {rate / best['float32']:12.3f}", flush=True)


def on_gpu(name: str, lines: list[str], runs: int, folder: Path) -> None:
    """Both engines on a GPU, in this process, given so many sentences at a time."""
    package = open_package(name)
    tokenizer, longest = package.tokenizer(), package.config.decoding.max_length(30)
    pieces = [tokenizer.pieces(ids, "src") for ids in tokenizer.encode(lines, "src")]
    export_ctranslate2(package, str(folder / "float16"), "float16")
    contenders: dict[str, Callable[[int, int], object]] = {}
    for beam in (5, 1):
        ours = Translator.load(name, "cuda", "torch", beam_size=beam)
        contenders[f"mtcli --engine torch, beam {beam}"] = lambda at, n, ours=ours: ours.translate(lines[at : at + n])
    try:
        rival = ctranslate2.Translator(str(folder / "float16"), device="cuda", compute_type="float16")
        rival.translate_batch(pieces[:1])
    except (RuntimeError, ValueError) as error:  # built without CUDA, or without the libraries of its version
        print(f"CTranslate2 finds no GPU: {error}")
    else:
        for beam in (5, 1):
            contenders[f"CTranslate2 float16, beam {beam}"] = lambda at, n, beam=beam: rival.translate_batch(
                pieces[at : at + n],
                beam_size=beam,
                max_batch_size=n,
                max_decoding_length=longest,
                length_penalty=package.config.decoding.length_penalty,
                use_vmap=(folder / "float16" / "vmap.txt").exists(),
            )
    rates: dict[str, list[list[float]]] = {key: [[], [], []] for key in contenders}
    for _ in range(runs + 1):  # the first is for warming up
        for key, run in contenders.items():
            for found, (n, most) in zip(rates[key], ((1, 30), (32, 320), (512, 3072)), strict=True):
                count, began = min(most, len(lines)), time.perf_counter()
                for at in range(0, count, n):
                    run(at, n)
                found.append(count / (time.perf_counter() - began))
    print(f"{torch.cuda.get_device_name()}: sentences/s, median of {runs}, given         1       32      512 at a time")
    for key, sizes in rates.items():
        print(f"  {key:<60}" + "".join(f"{statistics.median(each[1:]):9,.0f}" for each in sizes))


def growth(name: str, lines: list[str], folder: Path) -> None:
    package = open_package(name).folder
    print("lines      seconds   most memory of the command so far")
    for count in (1_000, 10_000, 100_000):
        source = folder / f"{count}"
        source.write_text("".join(f"{lines[i % len(lines)]}\n" for i in range(count)))
        took = seconds(lambda source=source: command(package, source))
        print(f"{count:<9} {took:8.1f} {resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024:8.0f} MB", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("-m", "--model", default="models/demo-de-en")
    parser.add_argument("source", nargs="?", default="tests/data/tatoeba/test.de")
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--rows", action="store_true")
    parser.add_argument("--joeynmt", default="", metavar="PYTHON", help="interpreter of the environment that JoeyNMT 2.3 is in")
    args = parser.parse_args()
    lines = [line for line in read_lines(args.source) if line.strip()]
    with tempfile.TemporaryDirectory() as folder:
        if args.rows:
            growth(args.model, lines, Path(folder))
        else:
            compare(args.model, lines, args.runs, Path(folder), args.joeynmt)
            if torch.cuda.is_available():
                on_gpu(args.model, lines, args.runs, Path(folder))
    starts = [
        seconds(lambda: subprocess.run([MTCLI, "translate", "-q", "-m", args.model], input=b"Hallo\n", check=True, stdout=-3))
        for _ in range(11)
    ]
    print(f"one line, the whole process: {statistics.median(starts):.3f} s, median of 11")


if __name__ == "__main__":
    main()
