"""The errors that a user can cause. The command line prints their one line and exits with their code."""

from __future__ import annotations


class MtcliError(Exception):
    """Something went wrong that the message explains and says how to mend."""

    exit_code = 1


class UsageError(MtcliError):
    """The command was asked for something that does not exist: an unknown key, value or combination."""

    exit_code = 2


class DataError(MtcliError):
    """A text file is missing, unreadable, damaged, empty or not aligned with its other side."""


class TrainingError(MtcliError):
    """Training cannot go on."""


class TranslationError(MtcliError):
    """Translating cannot go on."""


class PackageError(MtcliError):
    """A model package is missing, incomplete, damaged or of a newer format."""


def out_of_memory(error: Exception) -> bool:
    """Whether a device or the machine had no memory left: as torch, CUDA, oneDNN and what loads a library say it."""
    said = ("out of memory", "can't allocate memory", "could not create a primitive", "failed to map segment")
    return isinstance(error, MemoryError) or any(words in str(error) for words in said)
