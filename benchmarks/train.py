"""Prints how fast mtcli trains, beside this machine's peak, a plain PyTorch loop and JoeyNMT. Run by `make bench-train`.

All get the same pieces of text, the same shape of Transformer, the same number of threads and a process of their own.
They take turns, so that noise of the machine hits all. Tokens are real target tokens, end of sentence counted, padding not.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import math
import multiprocessing
import os
import re
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import torch
from torch import nn
from torch.nn import functional as F

from mtcli.cli import ENVIRONMENT
from mtcli.config import Config, TokenizerConfig, parse_config
from mtcli.data.batches import ParallelCorpus
from mtcli.heap import keep_memory
from mtcli.lines import read_parallel
from mtcli.model import build
from mtcli.model.transformer import sinusoids
from mtcli.presets import preset
from mtcli.tokenizer import load_tokenizer, train_tokenizer
from mtcli.training.loop import TrainingLoop, matmul_dtype, schedule
from mtcli.training.memory import MOST_ON_GPU, USUAL
from mtcli.vocab import BOS_ID, EOS_ID, PAD_ID, VocabSizes

DATA = Path(__file__).parent.parent / "tests" / "data" / "tatoeba"
LONGEST = 200
SKIP = 10
"""Updates at the start of a run that are not timed."""
PLAIN = "plain PyTorch, float32"
NOTE = """Share of peak = 6 x (P_src x source tokens + P_tgt x target tokens) / seconds / peak of the type it computes in.
P_src: weights of the linear maps of the encoder, and of those for the decoder's keys and values of the memory.
P_tgt: weights of all other linear maps of the decoder, and of the output layer. Padding, dropout, looking up embeddings,
the products inside attention and those of Muon, which only mtcli has, are not counted as work."""


@dataclasses.dataclass(frozen=True)
class Job:
    """What a contender is to train."""

    config: Config
    corpus: ParallelCorpus
    vocab: int
    device: str
    joeynmt: str

    def model(self):
        return build(self.config.model, VocabSizes(self.vocab, self.vocab, shared=True))

    def flops(self) -> float:
        """Floating-point operations for each target token, forward and backward."""
        weights = {name: p.numel() for name, p in self.model().named_parameters() if p.dim() == 2 and "embedding" not in name}
        src = sum(n for name, n in weights.items() if name.startswith("encoder.") or "memory_attention.key_value" in name)
        tgt = sum(weights.values()) - src + self.vocab * self.config.model.width
        src_tokens = int(self.corpus.src.lengths.sum()) + len(self.corpus)
        return 6 * (src * src_tokens / self.corpus.tgt_tokens + tgt)


Update = tuple[float, int, float]
"""Seconds since the start, real target tokens, loss."""


def run_mtcli(job: Job) -> list[Update]:
    keep_memory()
    torch.manual_seed(1)
    loop = TrainingLoop(job.model(), lambda epoch: job.corpus, job.config.training, torch.device(job.device))
    return [(record.seconds, record.tgt_tokens, record.loss) for record in loop.steps()]


class Plain(nn.Module):
    """The same Transformer from the parts that PyTorch has."""

    def __init__(self, job: Job) -> None:
        super().__init__()
        c = job.config.model
        self.embedding = nn.Embedding(job.vocab, c.width, padding_idx=PAD_ID)
        nn.init.normal_(self.embedding.weight, std=c.width**-0.5)
        layers, options = (c.encoder_layers, c.decoder_layers), {"batch_first": True, "norm_first": True}
        self.transformer = nn.Transformer(c.width, c.heads, *layers, c.ff_width, c.dropout, **options)
        self.output = nn.Linear(c.width, job.vocab)
        self.output.weight = self.embedding.weight
        self.dropout = nn.Dropout(c.dropout)
        self.register_buffer("positions", sinusoids(0, LONGEST + 2, c.width))

    def embed(self, ids):
        scale = self.embedding.embedding_dim**0.5
        return self.dropout(self.embedding(ids) * scale + self.positions[: ids.size(1)])

    def forward(self, src, src_mask, tgt_in):
        future = torch.ones(tgt_in.size(1), tgt_in.size(1), dtype=torch.bool, device=src.device).triu(1)
        masks = {"tgt_mask": future, "src_key_padding_mask": ~src_mask, "memory_key_padding_mask": ~src_mask}
        return self.output(self.transformer(self.embed(src), self.embed(tgt_in), **masks, tgt_is_causal=True))


def run_plain(job: Job) -> list[Update]:
    torch.manual_seed(1)
    t, model = job.config.training, Plain(job).to(job.device)
    optimizer = torch.optim.AdamW(model.parameters(), betas=(0.9, 0.98), weight_decay=t.weight_decay)
    updates, began, epoch = [], time.monotonic(), 0
    while True:
        for indices in job.corpus.epoch(t.batch_tokens, t.seed, epoch):
            if len(updates) == t.steps:
                return updates
            batch = job.corpus.batch(indices).to(torch.device(job.device))
            for group in optimizer.param_groups:
                group["lr"] = t.learning_rate * schedule(len(updates), len(updates) / t.steps, t.warmup_steps)
            logits = model(batch.src, batch.src_mask, batch.tgt_in)
            targets = batch.tgt_out.flatten()
            loss = F.cross_entropy(logits.flatten(0, 1), targets, ignore_index=PAD_ID, label_smoothing=t.label_smoothing)
            optimizer.zero_grad()
            loss.backward()
            nn.utils.clip_grad_norm_(model.parameters(), t.clip_norm)
            optimizer.step()
            updates.append((time.monotonic() - began, int(batch.tgt_mask.sum()), loss.item()))
        epoch += 1


def joeynmt_rate(job: Job) -> float:
    """Tokens a second by JoeyNMT's own log, which has a line every ten updates."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for side, sentences in (("src", job.corpus.src), ("tgt", job.corpus.tgt)):
            lines = [" ".join(f"p{i}" for i in sentences[k].tolist()) + "\n" for k in range(len(sentences))]
            (folder / f"train.{side}").write_text("".join(lines))
            (folder / f"dev.{side}").write_text("".join(lines[:10]))
        ids = [i for i in range(job.vocab) if i not in (PAD_ID, BOS_ID, EOS_ID)]
        (folder / "pieces").write_text("".join(f"p{i}\n" for i in ids))
        (folder / "config.yaml").write_text(json.dumps(joeynmt_config(job, folder)))  # JSON is YAML
        command = [job.joeynmt, "-m", "joeynmt", "train", "--skip-test", str(folder / "config.yaml")]
        done = subprocess.run(command, cwd=folder, capture_output=True, text=True)
        if done.returncode:
            sys.exit(f"JoeyNMT failed:\n{done.stderr[-2000:]}")
        rates = re.findall(r"Tokens per Sec:\s+(\d+)", (folder / "model" / "train.log").read_text())
    return statistics.harmonic_mean([float(rate) for rate in rates[SKIP // 10 :]])


def joeynmt_config(job: Job, folder: Path) -> dict:
    c, t, cuda = job.config.model, job.config.training, job.device == "cuda"
    side = {"level": "word", "max_length": LONGEST, "voc_file": str(folder / "pieces")}
    data = {
        "train": str(folder / "train"),
        "dev": str(folder / "dev"),
        "src": {"lang": "src", **side},
        "trg": {"lang": "tgt", **side},
    }
    training = {"optimizer": "adamw", "adam_betas": [0.9, 0.98], "scheduling": "warmupinversesquareroot", "learning_rate": 0.0003}
    training |= {"clip_grad_norm": t.clip_norm, "label_smoothing": t.label_smoothing, "normalization": "tokens"}
    training |= {"batch_type": "token", "batch_size": t.batch_tokens, "updates": t.steps, "epochs": 1_000_000}
    training |= {"logging_freq": 10, "validation_freq": 1_000_000}
    stack = {"type": "transformer", "num_heads": c.heads, "hidden_size": c.width, "ff_size": c.ff_width, "dropout": c.dropout}
    stack |= {"embeddings": {"embedding_dim": c.width, "scale": True}, "layer_norm": "pre"}
    encoder, decoder = stack | {"num_layers": c.encoder_layers}, stack | {"num_layers": c.decoder_layers}
    model = {"tied_embeddings": True, "tied_softmax": True, "encoder": encoder, "decoder": decoder}
    general = {"name": "bench", "model_dir": str(folder / "model"), "use_cuda": cuda, "fp16": cuda}
    return {**general, "data": data, "testing": {}, "training": training, "model": model}


def apart(contender, job: Job) -> list[Update]:
    """Run it in a process of its own."""
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        return pool.apply(contender, (job,))


def peak(dtype: torch.dtype, device: str) -> float:
    """Floating-point operations a second in products of square matrices of 2,048, best of twelve trials."""
    a, b = (torch.randn(2048, 2048).to(device, dtype) for _ in range(2))
    repeats, best = 100 if device == "cuda" else 1, math.inf
    for _ in range(12):
        began = time.perf_counter()
        for _ in range(repeats):
            c = a @ b
        float(c[0, 0])  # waits for the device
        best = min(best, (time.perf_counter() - began) / repeats)
    return 2 * 2048**3 / best


def rate(updates: list[Update]) -> float:
    return sum(tokens for _, tokens, _ in updates[SKIP:]) / (updates[-1][0] - updates[SKIP - 1][0])


def compare_speed(job: Job, runs: int) -> None:
    kind, half = type_name(job.device), "float16" if job.device == "cuda" else "float32"
    contenders = {f"mtcli, {kind}": (kind, lambda: rate(apart(run_mtcli, job)))}
    contenders[PLAIN] = ("float32", lambda: rate(apart(run_plain, job)))
    if job.joeynmt:
        contenders[f"JoeyNMT, {half}"] = (half, lambda: joeynmt_rate(job))
    peaks = {kind: 0.0 for kind, _ in contenders.values()}
    rates = {name: [] for name in contenders}
    for _ in range(runs):
        peaks = {kind: max(best, peak(getattr(torch, kind), job.device)) for kind, best in peaks.items()}
        for name, (_, contender) in contenders.items():
            rates[name].append(contender())
    for kind, best in peaks.items():
        print(f"peak of matrix products, {kind:<9} {best / 1e9:12,.0f} GFLOP/s")
    print("                              tokens/s, median (lowest to highest)   times plain   share of peak")
    for name, (kind, _) in contenders.items():
        median, span = statistics.median(rates[name]), f"({min(rates[name]):,.0f} to {max(rates[name]):,.0f})"
        ratio, share = median / statistics.median(rates[PLAIN]), median * job.flops() / peaks[kind]
        print(f"{name:<28} {median:9,.0f} {span:<32} {ratio:9.2f} {share:14.0%}")


def type_name(device: str) -> str:
    """Of the matrix products that mtcli chooses there."""
    return str(matmul_dtype("auto", torch.device(device))).removeprefix("torch.")


def compare_losses(job: Job) -> None:
    training = dataclasses.replace(job.config.training, precision="float32")
    single = dataclasses.replace(job, config=dataclasses.replace(job.config, training=training))
    runs = apart(run_mtcli, job), apart(run_mtcli, single), apart(run_plain, job)
    print(f"mean loss, nats a token:  mtcli, {type_name(job.device)} | mtcli, float32 | {PLAIN}")
    for first in range(0, job.config.training.steps, 20):
        means = [statistics.mean(loss for _, _, loss in updates[first : first + 20]) for updates in runs]
        print(f"updates {first + 1:3} to {first + 20:3} {means[0]:10.3f} {means[1]:10.3f} {means[2]:10.3f}")


def read_corpus(src: str, tgt: str) -> tuple[ParallelCorpus, int]:
    """The text as ids of a joint vocabulary of 8,000 pieces, or fewer when the text has no more; and their number."""
    sides = [list(side) for side in zip(*read_parallel([src], [tgt]), strict=True)]
    model, _ = train_tokenizer(TokenizerConfig(vocab_size=8000), *sides)
    tokenizer = load_tokenizer(model, model)  # the others know no smaller vocabulary of the target
    pairs = zip(tokenizer.encode(sides[0], "src"), tokenizer.encode(sides[1], "tgt"), strict=True)
    kept = [(s, t) for s, t in pairs if 0 < len(s) <= LONGEST and 0 < len(t) <= LONGEST]
    return ParallelCorpus.of(kept), tokenizer.sizes.tgt


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--src", default=str(DATA / "train.de"))
    parser.add_argument("--tgt", default=str(DATA / "train.en"))
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu", choices=("cpu", "cuda"))
    parser.add_argument("--size", nargs="+", help="small, base, big; default: small on a CPU, all three on CUDA")
    parser.add_argument(
        "--threads", type=int, default=len(os.sched_getaffinity(0)) if sys.platform == "linux" else os.cpu_count()
    )
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--updates", type=int, help=f"of each run; default: 30, or 300 on CUDA; the first {SKIP} are not timed")
    parser.add_argument("--batch-tokens", type=int, help="positions of a batch; default: 4,096, or 32,768 on CUDA")
    parser.add_argument("--joeynmt", default="", metavar="PYTHON", help="interpreter of the environment that JoeyNMT 2.3 is in")
    parser.add_argument("--loss-curves", action="store_true", help="print losses instead of speed, by default of 200 updates")
    args = parser.parse_args()
    os.environ |= {"OMP_NUM_THREADS": str(args.threads), **ENVIRONMENT}
    torch.set_num_threads(args.threads)
    updates = args.updates or (200 if args.loss_curves else 300 if args.device == "cuda" else 30)
    batch_tokens = args.batch_tokens or (MOST_ON_GPU if args.device == "cuda" else USUAL)
    corpus, vocab = read_corpus(args.src, args.tgt)
    print(f"{len(corpus):,} pairs, {vocab:,} pieces, torch {torch.__version__}, {args.device}, {args.threads} threads")
    print(f"batches of {batch_tokens:,} positions")
    for size in args.size or (["small", "base", "big"] if args.device == "cuda" else ["small"]):
        values = preset(size, "transformer")
        values["training"] |= {"batch_tokens": batch_tokens, "steps": updates}
        job = Job(parse_config(values), corpus, vocab, args.device, args.joeynmt)
        c = job.config.model
        print(f"\nTransformer {size}: {c.encoder_layers}+{c.decoder_layers} layers of width {c.width}, feed-forward {c.ff_width}")
        compare_losses(job) if args.loss_curves else compare_speed(job, args.runs)
    print("" if args.loss_curves else f"\n{NOTE}")


if __name__ == "__main__":
    main()
