"""What the emulator is told by the process that starts it."""

from __future__ import annotations

import json
import os
from dataclasses import asdict, dataclass, field
from typing import Self

VARIABLE = "LOCAL_EMULATOR"
"""The environment variable that carries the configuration; credentials must not show up in `ps`."""


@dataclass(frozen=True, slots=True)
class EmulatorConfig:
    """How functions run that are deployed as an image.

    `function_prefix` says which functions these are; `code` is the folder with the Dockerfile,
    `python` the interpreter that has the image's requirements and awslambdaric, `logs` a folder.
    `overrides` are set in the function's environment besides what was deployed.
    """

    function_prefix: str
    code: str
    python: str
    logs: str
    workers: int = 2
    overrides: dict[str, str] = field(default_factory=dict)

    def to_environment(self) -> dict[str, str]:
        """The environment variable to start the emulator with."""
        return {VARIABLE: json.dumps(asdict(self))}

    @classmethod
    def from_environment(cls) -> Self:
        """Read what `to_environment` made, and take it out of the environment."""
        return cls(**json.loads(os.environ.pop(VARIABLE)))
