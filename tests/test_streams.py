"""Streams as shells make them: terminals, slow writers, readers that go away, files that are both ends, and files without end."""

from __future__ import annotations

import gzip
import os
import pty
import random
import re
import select
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from conftest import DATA, TINY, assert_lines, head, mtcli

from mtcli import lines
from mtcli.errors import DataError
from mtcli.lines import LineReader

MTCLI = f"{sys.executable} -m mtcli"
ENV = {**os.environ, "OMP_NUM_THREADS": "1"}
UNBUFFERED = {name: value for name, value in ENV.items() if name != "PYTHONUNBUFFERED"}


def shell(script: str, folder: Path, code: int = 0) -> subprocess.CompletedProcess[str]:
    """Run a line of bash in `folder`, where `mtcli` is the command and `de-en` the package."""
    text = f'mtcli() {{ {MTCLI} "$@"; }}; set -o pipefail; {script}'
    done = subprocess.run(["bash", "-c", text], cwd=folder, capture_output=True, text=True, env=ENV, timeout=120)
    assert done.returncode == code, done.stderr
    return done


@pytest.fixture
def place(transformer_package: Path, tmp_path: Path) -> Path:
    shutil.copytree(transformer_package, tmp_path / "de-en", ignore=shutil.ignore_patterns("training"))
    return tmp_path


def answer(stream: int, count: int) -> bytes:
    """What comes until it has so many lines."""
    found = b""
    while found.count(b"\n") < count:
        assert select.select([stream], [], [], 60)[0], f"no answer while the input is open, but {found!r}"
        found += os.read(stream, 1 << 16)
    return found


def test_a_person_at_a_terminal_is_answered_line_by_line(place: Path) -> None:
    controller, terminal = pty.openpty()
    command = [*MTCLI.split(), "translate", "-m", "de-en"]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, stdin=terminal, stdout=pipe, stderr=pipe, cwd=place, env=ENV) as process:
        assert process.stdout and process.stderr
        assert b"reading from the terminal; Ctrl-D ends the text" in process.stderr.readline()
        for typed in (b"Guten Morgen!\n", b"\n", b"Wie geht es dir?\n"):
            os.write(controller, typed)
            assert_lines(answer(process.stdout.fileno(), 1), 1)
        os.write(controller, b"\x04")
        assert process.wait(timeout=60) == 0
        assert process.stdout.read() == b""
    os.close(controller)
    os.close(terminal)


def test_a_file_that_grows_is_followed(place: Path) -> None:
    (place / "log").write_bytes(b"Guten Morgen!\n")
    with (
        subprocess.Popen(["tail", "-n", "+1", "-f", "log"], stdout=subprocess.PIPE, cwd=place) as tail,
        subprocess.Popen(
            [*MTCLI.split(), "translate", "-m", "de-en"], stdin=tail.stdout, stdout=subprocess.PIPE, cwd=place, env=ENV
        ) as process,
    ):
        assert process.stdout
        assert_lines(answer(process.stdout.fileno(), 1), 1)
        with (place / "log").open("ab") as file:
            file.write(b"Noch ein Satz.\nUnd noch einer.\n")
        assert_lines(answer(process.stdout.fileno(), 2), 2)
        tail.kill()
        assert process.wait(timeout=60) == 0


@pytest.mark.parametrize("command", ["translate -m de-en --beam-size 1", "tokenizer encode -m de-en"])
def test_half_a_line_and_half_a_letter_wait_for_the_rest(command: str, place: Path) -> None:
    whole = "Für dich, schöne Müllerin 👍🏽\n".encode() * 2
    expected = mtcli(*command.replace("de-en", str(place / "de-en")).split(), stdin=whole).stdout
    arguments = [*MTCLI.split(), *command.split()]
    pipe = subprocess.PIPE
    with subprocess.Popen(arguments, stdin=pipe, stdout=pipe, stderr=pipe, bufsize=0, cwd=place, env=ENV) as process:
        assert process.stdin and process.stdout and process.stderr
        for i in range(0, len(whole), 3):
            process.stdin.write(whole[i : i + 3])
            time.sleep(0.01)
        process.stdin.close()
        assert process.stdout.read() == expected
        assert b"invalid UTF-8" not in process.stderr.read()
        assert process.wait(timeout=60) == 0


