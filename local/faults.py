"""What can go wrong on the way to MLflow, for whoever wants to see how the function takes it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

FRONT_DOOR = {"message": "answered by the front door, not by MLflow"}


@dataclass(frozen=True, slots=True)
class Fault:
    """What becomes of a `share` of the requests to paths that contain `path`.

    They wait for `delay` seconds; then they are passed on, unless there is a `status` to answer
    them with, and the JSON document `body`, the front door's own if none is given. A fault that is
    `late` passes them on before, so that only MLflow's answer is lost.
    """

    status: int | None = None
    path: str = "/"
    share: float = 1.0
    delay: float = 0.0
    late: bool = False
    body: Mapping[str, str] = field(default_factory=lambda: FRONT_DOOR)
