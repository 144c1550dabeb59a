"""What of a function's Dockerfile holds without a container: its handler and its environment."""

from __future__ import annotations

import json
import re
import shlex
from dataclasses import dataclass
from pathlib import Path
from typing import Self


@dataclass(frozen=True, slots=True)
class Image:
    """The handler (`package.module.function`) that CMD names, and what ENV sets."""

    handler: str
    environment: dict[str, str]

    @classmethod
    def read(cls, dockerfile: Path) -> Self:
        """Read a Dockerfile whose CMD has the JSON form.

        Raises:
            ValueError: If there is no such CMD.
        """
        text = re.sub(r"\\\n", " ", dockerfile.read_text())
        instructions = [line.split(maxsplit=1) for line in text.splitlines() if line.strip()]
        commands = [rest for word, *rest in instructions if word.upper() == "CMD"]
        if not commands or not commands[-1][0].startswith("["):
            raise ValueError(f'{dockerfile}: no CMD ["package.module.handler"]')
        environment: dict[str, str] = {}
        for word, *rest in instructions:
            if word.upper() == "ENV":
                environment.update(pair.partition("=")[::2] for pair in shlex.split(rest[0]))
        return cls(json.loads(commands[-1][0])[0], environment)
