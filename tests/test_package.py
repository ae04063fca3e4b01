"""A model package is found by name, moves as one folder, holds nothing that could run, and is never half written."""

from __future__ import annotations

import os
import pickletools
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from conftest import DATA, TINY, head, mtcli, run
from safetensors import safe_open

from mtcli import Translator
from mtcli.card import model_card
from mtcli.checksums import agrees
from mtcli.errors import DataError, PackageError
from mtcli.evaluation import record_test
from mtcli.lines import open_output, replacing
from mtcli.package import open_package

TEXT = b"".join((DATA / "test.de").read_bytes().splitlines(keepends=True)[:5])


@pytest.fixture(scope="module")
def begun(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A package that holds no more than a tokenizer."""
    folder = tmp_path_factory.mktemp("begun")
    src, tgt = head("train.de", 300, folder), head("train.en", 300, folder)
    mtcli("tokenizer", "train", "-m", folder / "de-en", "--src", src, "--tgt", tgt)
    return folder / "de-en"


@pytest.fixture(params=["transformer_package", pytest.param("rnn_package", marks=pytest.mark.slow)])
def package(request: pytest.FixtureRequest) -> Path:
    return request.getfixturevalue(request.param)


def translation(package: Path, *args: str) -> bytes:
    return mtcli("translate", "-q", "-m", package, *args, stdin=TEXT).stdout


def files(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


def test_a_name_is_looked_up_in_order(begun: Path, tmp_path: Path) -> None:
    own, data = tmp_path / "own", tmp_path / "data"
    env = {"MTCLI_MODELS": str(own), "XDG_DATA_HOME": str(data), "PYTHONPATH": str(Path(__file__).parents[1])}
    shelves = [own, tmp_path / "models", data / "mtcli" / "models"]
    places = [tmp_path / "name", *(shelf / "name" for shelf in shelves)]
    for place in places:
        shutil.copytree(begun, place)
    command = [sys.executable, "-m", "mtcli", "models"]

    def models(*args: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run([*command, *args], cwd=tmp_path, env=env, capture_output=True, text=True)

    rows = [line.split() for line in models().stdout.splitlines()]
    assert rows[0] == ["NAME", "LANGUAGES", "SIZE", "BLEU", "LICENCE", "FOLDER"]
    own_rows = [row for row in rows[1:] if row[0] == "name"]
    assert [(row[1:], (tmp_path / row[-1]).resolve()) for row in own_rows] == [
        (["de-en", "0.0", "MB", "-", "-", row[-1]], place) for row, place in zip(own_rows, places[1:], strict=True)
    ]
    for place in places:
        assert models("info", "name").stdout.splitlines()[0] == f"# {place}"
        shutil.rmtree(place)
    missing = models("info", "name")
    assert missing.returncode == 1
    assert missing.stderr.count("\n") == 1
    assert all(str(shelf.relative_to(tmp_path)) in missing.stderr for shelf in shelves)
    assert all(line.split()[0] != "name" for line in models("list").stdout.splitlines())


def test_a_new_package_goes_to_the_first_shelf_and_a_path_where_it_says(begun: Path, tmp_path: Path) -> None:
    train = ("tokenizer", "train", "--src", begun.parent / "train.de", "--tgt", begun.parent / "train.en", "-q")
    mtcli(*train, "-m", "name", env={"MTCLI_MODELS": str(tmp_path / "own")})
    mtcli(*train, "-m", tmp_path / "x" / "name")
    assert {str(path.relative_to(tmp_path)) for path in tmp_path.rglob("model.toml")} == {
        "own/name/model.toml",
        "x/name/model.toml",
    }


def test_a_broken_package_is_listed_and_does_not_hide_the_others(begun: Path, tmp_path: Path) -> None:
    shutil.copytree(begun, tmp_path / "good")
    for name, toml in [
        ("damaged", b"format = "),
        ("newer", b"format = 999"),
        ("unknown", b"format = 1\nx = 1"),
        ("bytes", b"\xff"),
    ]:
        (tmp_path / name).mkdir()
        (tmp_path / name / "model.toml").write_bytes(toml)
    rows = mtcli("models", env={"MTCLI_MODELS": str(tmp_path)}).stdout.decode().splitlines()[1:]
    listed = {line.split()[0]: line.split()[1] for line in rows if str(tmp_path) in line}
    assert listed == {"good": "de-en", "damaged": "broken", "newer": "broken", "unknown": "broken", "bytes": "broken"}


def test_info_shows_all_of_the_model_file(begun: Path) -> None:
    shown = mtcli("models", "info", begun).stdout
    assert shown == f"# {begun}\n".encode() + (begun / "model.toml").read_bytes()


@pytest.mark.parametrize(
    ("toml", "message"),
    [
        ("format = 2", "has format 2, this mtcli reads up to 1: update mtcli"),
        ("", "does not say its format"),
        ('format = "1"', "does not say its format"),
        ("format = true", "format"),
        ("format = 1\n[model]\nwidht = 4", "did you mean model.width?"),
        ("format = 1\n[decoding]\nbeam_size = 0", "decoding.beam_size must be at least 1"),
        ("nonsense", "cannot be read"),
        ("\0", "cannot be read"),
    ],
)
def test_what_cannot_be_read_is_refused_with_its_path(tmp_path: Path, toml: str, message: str) -> None:
    (tmp_path / "model.toml").write_text(toml)
    with pytest.raises(PackageError) as caught:
        open_package(str(tmp_path))
    assert message in str(caught.value)
    assert str(tmp_path / "model.toml") in str(caught.value)


@pytest.mark.parametrize("notes", ["word " * 600_000, "1." * 30], ids=["large", "like a key"])
def test_notes_that_could_not_be_read_again_are_not_written(notes: str, transformer_package: Path, tmp_path: Path) -> None:
    package = Path(shutil.copytree(transformer_package, tmp_path / "de-en"))
    before = files(package)
    done = mtcli("models", "note", package, stdin=notes.encode(), code=1)
    assert b"model.toml: would not be read again" in done.stderr and files(package) == before


def test_sums_that_cannot_be_read_are_not_none(tmp_path: Path) -> None:
    assert agrees(tmp_path, "x", b"")
    (tmp_path / "SHA256SUMS").mkdir()
    with pytest.raises(PackageError, match="SHA256SUMS: cannot be read"):
        agrees(tmp_path, "x", b"")


def test_the_folder_one_is_in_is_not_replaced(transformer_package: Path, tmp_path: Path) -> None:
    (tmp_path / "place").mkdir()
    texts = " ".join(
        f"--{side} {transformer_package.with_name(name)}" for side, name in (("src", "train.de"), ("tgt", "train.en"))
    )
    for command in (f"export -m {transformer_package} --to package .", f"tokenizer train -m . {texts}", f"train -m . {texts}"):
        code, _, said = run(tmp_path / "place", command)
        assert code == 1 and said[-1].startswith("mtcli: error: .: exists ")
    assert files(tmp_path / "place") == {}


def test_a_package_is_trained_within_its_folder(begun: Path, tmp_path: Path) -> None:
    shutil.copytree(begun, tmp_path / "de-en")
    texts = f"--src {begun.with_name('train.de')} --tgt {begun.with_name('train.en')}"
    assert run(tmp_path / "de-en", f"tokenizer train -q --fresh -m . {texts}") == (0, f"{tmp_path}/de-en\n".encode(), [])
    assert (tmp_path / "de-en.old" / "model.toml").exists() and (tmp_path / "de-en" / "model.toml").exists()


def test_names_that_are_no_text_are_written_as_far_as_they_are(transformer_package: Path, tmp_path: Path) -> None:
    package, archive = (tmp_path / os.fsdecode(name) for name in (b"m\xff", b"p\xff.zip"))
    shutil.copy(transformer_package.with_name("train.de"), tmp_path / os.fsdecode(b"\xff.de"))
    shutil.copy(transformer_package.with_name("train.en"), tmp_path)
    texts = ["--src", tmp_path / os.fsdecode(b"\xff.de"), "--tgt", tmp_path / "train.en"]
    for steps in ("2", "3"):
        mtcli("train", "-q", "-m", package, *texts, "--steps", steps, "--set", "training.validations=1", *TINY)
    mtcli("models", "test", package, *texts[:2], "--ref", texts[3], "--name", os.fsdecode(b"n\xff"))
    card = (package / "README.md").read_text("utf-8")
    assert card.startswith("# m?\n") and "?.de" in card and "| n? |" in card
    assert {"SHA256SUMS", "ct2/model.bin", "report.html"} <= set(files(package))
    mtcli("export", "-m", package, "--to", "package", archive)
    mtcli("import", "package", archive, "-m", tmp_path / "new")
    mtcli("models", "info", package)
    assert translation(tmp_path / "new") == translation(package)


def test_format_1_loads(tmp_path: Path) -> None:
    (tmp_path / "model.toml").write_text("format = 1\n")
    assert open_package(str(tmp_path)).config.format == 1


@pytest.mark.slow
def test_the_python_call_gives_what_the_command_prints(package: Path) -> None:
    translated = Translator.load(str(package)).translate(TEXT.decode().splitlines())
    assert "".join(f"{line}\n" for line in translated).encode() == translation(package)
    greedy = Translator.load(str(package), beam_size=1).translate(TEXT.decode().splitlines())
    assert "".join(f"{line}\n" for line in greedy).encode() == translation(package, "--beam-size", "1")


@pytest.mark.slow
def test_a_copy_elsewhere_without_the_training_folder_translates_alike(package: Path, tmp_path: Path) -> None:
    copy = tmp_path / "another place" / "näme"
    shutil.copytree(package, copy)
    assert (copy / "training").is_dir()
    shutil.rmtree(copy / "training")
    before = files(copy)
    expected = translation(package)
    for path in (copy, *copy.iterdir()):
        path.chmod(0o555 if path.is_dir() else 0o444)
    assert translation(copy) == expected
    assert files(copy) == before
    assert expected.count(b"\n") == 5
    copy.chmod(0o755)


def test_no_file_in_a_package_can_hold_code(package: Path) -> None:
    names = {"README.md", "model.toml", "tokenizer.model", "weights.safetensors", "report.html", "SHA256SUMS"}
    if (package / "ct2").exists():
        names |= {"ct2/model.bin", "ct2/config.json", "ct2/shared_vocabulary.json"}
    training = {"training/metrics.jsonl", "training/dev.hyp", "training/state.safetensors"}
    assert set(files(package)) == names | training
    for name, data in files(package).items():
        assert not (package / name).stat().st_mode & 0o111
        assert not data.startswith((b"PK\x03\x04", *(b"\x80" + bytes([protocol]) for protocol in range(2, 6))))
        with pytest.raises(ValueError):
            list(pickletools.genops(data))
        if name.endswith(".safetensors"):
            with safe_open(package / name, "pt") as tensors:
                assert list(tensors.keys())


def test_the_model_card_gives_scores_with_their_signatures(package: Path) -> None:
    config = open_package(str(package)).config
    card = (package / "README.md").read_text("utf-8")
    scores = config.scores
    with safe_open(package / "weights.safetensors", "np") as tensors:
        parameters = sum(tensors.get_tensor(name).size for name in tensors.keys())  # noqa: SIM118
    assert card == model_card("de-en", config, parameters, open_package(str(package)).tokenizer().sizes)
    for name, value, signature in [
        ("BLEU", scores.dev_bleu, scores.bleu_signature),
        ("chrF2", scores.dev_chrf, scores.chrf_signature),
    ]:
        (line,) = (line for line in card.splitlines() if signature in line)
        assert name in line
        assert f"{value:.2f}" in line
        assert "version:" in signature
    assert f"{config.data.pairs} sentence pairs of train.de and train.en" in card
    assert "from de to en" in card


@pytest.mark.parametrize("name", ["model.toml", "tokenizer.model", "weights.safetensors"])
@pytest.mark.parametrize("harm", ["missing", "empty", "cut"])
def test_a_damaged_package_is_refused_by_name(transformer_package: Path, tmp_path: Path, name: str, harm: str) -> None:
    path = Path(shutil.copytree(transformer_package, tmp_path / "copy")) / name
    match harm:
        case "missing":
            path.unlink()
            shutil.rmtree(path.with_name("ct2"))  # which has weights, too
        case "empty":
            path.write_bytes(b"")
        case "cut":
            path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(PackageError) as caught:
        Translator.load(str(tmp_path / "copy"), engine="torch")
    assert str(tmp_path / "copy") in str(caught.value)


@pytest.mark.parametrize("error", [KeyboardInterrupt, ValueError, SystemExit])
@pytest.mark.parametrize("old", [b"old", None], ids=["replaced", "new"])
def test_a_crash_while_writing_leaves_the_old_file(tmp_path: Path, error: type[BaseException], old: bytes | None) -> None:
    path = tmp_path / "file"
    if old:
        path.write_bytes(old)
    with pytest.raises(error), replacing(path) as temporary:
        temporary.write_bytes(b"half")
        raise error
    with pytest.raises(error), open_output(path) as writer:
        writer.write(["half"])
        raise error
    assert files(tmp_path) == ({"file": old} if old else {})


def test_writing_where_nothing_can_be_written_is_an_error_of_the_user(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="missing"), open_output(tmp_path / "missing" / "file") as writer:
        writer.write(["line"])
    with pytest.raises(DataError, match="full"), open_output("/dev/full") as writer:
        writer.write(["line"])


SAVE_FOR_EVER = """
import itertools, sys
from pathlib import Path
from mtcli.package import write
for i in itertools.count():
    write(Path(sys.argv[1]), str(i % 10).encode() * 4_000_000)
    print("saved", flush=True)
"""


def test_a_kill_while_saving_leaves_a_whole_file(tmp_path: Path) -> None:
    path = tmp_path / "weights.safetensors"
    for attempt in range(8):
        with subprocess.Popen([sys.executable, "-c", SAVE_FOR_EVER, path], stdout=subprocess.PIPE) as process:
            process.stdout.readline()
            time.sleep(attempt * 0.003)
            process.send_signal(signal.SIGKILL)
        data = path.read_bytes()
        assert len(data) == 4_000_000
        assert len(set(data)) == 1


@pytest.mark.slow
def test_a_full_disk_ends_training_and_leaves_the_package_as_it_was(transformer_package: Path, tmp_path: Path) -> None:
    folder = tmp_path / "de-en"
    shutil.copytree(transformer_package, folder)
    texts = [transformer_package.parent / name for name in ("train.de", "train.en")]
    before = {path: path.read_bytes() for path in folder.iterdir() if path.is_file() and path.name != "model.toml"}
    command = [sys.executable, "-m", "mtcli", "train", "-q", "-m", folder, "--src", texts[0], "--tgt", texts[1], "--steps", "6"]
    done = subprocess.run(["bash", "-c", 'ulimit -f 40; exec "$@"', "bash", *map(str, command)], capture_output=True)
    errors = done.stderr.decode().splitlines()
    assert (
        done.returncode == 1 and len(errors) == 1 and errors[0].startswith("mtcli: error: ") and "cannot be written" in errors[0]
    )
    assert before == {path: path.read_bytes() for path in before}
    assert not list(folder.rglob("*.tmp"))
    assert mtcli("translate", "-m", folder, stdin=b"Hallo\n").stdout.count(b"\n") == 1


def test_a_package_that_cannot_be_written_is_told_before_a_test(
    transformer_package: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "access", lambda path, mode: False)
    with pytest.raises(PackageError, match="copy the package to a place of yours"):
        record_test(str(transformer_package), str(DATA / "none"), str(DATA / "none"), "a name")