@pytest.mark.slow
@pytest.mark.parametrize(
    "command", ["translate -m de-en --beam-size 1", "tokenizer encode -m de-en", "tokenizer decode -m de-en"]
)
def test_text_without_end_is_cut_by_its_reader(command: str, place: Path) -> None:
    done = shell(f"yes 'Ja, ja.' | mtcli {command} | head -3; echo ${{PIPESTATUS[*]}}", place)
    *found, codes = done.stdout.splitlines()
    assert len(found) == 3 and len(set(found)) == 1
    assert codes == "141 141 0"
    assert done.stderr == ""


def test_a_line_without_end_is_refused(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lines, "LONGEST", 1 << 20)
    (place / "bomb.gz").write_bytes(gzip.compress(b"Eins.\nZwei.\n" + b"\0" * (8 << 20)))
    with pytest.raises(DataError, match=r"bomb\.gz, line 3: is longer than 1 MB: this is no text"):
        list(LineReader(place / "bomb.gz"))
    (place / "long").write_bytes(b"a" * (1 << 20) + b"\n" + b"b" * (1 << 20))
    assert list(map(len, LineReader(place / "long"))) == [1 << 20, 1 << 20]


@pytest.mark.parametrize(
    "script",
    [
        *("mtcli translate -m de-en text -o text", "mtcli translate -m de-en text -o ./de-en/../text --resume"),
        *("mtcli translate -m de-en < text >> text", "mtcli translate -m de-en text >> text"),
        *("mtcli translate -m de-en text -o link", "mtcli tokenizer encode -m de-en text >> text"),
        "mtcli tokenizer decode -m de-en < text >> text",
        *(
            "mtcli translate -m de-en --prefix text < /dev/null -o text",
            "mtcli translate -m de-en --prefix text /dev/null >> text",
        ),
        "mtcli translate -m de-en --score-target text /dev/null -o link",
        "mtcli translate -m de-en --glossary text /dev/null -o text",
    ],
)
def test_a_text_is_not_written_over_itself(script: str, place: Path) -> None:
    (place / "text").write_bytes(b"Guten Morgen!\n")
    (place / "link").symlink_to("text")
    said = shell(script, place, 1).stderr
    assert "is the very file that is read: write to another" in said and said.count("\n") == 1
    assert (place / "text").read_bytes() == b"Guten Morgen!\n"
    assert sorted(path.name for path in place.iterdir()) == ["de-en", "link", "text"]


@pytest.mark.parametrize("name", ["/dev/stdout", "/dev/fd/1", "/proc/self/fd/1", "out"])
def test_another_name_of_standard_output_is_that(name: str, place: Path) -> None:
    """Root could put a file in the place of a device."""
    shell(f"echo Ja. | mtcli translate -m de-en -o {name} > out", place)
    assert_lines((place / "out").read_bytes(), 1)
    assert Path("/dev/stdout").is_symlink()


def test_a_link_stays_one_and_a_file_that_is_replaced_keeps_its_mode(place: Path) -> None:
    (place / "out").touch(0o600)
    (place / "link").symlink_to("out")
    (place / "new").symlink_to("made")
    for name in ("link", "new", "de-en/test.hyp"):
        shell(f"echo Ja. | mtcli translate -m de-en -o {name}", place)
    assert (place / "link").is_symlink() and (place / "new").is_symlink()
    assert_lines((place / "out").read_bytes(), 1)
    assert_lines((place / "made").read_bytes(), 1)
    assert_lines((place / "de-en" / "test.hyp").read_bytes(), 1)  # beside the files of the package, as `make demo` has it
    assert (place / "out").stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize(
    "command",
    [
        *("--help", "--version", "translate --help", "models", "data rules", "translate -m de-en text"),
        *("score text -i text", "data clean --src text --tgt other --out-src - --out-tgt kept"),
    ],
)
def test_a_command_whose_reader_is_gone_ends_by_sigpipe_and_leaves_nothing(command: str, place: Path) -> None:
    for name, original in (("text", "dev.de"), ("other", "dev.en")):
        head(original, 100, place).rename(place / name)
    script = f"{{ cat > /dev/null < gone; mtcli {command}; echo $? >&2; }} | {{ exec <&-; : > gone; }}"
    os.mkfifo(place / "gone")
    said = subprocess.run(
        ["bash", "-c", f'mtcli() {{ {MTCLI} "$@"; }}; {script}'], cwd=place, env=UNBUFFERED, capture_output=True, timeout=120
    ).stderr
    assert said.splitlines()[-1] == b"141", said
    assert {path.name for path in place.iterdir()} == {"de-en", "text", "other", "gone"}


