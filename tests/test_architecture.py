"""The layers: a module imports only from the rows above its own, and heavy libraries only where they belong."""

from __future__ import annotations

import ast
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
ROWS = [
    [
        "errors",
        "config",
        "vocab",
        "hypothesis",
        "lines",
        "tags",
        "degenerate",
        "sentences",
        "treatment",
        "words",
        "workers",
        "heap",
    ],
    ["tokenizer", "data", "model", "scoring", "testsets", "ct2", "checksums", "cache", "files", "identify", "marks", "presets"],
    [
        *("analysis", "judges", "page", "tables", "sampling", "noise", "store", "fetching"),
        *("quantized", "search", "training", "alignment", "glossary", "markdown"),
    ],
    ["epochs", "corpora", "package", "card", "details", "report", "engines", "markup", "parts"],
    ["translator", "pieces", "export", "archive", "languages"],
    ["settings", "run", "pipe", "evaluation", "cleaning", "holding", "survey"],
    ["trainer", "assess", "survey_report", "growing"],
    ["findings"],
    ["cli"],
]
ROW_OF = {name: row for row, names in enumerate(ROWS) for name in names}
PACKAGES = {"data", "model", "training", "search", "engines", "cli"}

TORCH = {"data.batches", "epochs", "quantized", "model", "training", "search", "engines.torch_engine", "run", "trainer"}
AT_MODULE_LEVEL = {
    "torch": TORCH,
    "safetensors": {"training.checkpoint"},
    "sentencepiece": {"tokenizer"},
    "sacrebleu": {"scoring", "testsets", "analysis", "judges", "assess"},
    "numpy": {"data", "store", "corpora", "epochs", "sampling", "trainer"},
    "typer": {"cli"},
}
"""Where each library may be imported when a module is loaded; all others only inside functions."""


def name_of(path: Path) -> str:
    """`model.rnn` for mtcli/model/rnn.py, `model` for mtcli/model/__init__.py."""
    parts = path.relative_to(ROOT / "mtcli").with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


TREES = {name_of(path): ast.parse(path.read_text("utf-8")) for path in sorted((ROOT / "mtcli").rglob("*.py"))}
MODULES = [name for name in TREES if name not in ("", "__main__")]


def imported(node: ast.AST) -> list[str]:
    """Full names of the modules that one import statement asks for; `from mtcli.cli import train` is mtcli.cli.train."""
    if isinstance(node, ast.Import):
        return [alias.name for alias in node.names]
    if isinstance(node, ast.ImportFrom):
        assert not node.level, "relative imports hide which row is meant"
        module = node.module or ""
        inside = [f"{module}.{alias.name}" for alias in node.names if f"{module}.{alias.name}".removeprefix("mtcli.") in TREES]
        return inside or [module]
    return []


def own_imports(module: str) -> set[str]:
    """Modules of mtcli that `module` imports anywhere, without the leading `mtcli.`."""
    names = (name for node in ast.walk(TREES[module]) for name in imported(node))
    return {name.removeprefix("mtcli").removeprefix(".") for name in names if name.split(".")[0] == "mtcli"}


def loaded_statements(tree: ast.AST) -> Iterator[ast.AST]:
    """Statements that run when the module is loaded: neither those of functions nor those for type checkers."""
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
            continue
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test):
            continue
        yield node
        yield from loaded_statements(node)


def top(module: str) -> str:
    return module.partition(".")[0]


def lies_in(module: str, places: set[str]) -> bool:
    return any(module == place or module.startswith(f"{place}.") for place in places)


def test_every_module_has_a_row_and_every_row_its_modules() -> None:
    assert {top(module) for module in MODULES} == set(ROW_OF)


@pytest.mark.parametrize("module", MODULES)
def test_a_module_imports_only_from_rows_above(module: str) -> None:
    row = ROW_OF[top(module)]
    for name in own_imports(module):
        if name == "":
            assert top(module) in ("cli", "run"), "only the command line and reports ask for the version"
        elif top(name) == top(module):
            assert top(module) in PACKAGES
        elif row == 0:
            assert name == "errors", "errors may be raised everywhere"
        else:
            assert ROW_OF[top(name)] < row, f"{module} imports {name}"


def test_model_knows_no_text_and_no_files() -> None:
    for module in (module for module in MODULES if top(module) == "model"):
        assert {name for name in own_imports(module) if top(name) != "model"} <= {"config", "vocab"}


def test_search_knows_no_tokenizer_and_no_architecture() -> None:
    for module in (module for module in MODULES if top(module) == "search"):
        assert not own_imports(module) & {"tokenizer", "model.rnn", "model.transformer"}
        assert "isinstance" not in ast.unparse(TREES[module])


def test_scoring_knows_no_torch() -> None:
    assert "torch" not in {top(name) for node in ast.walk(TREES["scoring"]) for name in imported(node)}


def test_nothing_imports_the_command_line() -> None:
    users = {module for module in TREES if any(top(name) == "cli" for name in own_imports(module))}
    assert {module for module in users if top(module) != "cli"} == {"__main__"}


def test_the_package_itself_imports_nothing_when_loaded() -> None:
    assert own_imports("") == {"translator"}
    assert [name for node in loaded_statements(TREES[""]) for name in imported(node)] == ["__future__"]


@pytest.mark.parametrize("module", MODULES)
def test_libraries_are_loaded_only_where_they_belong(module: str) -> None:
    for node in loaded_statements(TREES[module]):
        for name in map(top, imported(node)):
            if name != "mtcli" and name not in sys.stdlib_module_names:
                assert lies_in(module, AT_MODULE_LEVEL.get(name, set())), f"{module} loads {name}"


def test_every_library_is_a_declared_dependency() -> None:
    declared = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]["dependencies"]
    libraries = {text.split(">=")[0].replace("-", "_") for text in declared}
    used = {top(name) for tree in TREES.values() for node in ast.walk(tree) for name in imported(node)}
    assert used - sys.stdlib_module_names - {"mtcli"} == libraries


def test_light_modules_load_without_torch() -> None:
    light = [f"mtcli.{module}" for module in MODULES if not lies_in(module, TORCH)]
    code = f"import sys, {', '.join(light)}; print(*{{'torch', 'safetensors', 'rich'}} & set(sys.modules))"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, check=True, text=True).stdout == "\n"


def test_models_holds_no_python() -> None:
    assert not list((ROOT / "models").rglob("*.py"))
    assert not list((ROOT / "models").rglob("*.pkl"))


def undocumented(node: ast.AST, prefix: str, interfaces: set[str]) -> Iterator[str]:
    """Public functions, classes and methods without a docstring; those of an interface are documented there."""
    for child in ast.iter_child_nodes(node):
        if not isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef) or child.name.startswith("_"):
            continue
        method = isinstance(node, ast.ClassDef)
        if not ast.get_docstring(child) and not (method and child.name in interfaces):
            yield prefix + child.name
        if isinstance(child, ast.ClassDef):
            yield from undocumented(child, f"{prefix}{child.name}.", interfaces)


@pytest.mark.parametrize("module", TREES)
def test_everything_public_is_documented(module: str) -> None:
    tree = TREES[module]
    assert ast.get_docstring(tree), "the module itself"
    interfaces = {
        method.name
        for node in ast.walk(tree)
        if isinstance(node, ast.ClassDef) and "Protocol" in map(ast.unparse, node.bases)
        for method in node.body
        if isinstance(method, ast.FunctionDef) and ast.get_docstring(method)
    }
    assert list(undocumented(tree, "", interfaces)) == []
