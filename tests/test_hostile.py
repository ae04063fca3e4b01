"""A package is data: whatever is in it, it is refused in one line, or translates. Nothing in it runs, grows or reaches out."""

from __future__ import annotations

import hashlib
import json
import os
import pickle
import random
import shutil
import struct
import time
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from conftest import TINY, contents, head, mtcli, run
from safetensors import safe_open
from safetensors.torch import load, save

from mtcli.ct2 import read_variables
from mtcli.errors import PackageError
from mtcli.package import open_package
from mtcli.tokenizer import first_pieces, load_tokenizer

Harm = Callable[[Path], object]
TEXT = b"Guten Morgen!\nWie geht es dir?\n"
SECONDS = 30
"""More than any refusal may take, on a busy machine; forms that grow with what a file claims would take for ever."""


@pytest.fixture
def place(transformer_package: Path, handed: Path, tmp_path: Path) -> Path:
    """A folder with two packages to harm, and a file that is nobody's business."""
    place = tmp_path / "place"
    place.mkdir()
    shutil.copytree(transformer_package, place / "de-en")
    shutil.copytree(handed, place / "handed")
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside" / "secret").write_bytes(b"secret")
    return place


def translated(place: Path, command: str) -> tuple[int, bytes, str]:
    """Exit code, output and the line of error; an error must be one line, in bounded time, with nothing printed before."""
    began = time.monotonic()
    code, out, errors = run(place, command, TEXT)
    assert time.monotonic() - began < SECONDS
    if code:
        assert (code, out, len(errors)) == (1, b"", 1), (code, errors)
        assert errors[0].startswith("mtcli: error: ") and "this is a bug" not in errors[0], errors
    return code, out, errors[0] if code else ""


def sealed(package: Path) -> None:
    """Give the package the right sums of what it now holds, as one who means harm would."""
    sums = package / "SHA256SUMS"
    names = [line.split("  ")[1] for line in sums.read_text().splitlines()]
    lines = [f"{hashlib.sha256((package / name).read_bytes()).hexdigest()}  {name}\n" for name in names]
    sums.write_text("".join(lines))


@pytest.mark.slow
@pytest.mark.parametrize(("sums", "cases"), [("sums", 200), ("no sums", 100)])
def test_bits_that_flip_and_files_that_are_cut(sums: str, cases: int, place: Path) -> None:
    """With sums each is refused where it is read; without, as in older packages, it may pass, but does no other harm."""
    chance = random.Random(f"slow {sums}")
    command = "translate -m de-en --beam-size 1 --engine"
    expected = {engine: translated(place, f"{command} {engine}")[1] for engine in ("torch", "ctranslate2")}
    read = {"torch": ["weights.safetensors"], "ctranslate2": ["ct2/config.json", "ct2/model.bin", "ct2/shared_vocabulary.json"]}
    if sums == "no sums":
        (place / "de-en" / "SHA256SUMS").unlink()
    for _ in range(cases):
        engine = chance.choice(["torch", "ctranslate2"])
        path = place / "de-en" / chance.choice(["tokenizer.model", "model.toml", *read[engine]])
        data = path.read_bytes()
        harmed = bytearray(data)
        where = chance.randrange(chance.choice([len(data), min(len(data), 4_000)]))  # what is counted stands at the beginning
        if chance.random() < 0.3:
            harmed = harmed[:where]
        else:
            harmed[where] ^= 1 << chance.randrange(8)
        path.write_bytes(harmed)
        code, out, said = translated(place, f"{command} {engine}")
        if path.name != "model.toml" and sums == "sums":
            assert code == 1 and path.name in said and "damaged" in said, (path, where)
        assert code or out.count(b"\n") == expected[engine].count(b"\n")
        path.write_bytes(data)