@pytest.mark.parametrize("number", [signal.SIGHUP, signal.SIGTERM, signal.SIGQUIT])
def test_a_terminal_that_closes_leaves_nothing_half_written(number: signal.Signals, place: Path) -> None:
    command = [*MTCLI.split(), "translate", "-m", "de-en", "-o", "out"]
    with subprocess.Popen(command, cwd=place, env=ENV, stdin=subprocess.PIPE) as process:
        while not list(place.glob(".out.*.tmp")):
            assert process.poll() is None
        process.send_signal(number)
        assert process.wait(timeout=20) == 128 + number
    assert [path.name for path in place.iterdir()] == ["de-en"]


def test_one_terminal_or_device_may_be_both_ends(place: Path) -> None:
    assert shell("mtcli translate -m de-en < /dev/null > /dev/null", place).stderr == ""


def test_named_pipes_are_read_and_written(place: Path) -> None:
    os.mkfifo(place / "in")
    os.mkfifo(place / "out")
    script = "mtcli translate -m de-en in -o out & (echo Eins; echo Zwei) > in & cat out; wait"
    assert_lines(shell(script, place).stdout.encode(), 2)
    assert sorted(path.name for path in place.iterdir()) == ["de-en", "in", "out"]


@pytest.mark.slow
def test_packed_text_that_is_cut_short_is_told_and_leaves_no_file(place: Path) -> None:
    (place / "text.gz").write_bytes(gzip.compress((DATA / "test.de").read_bytes())[:-200])
    said = shell("mtcli translate -m de-en text.gz -o out", place, 1).stderr
    assert "text.gz: damaged gzip file" in said and said.count("\n") == 1
    assert sorted(path.name for path in place.iterdir()) == ["de-en", "text.gz"]
    done = shell("mtcli translate -m de-en text.gz", place, 1)
    whole = shell(f"mtcli translate -m de-en {DATA / 'test.de'}", place).stdout
    assert whole.startswith(done.stdout) and "damaged" in done.stderr


def resident(process: int) -> int:
    """Kilobytes of memory of a process."""
    found = re.search(r"VmRSS:\s+(\d+)", Path(f"/proc/{process}/status").read_text())
    assert found
    return int(found[1])


