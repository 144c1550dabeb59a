"""How AWS behaves where its documentation leaves it open, or for a while: as a test says.

Told in a file, because the emulator is a process of its own and may be told while it runs.
"""

from __future__ import annotations

import json
import os
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Literal, Self

VARIABLE = "LOCAL_EMULATOR_BEHAVIOUR"
"""The environment variable with the path of the file."""

Oversize = Literal["reader", "limit", "child"]


@dataclass(frozen=True, slots=True)
class Behaviour:
    """What the emulated AWS does.

    `oversize` is what comes of an item that passes the limit of a child's input: the map fails with
    `States.ItemReaderFailed`, or with `States.DataLimitExceeded`, or the child with the item fails.
    Functions are inactive until `inactive_until` (seconds since the epoch), and workers that are
    killed are reported as `killed`.
    """

    oversize: Oversize = "reader"
    inactive_until: float = 0.0
    killed: Literal["Runtime.ExitError", "Runtime.OutOfMemory"] = "Runtime.ExitError"

    @property
    def inactive(self) -> bool:
        """Whether functions cannot be invoked yet."""
        return time.time() < self.inactive_until

    def write(self, file: Path) -> None:
        """Have the emulator behave like this from now on."""
        new = file.with_suffix(".new")
        new.write_text(json.dumps(asdict(self)))
        new.replace(file)

    @classmethod
    def now(cls) -> Self:
        """Read what was written last."""
        try:
            return cls(**json.loads(Path(os.environ[VARIABLE]).read_text()))
        except (KeyError, FileNotFoundError):
            return cls()
