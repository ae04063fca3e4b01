"""What several tests share: the real text, the real command, and small packages made with it."""

from __future__ import annotations

import atexit
import contextlib
import fcntl
import functools
import json
import os
import shlex
import socket
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from html.parser import HTMLParser
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from hypothesis import settings

settings.register_profile("mtcli", deadline=None)  # the first call of many a thing takes its time, and machines are busy
settings.load_profile("mtcli")

os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")  # as the command does, before torch is loaded

CACHE = tempfile.TemporaryDirectory(prefix="mtcli-tests-")
os.environ["XDG_CACHE_HOME"] = CACHE.name  # tests find what tests have prepared, and nothing else
for name in [name for name in os.environ if name.startswith("MTCLI")]:
    del os.environ[name]  # those of a developer

DATA = Path(__file__).parent / "data" / "tatoeba"

TINY = [
    *("--set", "model.width=32", "--set", "model.ff_width=64", "--set", "model.hidden=32", "--set", "model.heads=2"),
    *("--set", "model.encoder_layers=1", "--set", "model.decoder_layers=1", "--set", "tokenizer.vocab_size=500"),
]
"""Options of `mtcli train` for a model that learns next to nothing, fast."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """What is slow begins first: at the end no process waits long for another."""
    items.sort(key=lambda item: "slow" not in item.keywords)


def mtcli(
    *args: str | Path, stdin: bytes = b"", code: int = 0, env: dict[str, str] | None = None
) -> subprocess.CompletedProcess[bytes]:
    """Run the command in a process of its own and check its exit code."""
    done = completed([*map(str, args)], stdin, Path.cwd(), {**os.environ, "OMP_NUM_THREADS": "1", **(env or {})})
    assert done.returncode == code, f"exit {done.returncode}: {done.stderr.decode()}"
    return done


LOADING = ("PYTHON", "LC_", "LANG", "SACREBLEU")
"""How names of variables begin that Python and libraries read when they are loaded."""


def _of_loading(env: Mapping[str, str]) -> dict[str, str]:
    return {name: value for name, value in env.items() if name.startswith(LOADING)}


AT_START = _of_loading(os.environ)


def completed(args: list[str], stdin: bytes, folder: Path, env: dict[str, str]) -> subprocess.CompletedProcess[bytes]:
    """What the command did, whose output goes to files.

    If nothing stands against it, it is forked from one that has loaded all that mtcli may need: loading torch anew takes longer
    than most tests.
    """
    if _of_loading(env) != AT_START:
        return subprocess.run([sys.executable, "-m", "mtcli", *args], cwd=folder, env=env, input=stdin, capture_output=True)
    feed, receive = os.pipe()[::-1]
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
        feeder = threading.Thread(target=_feed, args=(feed, stdin), daemon=True)
        feeder.start()
        try:
            code = forked(args, folder, env, (receive, out.fileno(), err.fileno()))
        finally:
            os.close(receive)
        feeder.join()
        out.seek(0)
        err.seek(0)
        return subprocess.CompletedProcess(args, code, out.read(), err.read())


def _feed(pipe: int, data: bytes) -> None:
    with contextlib.suppress(BrokenPipeError), open(pipe, "wb") as file:
        file.write(data)


SERVER = """
import atexit, json, os, select, signal, socket, sys
import mtcli.pieces, mtcli.pipe, mtcli.scoring, mtcli.trainer
from mtcli.cli import commands, main
commands([])  # loads them
listening = socket.socket(fileno=int(sys.argv[1]))
signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # nobody waits for those that wait
while sys.stdin not in select.select([listening, sys.stdin], [], [])[0]:  # that is closed when nobody can ask any more
    asking, _ = listening.accept()
    request, streams, _, _ = socket.recv_fds(asking, 1 << 20, 4)
    if not os.fork():
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        child = os.fork()
        if child:
            os.write(streams[3], str(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])).encode())
            os._exit(0)
        arguments, folder, env = json.loads(request)
        for number, stream in enumerate(streams[:3]):
            os.dup2(stream, number)
        os.closerange(3, 100)
        sys.stdin, sys.stdout, sys.stderr = open(0, "r"), open(1, "w"), open(2, "w", 1, errors="backslashreplace")
        os.chdir(folder)
        os.environ.clear()
        os.environ.update(env)
        sys.argv = ["mtcli", *arguments]
        try:
            main()
        except SystemExit as exit:
            atexit._run_exitfuncs()
            os._exit(exit.code)  # tearing torch down would take longer than the test
    asking.close()
    for stream in streams:
        os.close(stream)
"""

ASK = """
import json, os, socket, sys
answer, tell = os.pipe()
with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as server:
    server.connect({address!r})
    env = dict(os.environ, OMP_NUM_THREADS="1")
    socket.send_fds(server, [json.dumps([sys.argv[1:], os.getcwd(), env]).encode()], [0, 1, 2, tell])
os.close(tell)
code = int(os.read(answer, 9))
if code < 0:
    os.kill(os.getpid(), -code)