def test_bits_that_flip_in_a_tokenizer(transformer_package: Path) -> None:
    """Without sums such a tokenizer may work, but what it says is text."""
    data, chance, refused = (transformer_package / "tokenizer.model").read_bytes(), random.Random(1), set()
    for _ in range(300):
        harmed = bytearray(data)
        harmed[chance.randrange(len(data))] ^= 1 << chance.randrange(8)
        try:
            tokenizer = load_tokenizer(bytes(harmed), first_pieces(bytes(harmed), 300))
            ids = tokenizer.encode(["Guten Morgen, Zoë: 漢字 \U0001f600"], "src")
            assert tokenizer.vocabulary("src") and tokenizer.decode(ids, "src") and tokenizer.never_generated()
        except PackageError as error:
            refused.add(type(error.__cause__))
    assert UnicodeDecodeError in refused


def header(claimed: dict[str, object], size: int | None = None) -> bytes:
    """The beginning of a safetensors file that claims these tensors."""
    text = json.dumps(claimed).encode()
    return struct.pack("<Q", len(text) if size is None else size) + text


def with_weights(change: Callable[[dict[str, torch.Tensor]], object]) -> Harm:
    def harm(package: Path) -> None:
        weights = load((package / "weights.safetensors").read_bytes())
        change(weights)
        (package / "weights.safetensors").write_bytes(save(weights))

    return harm


def writing(name: str, data: bytes) -> Harm:
    return lambda package: (package / name).write_bytes(data)


def appending(name: str, data: bytes) -> Harm:
    def harm(package: Path) -> None:
        with (package / name).open("ab") as file:
            file.write(data)

    return harm


def replacing(name: str, old: bytes, new: bytes) -> Harm:
    def harm(package: Path) -> None:
        data = (package / name).read_bytes()
        assert old in data
        (package / name).write_bytes(data.replace(old, new, 1))

    return harm


def holding(name: str, size: int) -> Harm:
    """A file of so many bytes that takes no room on the disk."""
    return lambda package: os.truncate(package / name, size)


