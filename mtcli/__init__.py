"""mtcli: machine translation from the command line.

from mtcli import Translator
Translator.load("models/de-en").translate(["Guten Morgen!"])
"""

from __future__ import annotations

TYPE_CHECKING = False  # as type checkers read it; typing itself takes 20 ms, in which Ctrl-C would print a traceback
if TYPE_CHECKING:
    from mtcli.translator import Translator as Translator

__version__ = "0.1.0"
__all__ = ["Translator", "__version__"]


def __getattr__(name: str) -> object:
    """Import `Translator` when it is first asked for: `import mtcli` itself stays light."""
    if name == "Translator":
        from mtcli.translator import Translator

        return Translator
    raise AttributeError(f"module 'mtcli' has no attribute {name!r}")
