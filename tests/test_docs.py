"""The commands in the documents work: each ```console block is run as it stands, only with a smaller model.

Lines that begin with `$ ` are commands, the others show output. `<!-- not run -->` before a block leaves it out, which no
`mtcli` command may be. Blocks of ```python are run in their place among the commands.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from conftest import TINY, command_in, head

ROOT = Path(__file__).parents[1]
DOCUMENTS = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
BLOCK = re.compile(
    r"(?P<skip><!-- not run -->\s*)?^(?P<indent> *)```(?P<kind>\w*)\n(?P<text>.*?)^ *```$", re.DOTALL | re.MULTILINE
)
SMALL = " ".join(["--steps 3 --set training.validations=1", *(f"--set {value}" for value in TINY if value.startswith("model."))])

CHECKED = """
check() {
    code=$?  # 141: `| head` has seen enough
    [ $code = 141 ] || { echo "exit $code of: $BASH_COMMAND" >&2; exit $code; }
}
set -E -o pipefail
trap check ERR
"""


def console_commands(text: str) -> list[str]:
    """The commands of a block, each with the lines that a backslash continues it on."""
    commands = re.findall(r"^\s*\$ ((?:.*\\\n)*.*)$", text, re.MULTILINE)
    return [re.sub(r"\\\n\s*(?:> )?", "", command) for command in commands]


def commands_of(document: str) -> list[str]:
    """What a document has its reader run, in order."""
    found = []
    for block in BLOCK.finditer(document):
        if block["kind"] == "console" and not block["skip"]:
            found += console_commands(block["text"])
        elif block["kind"] == "python" and not block["skip"]:
            found.append(f"python <<'END'\n{block['text']}END")
        else:
            assert not re.search(r"^\s*(?:\$ )?mtcli ", block["text"], re.MULTILINE), f"never run: {block['text']}"
    return found


def made_small(command: str) -> str:
    """The command with a small model and three updates in place of its own budget; its other settings win."""
    if "mtcli train" not in command:
        return command
    return re.sub(r"\bmtcli train\b", f"mtcli train {SMALL}", re.sub(r" --(?:time|steps|epochs)[ =]\S+", "", command))


def test_commands_are_found_and_none_can_hide() -> None:
    document = "a\n```console\n$ mtcli x \\\n    --y\nmtcli z\n$ b | mtcli c\n```\n<!-- not run -->\n```console\n$ pip d\n```\n"
    python = "1. item\n\n   ```console\n   $ e\n   ```\n```python\nprint(1)\n```\n"
    assert commands_of(document + python) == ["mtcli x --y", "b | mtcli c", "e", "python <<'END'\nprint(1)\nEND"]
    assert made_small("mtcli train -m x --time 7m -q") == f"mtcli train {SMALL} -m x -q"
    assert made_small("mtcli tokenizer train -m x") == "mtcli tokenizer train -m x"
    for hidden in ("```sh\nmtcli x\n```\n", "<!-- not run -->\n```console\n$ mtcli x\n```\n", "```\n$ mtcli x\n```\n"):
        with pytest.raises(AssertionError, match="never run"):
            commands_of(hidden)


def test_the_readme_shows_the_three_main_commands() -> None:
    commands = "\n".join(commands_of(DOCUMENTS[0].read_text("utf-8")))
    assert all(f"mtcli {command}" in commands for command in ("train", "translate", "score"))


@pytest.mark.slow
@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_the_commands_of_a_document_work(document: Path, tmp_path: Path) -> None:
    for name, lines in (("train", 300), ("dev", 20), ("test", 20)):
        head(f"{name}.de", lines, tmp_path)
        head(f"{name}.en", lines, tmp_path)
    script = "\n".join([CHECKED, *map(made_small, commands_of(document.read_text("utf-8")))])
    env = {key: value for key, value in os.environ.items() if not key.startswith("MTCLI")}
    (tmp_path / "bin").mkdir()
    places = [command_in(tmp_path / "bin"), Path(sys.executable).parent, env["PATH"]]
    env |= {"PATH": ":".join(map(str, places)), "OMP_NUM_THREADS": "1", "XDG_DATA_HOME": str(tmp_path)}
    done = subprocess.run(["bash", "-c", script], cwd=tmp_path, env=env, capture_output=True, text=True, stdin=subprocess.DEVNULL)
    assert done.returncode == 0, done.stderr[-2000:]
