"""One bringing of records to the monitor, the same through all its attempts."""

from __future__ import annotations

import time
from dataclasses import dataclass, field


class RefusedJudges:
    """The judges that refused for good during one attempt, each with what a person can do.

    Threads only add to it: a call that begins at the same moment may still be made.
    """

    def __init__(self) -> None:
        self._reasons: dict[str, str] = {}

    def add(self, model_id: str, reason: str) -> None:
        """Note that a model is not to be asked any more; the first reason stays."""
        self._reasons.setdefault(model_id, reason)

    def reason(self, model_id: str) -> str | None:
        """Why a model is not to be asked; None if it may be."""
        return self._reasons.get(model_id)


@dataclass(frozen=True, slots=True)
class Delivery:
    """What all attempts to process the same records share, and how long this one may take.

    `id` is equal for every attempt and different for a new delivery of the same records.
    `seconds_left` is when Lambda ends this attempt; `scoring_deadline`, a `time.monotonic()`, is
    when scoring has to end so that the rest can be written. Without `scoring` no scorer runs;
    `scorers` names the only ones that run, None stands for all. `run` is the execution (or the
    invocation by hand) that brings the records: what a budget for a run is counted for.
    `refused_judges` is what this attempt finds out.
    """

    id: str
    seconds_left: float = 900
    scoring_deadline: float | None = None
    scoring: bool = True
    scorers: frozenset[str] | None = None
    run: str = ""
    refused_judges: RefusedJudges = field(default_factory=RefusedJudges, compare=False)

    def is_late(self) -> bool:
        """Whether the time to score is over, so that no more records should be begun."""
        return self.scoring_deadline is not None and time.monotonic() >= self.scoring_deadline
