"""What can go wrong on the way to MLflow, for whoever wants to see how the function takes it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Fault:
    """What becomes of a `share` of the requests to paths that contain `path`.

    They wait for `delay` seconds; then they are passed on, unless there is a `status` to answer
    them with. A fault that is `late` passes them on before, so that only MLflow's answer is lost.
    """

    status: int | None = None
    path: str = "/"
    share: float = 1.0
    delay: float = 0.0
    late: bool = False