sys.exit(code)
"""
"""What stands in for the command in a shell."""


@functools.cache
def _server() -> str:
    """The address of what takes requests, for as long as this process lives."""
    folder = tempfile.TemporaryDirectory(prefix="mtcli-server-")
    address = f"{folder.name}/socket"
    with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as listening:
        listening.bind(address)
        listening.listen(64)
        command = [sys.executable, "-c", SERVER, str(listening.fileno())]
        env = {**os.environ, "OMP_NUM_THREADS": "1"}
        process = subprocess.Popen(command, stdin=subprocess.PIPE, pass_fds=[listening.fileno()], env=env)
    atexit.register(folder.cleanup)
    atexit.register(process.communicate)
    return address


def forked(args: list[str], folder: Path, env: dict[str, str], streams: tuple[int, int, int]) -> int:
    """Exit code of the command with these streams, which runs in `folder`."""
    answer, tell = os.pipe()
    with open(answer, "rb") as answered, socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as server:
        try:
            server.connect(_server())
            request = json.dumps([args, str(folder), {**env, "OMP_NUM_THREADS": "1"}]).encode()
            socket.send_fds(server, [request], [*streams, tell])
        finally:
            os.close(tell)
        return int(answered.read())


def command_in(folder: Path) -> Path:
    """The folder, with a program `mtcli` in it that is such a forked command."""
    program = folder / "mtcli"
    program.write_text(f"#!{sys.executable} -SE\n{ASK.format(address=_server())}")
    program.chmod(0o755)
    return folder


def assert_lines(out: bytes, count: int) -> list[str]:
    """The lines of an output that must have `count` of them, each ended by LF, without LF, CR, TAB or NUL inside."""
    assert out.endswith(b"\n")
    found = out.decode("utf-8").removesuffix("\n").split("\n")
    assert len(found) == count
    assert not any(set(line) & set("\r\t\0") for line in found)
    return found


def head(name: str, lines: int, folder: Path) -> Path:
    """The first lines of one of the Tatoeba files, as a file in `folder`."""
    path = folder / name
    path.write_bytes(b"".join((DATA / name).read_bytes().splitlines(keepends=True)[:lines]))
    return path


def train_tiny(folder: Path, *args: str) -> Path:
    """A package trained for a few updates on 300 pairs; its translations are nonsense, but real output of a real model."""
    src, tgt = head("train.de", 300, folder.parent), head("train.en", 300, folder.parent)
    mtcli("train", "-m", folder, "--src", src, "--tgt", tgt, "--steps", "3", "--set", "training.validations=1", *TINY, *args)
    return folder


def once(factory: pytest.TempPathFactory, name: str, make: Callable[[Path], object]) -> Path:
    """The package that `make` leaves in the folder it is given; made once for all workers of pytest, which must not change it."""
    base = factory.getbasetemp()
    folder = (base.parent if "PYTEST_XDIST_WORKER" in os.environ else base) / name
    folder.mkdir(exist_ok=True)
    with (folder / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (folder / "made").exists():
            make(folder / "de-en")
            (folder / "made").touch()
    return folder / "de-en"


@pytest.fixture(scope="session")
def transformer_package(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return once(tmp_path_factory, "transformer", lambda folder: train_tiny(folder, "--set", "training.validations=2"))


@pytest.fixture(scope="session")
def rnn_package(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return once(tmp_path_factory, "rnn", lambda folder: train_tiny(folder, "--arch", "rnn"))


@pytest.fixture(scope="session")
def handed(transformer_package: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A package to hand on, whose only weights are those for CTranslate2."""
    return once(tmp_path_factory, "handed", lambda folder: mtcli("export", "-m", transformer_package, "--to", "package", folder))


def run(place: Path, command: str, stdin: bytes = b"", stdout: str = "") -> tuple[int, bytes, list[str]]:
    """Exit code, standard output, and the lines of standard error of a command that runs in `place`, as for a new user."""
    env = {name: value for name, value in os.environ.items() if not name.startswith("MTCLI")}
    names = [place.with_name(name) for name in ("stdin", "stdout", "stderr")]
    for name, content in zip(names, (stdin, b"", b""), strict=True):
        name.write_bytes(content)
    with open(names[0], "rb") as given, open(stdout or names[1], "r+b") as out, open(names[2], "r+b") as err:
        streams = given.fileno(), out.fileno(), err.fileno()
        code = forked(shlex.split(command), place, {**env, "XDG_DATA_HOME": str(place.parent / "data_home")}, streams)
    return code, b"" if stdout else names[1].read_bytes(), names[2].read_text().splitlines()


def contents(folder: Path) -> dict[Path, bytes]:
    """All files below the folder."""
    return {path.relative_to(folder): path.read_bytes() if path.is_file() else b"" for path in folder.rglob("*")}


@pytest.fixture(scope="module")
def hyp(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The reference with words dropped, swapped and put in upper case, so that every metric has something to find."""
    lines = []
    for number, line in enumerate((DATA / "test.en").read_text("utf-8").splitlines()):
        words = line.split()
        match number % 5:
            case 0:
                words = words[1:]
            case 1:
                words = [*words[2:], *words[:2]]
            case 2:
                words[-1] = words[-1].upper()
            case 3:
                words += words[:2]
        lines.append(" ".join(words))
    path = tmp_path_factory.mktemp("scoring") / "hyp.en"
    path.write_text("\n".join(lines) + "\n", "utf-8")
    return path


VOID = {"meta", "br"}


class Page(HTMLParser):
    """Tags that open and close in turn, all of their attributes, and the text between them."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.seen: list[str] = []
        self.attributes: list[tuple[str, str | None]] = []
        self.text = ""
        self.feed(text)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.append(tag)
        self.attributes += attrs
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.append(tag)
        self.attributes += attrs

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text += data


@pytest.fixture
def web(tmp_path: Path) -> Iterator[tuple[str, Path]]:
    """A server on this machine, and the folder that it serves."""
    folder = tmp_path / "web"
    folder.mkdir()

    class Silent(SimpleHTTPRequestHandler):
        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Silent, directory=str(folder)))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}", folder
    server.shutdown()
    server.server_close()
