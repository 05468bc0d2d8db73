"""Errors of networks, training and bundles, in the same form as those of ``seisproc``.

``models`` imports nothing of ``seisproc``; flows catch both bases and show either as one line.
"""

from __future__ import annotations


class ModelError(Exception):
    """One clear line: what is wrong, what was found, what was expected, what to do next.

    Parameters
    ----------
    what : str
        The trouble, naming the network, bundle or option it concerns.
    found, expected : str, optional
        What was met, and what would have been right.
    do : str, optional
        The next step for the user, as an imperative.

    Examples
    --------
    >>> print(ModelError("loss is NaN at step 7", do="Lower the learning rate"))
    loss is NaN at step 7. Lower the learning rate.
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
            line += f". {self.do.rstrip('.')}."
        return line


class NetworkError(ModelError):
    """An unknown network, an argument it does not take, or a window it cannot see."""


class TrainingError(ModelError):
    """Training cannot start or go on: bad data, a checkpoint of another run, a NaN loss."""


class BundleError(ModelError):
    """A bundle is missing, damaged, unsafe, or not what its card says."""


class PredictionError(ModelError):
    """A recipe or its windows do not fit the network."""
