"""The command ``seisproc``: from its first moment on Ctrl-C ends it with one line.

So nothing is imported here before somebody listens; the verbs are in :mod:`flows.verbs`.
"""

from __future__ import annotations

import os


def main() -> None:
    """Entry point of the command ``seisproc``."""
    # With the default, threads of torch wait for each other by spinning; on a machine that others
    # use too, a training step then takes ten times as long.
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    try:
        from flows import terminal
        from flows.verbs import cli
    except KeyboardInterrupt as interruption:
        from flows import terminal

        terminal.end(interruption)
    terminal.end_on_sigterm()
    terminal.run(cli)


if __name__ == "__main__":
    main()
