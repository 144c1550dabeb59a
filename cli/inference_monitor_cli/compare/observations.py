"""What a comparison knows of one inference, and the two sides that are compared."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from inference_monitor_cli.captures import Hours
from inference_monitor_cli.problems import CommandError

Value = float | str
"""A number (truth values and yes/no are 1 and 0), or a category."""

_KINDS = ("variant", "endpoint", "period", "files")


@dataclass(frozen=True, slots=True, kw_only=True)
class Observation:
    """One inference: whose it is, and its value for each metric that it has.

    `inference_id` is what the caller named it; a shadow variant captures it under the same name.
    """

    endpoint: str
    variant: str | None
    inference_time: datetime
    inference_id: str | None = None
    values: Mapping[str, Value] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Side:
    """One side of a comparison, as it is written on the command line.

    `kind` is one of `variant`, `endpoint`, `period` and `files`; `name` is the rest, with a
    period's `FROM..TO` read into `hours`.
    """

    kind: str
    name: str
    hours: Hours | None = None

    @classmethod
    def parse(cls, text: str) -> Side:
        """Read `blue` or `variant:blue`, `endpoint:NAME`, `period:FROM..TO` or `files:PATH`.

        Raises:
            CommandError: If it is none of them.
        """
        kind, colon, name = text.partition(":")
        if not colon or kind not in _KINDS:
            kind, name = "variant", text
        if not name:
            raise CommandError(
                f"{text!r} names no side: write a variant's name, endpoint:NAME, "
                "period:2026-03-01..2026-03-07 or files:PATH"
            )
        if kind != "period":
            return cls(kind, name)
        first, dots, last = name.partition("..")
        if not dots:
            raise CommandError(f"{text!r} is no period: write period:2026-03-01..2026-03-07")
        return cls(kind, name, Hours.parse(first, last))

    def has(self, observation: Observation) -> bool:
        """Whether an inference is on this side; one of `files` is where it was read."""
        match self.kind:
            case "variant":
                return observation.variant == self.name
            case "endpoint":
                return observation.endpoint == self.name
            case "period":
                return self.hours is not None and self.hours.has(observation.inference_time)
        return True

    def __str__(self) -> str:
        return self.name if self.kind == "variant" else f"{self.kind} {self.name}"
