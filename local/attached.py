"""`python -m local.attached PROGRAM ARGUMENT…`: run a program no longer than whoever started us.

A process that is killed cannot end what it has started; so every program gets this small companion,
the leader of its process group, that does.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from contextlib import suppress

POLL_SECONDS = 0.5
PATIENCE_SECONDS = 3


def main() -> int:
    """Run the program; gives its exit status, negative for a signal."""
    starter = os.getppid()
    # SIGTERM goes to the whole group: the program ends by it, and then we do. A handler, unlike
    # ignoring it, is not inherited.
    signal.signal(signal.SIGTERM, lambda *_: None)
    program = subprocess.Popen(sys.argv[1:])
    while True:
        with suppress(subprocess.TimeoutExpired):
            return program.wait(POLL_SECONDS)
        if os.getppid() != starter:
            os.killpg(0, signal.SIGTERM)
            time.sleep(PATIENCE_SECONDS)
            os.killpg(0, signal.SIGKILL)


if __name__ == "__main__":
    sys.exit(main())
