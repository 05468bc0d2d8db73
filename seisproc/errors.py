"""Errors that a user can act on.

Every expected failure is a :class:`SeisprocError`. It is raised where the trouble is known and
shown once, as one line, at the boundary (command line or flow).
"""

from __future__ import annotations


class SeisprocError(Exception):
    """One clear line: what is wrong, what was found, what was expected, what to do next.

    Parameters
    ----------
    what : str
        The trouble, naming the file, store or option it concerns.
    found, expected : str, optional
        What was met, and what would have been right.
    do : str, optional
        The next step for the user, as an imperative.

    Examples
    --------
    >>> print(SeisprocError("f3.sgy: truncated", found="3 bytes over", do="Copy the file again"))
    f3.sgy: truncated; found: 3 bytes over. Copy the file again.
    """

    def __init__(
        self,
        what: str,
        *,
        found: str | None = None,
        expected: str | None = None,
        do: str | None = None,
    ) -> None:
        self.what = what
        self.found = found
        self.expected = expected
        self.do = do
        super().__init__(what)

    def __str__(self) -> str:
        line = self.what
        if self.found is not None:
            line += f"; found: {self.found}"
        if self.expected is not None:
            line += f"; expected: {self.expected}"
        if self.do is not None:
            line = f"{_sentence(line)} {_sentence(self.do)}"
        return line


def _sentence(text: str) -> str:
    """End a sentence that does not end yet."""
    return text if text.endswith((".", "?")) else f"{text}."


def one_line(error: BaseException) -> str:
    """Name an error and what it says, in one line."""
    return " ".join(f"{type(error).__name__}: {error}".split())


class SegyError(SeisprocError):
    """The source is no readable SEG-Y file, or lacks what is asked of it."""


class VolumeError(SeisprocError):
    """The source is no readable array, or not one of amplitudes."""


class GeometryError(SeisprocError):
    """No survey geometry fits the trace headers, or two grids that must agree do not."""


class StoreError(SeisprocError):
    """A survey, patch or label store is missing, unfinished, or not what its schema says."""


class OutputExistsError(SeisprocError):
    """The output is already there and nobody said that it may be replaced."""


class BusyError(SeisprocError):
    """Another run is writing the same product."""


class BundleError(SeisprocError):
    """A model bundle is damaged, unsafe, or made for other classes or another normalisation."""


class SpaceError(SeisprocError):
    """The output does not fit: the disk is full, or a plan needs more memory than it may use."""


class ClusterError(SeisprocError):
    """The Dask cluster cannot be started or reached, or lost its workers."""


class IncompleteError(SeisprocError):
    """Some regions failed, and a rerun redoes only those; or a product lacks some."""


class ReviewError(SeisprocError):
    """A survey waits for a person: a quality gate holds it, or labels would be lost."""


class ConfigError(SeisprocError):
    """A configuration value is missing, unknown or out of range."""
