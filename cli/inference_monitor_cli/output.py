"""A terminal, a file or a pipe that takes less than everything we may print."""

from __future__ import annotations

import io
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager

READER_GONE = 128 + 13
"""Exit status of a program that is ended by SIGPIPE, as a shell says it."""


@contextmanager
def any_output() -> Iterator[None]:
    """Print what can be printed.

    Characters that the encoding of stdout does not have become question marks. When whoever reads
    it has gone, as in `| head`, the program ends at once and says nothing.
    """
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="replace")
    try:
        try:
            yield
        finally:
            sys.stdout.flush()
    except BrokenPipeError:
        # What is still in the buffer goes nowhere, or Python would complain about it at its end.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(READER_GONE)