def with_scales(value: float) -> Harm:
    """The weights in 8 bits are those numbers divided by this one."""

    def harm(package: Path) -> None:
        path = package / "ct2" / "model.bin"
        content = bytearray(path.read_bytes())
        for name, found in read_variables(content).items():
            if name.endswith("_scale"):
                found.data[:] = struct.pack("=f", value) * (len(found.data) // 4)
        path.write_bytes(content)

    return harm


def with_type(dtype: torch.dtype) -> Harm:
    return with_weights(lambda weights: weights.update({"encoder_norm.bias": weights["encoder_norm.bias"].to(dtype)}))


def another_tokenizer(package: Path) -> None:
    source, target = head("train.de", 200, package.parent), head("train.en", 200, package.parent)
    mtcli("tokenizer", "train", "-m", package.parent / "x", "--src", source, "--tgt", target, "--vocab-size", "400")
    shutil.copy(package.parent / "x" / "tokenizer.model", package / "tokenizer.model")


class Runs:
    """Creates a file when it is unpickled."""

    def __reduce__(self) -> tuple[Callable[..., int], tuple[str]]:
        return os.system, ("touch ran",)


def variable(name: str, shape: tuple[int, ...], length: int) -> bytes:
    """A variable of CTranslate2 in float32, as far as it comes before its data."""
    dimensions = struct.pack(f"=B{len(shape)}I", len(shape), *shape)
    return struct.pack("=H", len(name) + 1) + name.encode() + b"\0" + dimensions + struct.pack("=BI", 0, length)


def model_bin(*variables: bytes) -> bytes:
    kind = b"TransformerSpec\0"
    return struct.pack("=IH", 6, len(kind)) + kind + struct.pack("=II", 7, len(variables)) + b"".join(variables)


NORM = "encoder/layer_norm/gamma"
HOSTILE: dict[str, tuple[Harm, str, str]] = {  # what is done to a package, for which engine, words of the refusal
    "pickled weights": (writing("weights.safetensors", pickle.dumps(Runs())), "torch", "weights.safetensors damaged"),
    "a pickled tokenizer": (writing("tokenizer.model", pickle.dumps(Runs())), "torch", "tokenizer damaged"),
    "a pickle for CTranslate2": (writing("ct2/model.bin", pickle.dumps(Runs())), "both", "ct2 damaged"),
    "a header of an exabyte": (writing("weights.safetensors", header({}, 1 << 60)), "torch", "weights.safetensors damaged"),
    "tensors of terabytes": (
        writing("weights.safetensors", header({"x": {"dtype": "F32", "shape": [1 << 40], "data_offsets": [0, 1 << 42]}})),
        "torch",
        "weights.safetensors damaged",
    ),
    "a file of terabytes": (holding("weights.safetensors", 1 << 42), "torch", "weights.safetensors has at most"),
    "a tokenizer of zeros": (holding("tokenizer.model", 1 << 27), "both", "tokenizer damaged"),
    "a tokenizer of empty pieces": (writing("tokenizer.model", b"\x0a\x00" * 4_000_000), "both", "tokenizer damaged"),
    "a tokenizer with a field that nobody knows": (appending("tokenizer.model", b"\xd2\x0f\x00"), "both", "tokenizer damaged"),
    "a tokenizer of terabytes": (holding("tokenizer.model", 1 << 42), "torch", "tokenizer.model has at most"),
    "a model.bin of terabytes": (holding("ct2/model.bin", 1 << 42), "both", "model.bin has at most"),
    "a model.toml of terabytes": (holding("model.toml", 1 << 42), "torch", "model.toml has at most"),
    "no number": (with_weights(lambda weights: weights["encoder_norm.bias"].fill_(torch.nan)), "torch", "not numbers"),
    "infinity": (with_weights(lambda weights: weights["encoder_norm.bias"].fill_(torch.inf)), "torch", "not numbers"),
    **{
        f"a tensor of {dtype}": (with_type(dtype), "torch", f"encoder_norm.bias {str(dtype)[6:]}, not float32")
        for dtype in (torch.bool, torch.uint8, torch.int64, torch.complex64, torch.float64, torch.float16)
    },
    "sums of terabytes": (holding("SHA256SUMS", 1 << 42), "both", "SHA256SUMS has at most"),
    "a card of terabytes": (holding("README.md", 1 << 42), "both", "README.md has at most"),
    **{f"a scale of {value}": (with_scales(value), "both", "scale that is not positive") for value in (0.0, -1.0)},
    **{f"a scale of {value}": (with_scales(value), "both", "not numbers") for value in (float("nan"), float("inf"))},
    "a scale that makes large what was small": (with_scales(1e-20), "both", "the model finds nothing damaged"),
    "another shape": (
        with_weights(lambda weights: weights.update({"encoder_norm.bias": torch.zeros(1 << 20)})),
        "torch",
        "encoder_norm.bias shape 1048576",
    ),
    "a tensor too few": (with_weights(lambda weights: weights.pop("encoder_norm.bias")), "torch", "missing encoder_norm.bias"),
    "a tensor too many": (with_weights(lambda weights: weights.update(x=torch.zeros(1))), "torch", "too many"),
    "a tokenizer of another size": (another_tokenizer, "torch", "output_bias has shape (451,), not (400,)"),
    "a tokenizer of another size for CTranslate2": (another_tokenizer, "both", "shape (500, not (400,"),
    "a width beyond any memory": (replacing("model.toml", b"width = 32", b"width = 1000000000"), "torch", "model.width 65536"),
    "the largest width": (
        replacing("model.toml", b"width = 32\nencoder_layers = 1", b"width = 65536\nencoder_layers = 100"),
        "torch",
        "weights.safetensors",
    ),
    "the largest width for CTranslate2": (replacing("model.toml", b"width = 32", b"width = 65536"), "both", "ct2 shape"),
    "layers beyond any patience": (
        replacing("model.toml", b"encoder_layers = 1", b"encoder_layers = 9223372036854775807"),
        "both",
        "encoder_layers 100",
    ),
    "beams beyond any memory": (replacing("model.toml", b"beam_size = 5", b"beam_size = 999999999"), "both", "beam_size 1000"),
    "a number beyond 64 bits": (replacing("model.toml", b"heads = 2", b"heads = 1" + b"0" * 5000), "both", "model.toml"),
    "infinity as a setting": (replacing("model.toml", b"dropout = 0.3", b"dropout = inf"), "both", "model.dropout"),
    "a list as a setting": (replacing("model.toml", b"heads = 2", b"heads = [2]"), "both", "model.heads whole number"),
    "a section as a setting": (replacing("model.toml", b"heads = 2", b"heads = {a = 1}"), "both", "model.heads whole number"),
    "sections without end": (
        replacing("model.toml", b"format = 1", b"format = 1\nx = " + b"[" * 99_000),
        "both",
        "model.toml",
    ),
    "a dotted key without end": (writing("model.toml", b"format = 1\n" + b"a." * 60_000 + b"a = 1"), "both", "model.toml"),
    "a quoted key without end": (writing("model.toml", b"format = 1\n" + b'"a b".' * 99_000 + b"a = 1"), "both", "20 parts"),
    "a number beyond a float": (replacing("model.toml", b"dropout = 0.3", b"dropout = 1" + b"0" * 400), "both", "model.toml"),
    "a format beyond words": (replacing("model.toml", b"format = 1", b"format = 0x" + b"f" * 9_999), "both", "model.toml"),
    "more places than there are": (
        replacing("model.toml", b"max_source_length = ", b"max_source_length = 9"),
        "both",
        "places pieces model.toml",
    ),
    "a variable of gigabytes": (writing("ct2/model.bin", model_bin(variable(NORM, (1 << 30,), 0))), "both", "cut short"),
    "a variable of exabytes": (writing("ct2/model.bin", model_bin(variable(NORM, (1 << 31,) * 9, 4))), "both", "cut short"),
    "a model without variables": (writing("ct2/model.bin", model_bin() + b"\0\0\0\0"), "both", "missing"),
    "nested settings for CTranslate2": (writing("ct2/config.json", b"[" * 1_000_000), "ctranslate2", "config.json"),
    "another start": (replacing("ct2/config.json", b'token": "<s>"', b'token": "</s>"'), "ctranslate2", "config.json token"),
    "another vocabulary": (replacing("ct2/shared_vocabulary.json", b'"<s>"', b'"<S>"'), "ctranslate2", "vocabulary tokenizer"),
}


@pytest.mark.slow
@pytest.mark.parametrize("case", HOSTILE)
def test_what_is_hostile_is_refused(case: str, place: Path) -> None:
    harm, which, words = HOSTILE[case]
    package = place / ("de-en" if which == "torch" else "handed")
    harm(package)
    if "terabytes" not in case:
        sealed(package)
    before = {path: path.stat().st_mtime_ns for path in place.parent.rglob("*") if place.parent != path.parent}
    for engine in ("torch", "ctranslate2") if which == "both" else (which,):
        code, _, said = translated(place, f"translate -m {package.name} --engine {engine}")
        assert code == 1
        assert [word for word in words.split() if word not in said] == [], said
    assert before == {path: path.stat().st_mtime_ns for path in place.parent.rglob("*") if place.parent != path.parent}


NAMES = [
    "model.toml",
    "tokenizer.model",
    "weights.safetensors",
    "ct2/model.bin",
    "README.md",
    "training/state.safetensors",
    "ct2",
]


AWAY = ["/dev/zero", "absolute", "/proc/self/mem"]


@pytest.mark.parametrize("name", [*NAMES, "training", "SHA256SUMS", "report.html"])
@pytest.mark.parametrize("target", ["../../outside/secret", *(pytest.param(target, marks=pytest.mark.slow) for target in AWAY)])
def test_what_leads_out_of_a_package_is_refused(name: str, target: str, place: Path) -> None:
    path, outside = place / "de-en" / name, place.parent / "outside"
    shutil.rmtree(path) if path.is_dir() else path.unlink()
    path.symlink_to(outside / "secret" if target == "absolute" else target)
    train = f"train -m de-en --src {place}/train.de --tgt {place}/train.en --steps 9 {' '.join(TINY)}"
    head("train.de", 300, place), head("train.en", 300, place)
    for command in (
        "translate -m de-en",
        "tokenizer encode -m de-en",
        "models info de-en",
        "export -m de-en --to package new",
        train,
    ):
        code, _, said = translated(place, command)
        assert code == 1 and f"{name}: leads out of the package" in said
    assert contents(outside) == {Path("secret"): b"secret"}
    assert path.is_symlink()


@pytest.mark.parametrize("name", [*NAMES, "SHA256SUMS"])
@pytest.mark.parametrize("make", [os.mkfifo, lambda path: path.symlink_to(path.name)], ids=["pipe", "loop of links"])
def test_what_is_no_file_is_refused(name: str, make: Harm, place: Path) -> None:
    path = place / "de-en" / name
    shutil.rmtree(path) if path.is_dir() else path.unlink()
    make(path)
    code, _, said = translated(place, "translate -m de-en")
    assert code == 1 and f"{name}: is not a f" in said


def test_bad_packages_on_a_shelf_hinder_nobody(place: Path) -> None:
    shelf = place / "models"
    for case in ("a quoted key without end", "a number beyond a float", "a format beyond words", "sums of terabytes"):
        HOSTILE[case][0](Path(shutil.copytree(place / "handed", shelf / case.replace(" ", "-"))))
    for name in ("model.toml", "ct2"):
        package = Path(shutil.copytree(place / "de-en", shelf / f"linked-{name}"))
        shutil.rmtree(package / name) if name == "ct2" else (package / name).unlink()
        (package / name).symlink_to(name)
    (shelf / "nowhere").symlink_to("nowhere")
    (place / "handed").rename(shelf / "whole")
    (shelf / "whole" / "model.toml").write_text((shelf / "whole" / "model.toml").read_text().replace('"de"', '"xx"'))
    code, out, errors = run(place, "models")
    found = {row.split()[0]: row.split()[1] for row in out.decode().splitlines() if " models/" in row}
    assert (code, errors, found.pop("whole"), set(found.values()), len(found)) == (0, [], "xx-en", {"broken"}, 7)
    assert translated(place, "translate --from xx")[0] == 0


def test_weights_beyond_all_bounds_score_nothing(place: Path) -> None:
    with_weights(lambda weights: [weight.mul_(1e30) for weight in weights.values()])(place / "de-en")
    sealed(place / "de-en")
    (place / "target").write_bytes(TEXT)
    for command in ("--engine torch", "--score-target target"):
        assert "its weights are damaged" in translated(place, f"translate -m de-en {command}")[2]


def in_state(name: str, value: object) -> Harm:
    """What training goes on from says this."""

    def harm(package: Path) -> None:
        path = package / "training" / "state.safetensors"
        with safe_open(path, "pt") as file:
            metadata = {key: json.loads(text) for key, text in file.metadata().items()}
        next(part for part in metadata.values() if name in part)[name] = value
        path.write_bytes(save(load(path.read_bytes()), {key: json.dumps(values) for key, values in metadata.items()}))

    return harm


TRAIN = f"train -q -m de-en --src train.de --tgt train.en --set training.validations=2 {' '.join(TINY)} --steps"


def test_what_is_no_record_is_left_out_of_the_report(place: Path) -> None:
    head("train.de", 300, place), head("train.en", 300, place)
    log = place / "de-en" / "training" / "metrics.jsonl"
    hostile = ['[[[{"', "[" * 99_999, "[1]", "{}", '{"validation": 1}', '{"step": 1, "loss": "x"}', "", "\ufffd"]
    log.write_text("".join(f"{line}\n" for line in hostile) + log.read_text())
    in_state("log_bytes", 1 << 20)(place / "de-en")
    (place / "de-en" / "training" / "dev.hyp").write_text("one\n")
    (place / "de-en" / "report.html").unlink()
    assert translated(place, f"{TRAIN} 3")[0] == 0
    assert "<svg" in (place / "de-en" / "report.html").read_text()


STATES = {  # where in the state, and what stands there
    "step": "x",
    "position": -1,
    "micro_batches": 0,
    "seconds": [],
    "validated_at": "x",
    "log_bytes": "x",
    "best": {"dev_bleu": "x"},
    "stale": float("inf"),
    "highest_bleu": "x",
}


@pytest.mark.parametrize("name", STATES)
def test_a_state_that_is_none_is_refused(name: str, place: Path) -> None:
    head("train.de", 300, place), head("train.en", 300, place)
    in_state(name, STATES[name])(place / "de-en")
    code, _, said = translated(place, f"{TRAIN} 9")
    assert code == 1 and "state.safetensors: cannot be resumed from" in said and "--fresh" in said


def test_a_state_of_terabytes_is_refused(place: Path) -> None:
    head("train.de", 300, place), head("train.en", 300, place)
    holding("training/state.safetensors", 1 << 42)(place / "de-en")
    code, _, said = translated(place, f"{TRAIN} 9")
    assert code == 1 and "larger than the state of such a model" in said and "--fresh" in said


def test_a_package_may_be_a_link_and_hold_links_within(place: Path) -> None:
    before = translated(place, "translate -m de-en")
    (place / "link").symlink_to("de-en")
    (place / "de-en" / "w").write_bytes((place / "de-en" / "weights.safetensors").read_bytes())
    (place / "de-en" / "weights.safetensors").unlink()
    (place / "de-en" / "weights.safetensors").symlink_to("w")
    assert translated(place, "translate -m link") == before
    assert before[0] == 0


@pytest.mark.slow
def test_damage_is_told_from_difference(transformer_package: Path, place: Path) -> None:
    """What was changed on purpose can be used again; the sums are in the form of sha256sum."""
    sums = place / "de-en" / "SHA256SUMS"
    text = sums.read_text()
    for line in text.splitlines():
        digest, name = line.split("  ")
        assert hashlib.sha256((place / "de-en" / name).read_bytes()).hexdigest() == digest
    assert {"tokenizer.model", "weights.safetensors", "ct2/model.bin"} <= {line.split()[1] for line in text.splitlines()}
    with_weights(lambda weights: weights["encoder_norm.bias"].add_(0.1))(place / "de-en")
    code, _, said = translated(place, "translate -m de-en --engine torch")
    assert code == 1 and "damaged" in said and "remove SHA256SUMS" in said
    sums.unlink()
    assert translated(place, "translate -m de-en --engine torch")[0] == 0
    assert open_package(str(place / "de-en"))


def test_what_a_package_says_cannot_steer_a_terminal(place: Path) -> None:
    toml = (place / "de-en" / "model.toml").read_text()
    licence = toml.replace('licence = ""', 'licence = "\\u001b[2J\\u001b]0;title\\u0007\\nü\\u202e"')
    (place / "models").mkdir()
    (place / "de-en").rename(place / "models" / "a\x1b[31m\nb")
    (place / "models" / "a\x1b[31m\nb" / "model.toml").write_text(licence)
    code, out, errors = run(place, "models")
    assert (code, errors) == (0, []) and b"\x1b" not in out and b"\x07" not in out
    [line] = [line for line in out.decode().splitlines() if "title" in line]
    assert line.startswith(r"a\x1b[31m b ") and r"\x1b[2J\x1b]0;title\x07 ü\u202e" in line
    (place / "handed" / "model.toml").write_text('format = 1\n"\\u001b[31m" = 1\n')
    _, _, said = translated(place, "translate -m handed")
    assert r"unknown key \x1b[31m" in said and "\x1b" not in said