@pytest.mark.slow
@pytest.mark.parametrize("engine", ["ctranslate2", "torch"])
def test_memory_stays_flat_and_order_is_kept(engine: str, place: Path) -> None:
    """The translation of a line is known from the line: each is one of a few, in an order that only counting could give."""
    count, kinds = {"ctranslate2": 60_000, "torch": 20_000}[engine], 7
    texts = ["Ja.", "Guten Morgen!", "Wie geht es dir?", "Tom", "Das ist gut.", "Ich habe ein Haus.", "Nein, nein, nein!"]
    options = [
        "translate",
        "-q",
        "-m",
        place / "de-en",
        "--engine",
        engine,
        "--beam-size",
        "1",
        "--max-length-ratio",
        "0.1",
        "--threads",
        "1",
    ]
    expected = mtcli(*options, stdin="\n".join(texts).encode()).stdout.splitlines()
    assert len(set(expected)) >= 3
    order = [i * i * 31 % 1009 % kinds for i in range(1009)]
    block = "".join(f"{texts[i]}\n" for i in order).encode()
    feed = f"import sys; [sys.stdout.buffer.write({block!r}) for _ in range({count // 1009})]"
    sizes = []
    with (
        subprocess.Popen([sys.executable, "-c", feed], stdout=subprocess.PIPE) as feeder,
        subprocess.Popen([*MTCLI.split(), *map(str, options)], stdin=feeder.stdout, stdout=subprocess.PIPE, env=ENV) as process,
    ):
        assert process.stdout
        for number in range(count // 1009 * 1009):
            assert process.stdout.readline().removesuffix(b"\n") == expected[order[number % 1009]], number
            if number % 2_000 == 1_999:
                sizes.append(resident(process.pid))
        assert process.stdout.read() == b""
        assert process.wait(timeout=60) == 0
    assert max(sizes[len(sizes) // 2 :]) < 1.1 * sizes[len(sizes) // 2 - 1] + 2_000, sizes


COMMANDS = {
    "translate": "translate -m de-en {data}/test.de -o out",
    "score": "score {data}/test.en -i {data}/test.en",
    "tokenizer train": "tokenizer train -m new --src {data}/train.de --tgt {data}/train.en",
    "tokenizer encode": "tokenizer encode -m de-en {data}/train.de",
    "tokenizer decode": "tokenizer decode -m de-en {data}/train.de",
    "models": "models",
    "models info": "models info de-en",
    "models test": "models test de-en --src {data}/dev.de --ref {data}/dev.en --name dev",
    "models note": "models note de-en {data}/dev.en",
    "export": "export -m de-en --to ctranslate2",
    "export package": "export -m de-en --to package out",
    "export archive": "export -m de-en --to package out.zip",
    "import": "import package handed.zip",
    "score details": "score {data}/test.en -i {data}/test.de --details --report out",
    "data stats": "data stats --src {data}/test.de --tgt {data}/test.en --report out",
    "data clean": "data clean --src {data}/test.de --tgt {data}/test.en --out-src out --out-tgt out.en --repair",
    "data rules": "data rules",
    "data split": "data split --src {data}/test.de --tgt {data}/test.en --dev 9 --test 9 -o out",
    "data backtranslate": "data backtranslate -m de-en --tgt {data}/test.de --out-src out",
    "data distill": "data distill -m de-en --src {data}/test.de --out-tgt out --best-of 2 --tgt {data}/test.en",
    "train": "train -m new --src {data}/dev.de --tgt {data}/dev.en --steps 20 " + " ".join(TINY),
}


LOADING = (b"in _get_module_details", b"<frozen site>", b"init_import", b"    import signal\n")
"""Of the traceback of Python itself, when a signal comes before it has begun with mtcli's `main`."""


@pytest.mark.slow
@pytest.mark.parametrize("name", COMMANDS)
def test_a_signal_at_any_time_ends_each_command_without_a_trace(name: str, place: Path) -> None:
    command = [*MTCLI.split(), *COMMANDS[name].format(data=DATA).split()]
    if name == "import":
        mtcli("export", "-m", place / "de-en", "--to", "package", place / "handed.zip")
    began = time.monotonic()
    subprocess.run(command, cwd=place, env=ENV, capture_output=True, check=True)
    duration, chance = time.monotonic() - began, random.Random(name)
    whole = (place / "out").read_bytes() if name == "translate" else b""
    for number in (signal.SIGINT, signal.SIGTERM) * 2:
        for made in {"models", "out", "out.zip"} & {path.name for path in place.iterdir()}:
            shutil.rmtree(place / made) if (place / made).is_dir() else (place / made).unlink()
        pipe = subprocess.PIPE
        with subprocess.Popen(command, cwd=place, env=ENV, stdin=subprocess.DEVNULL, stdout=pipe, stderr=pipe) as process:
            time.sleep(0.02 + chance.random() * duration)
            process.send_signal(number)
            _, said = process.communicate(timeout=60)
        if any(words in said for words in LOADING):
            continue
        assert process.returncode in (0, 128 + number, -number), said.decode()
        assert not any(words in said for words in (b"Traceback", b"Error", b"error:", b"terminate")), said.decode()
        assert not list(place.rglob("*.tmp"))
        assert name != "translate" or not (place / "out").exists() or (place / "out").read_bytes() == whole
    assert mtcli("translate", "-m", place / "de-en", stdin=b"Hallo!\n").stdout.count(b"\n") == 1
