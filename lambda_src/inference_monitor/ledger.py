"""The ledger: what became of every line of a capture file.

captured = traced + duplicate + skipped + quarantined, for every file, always.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, fields
from typing import Any, Self


@dataclass(slots=True)
class Summary:
    """Counts of one batch, one file or a whole run.

    `scored` counts inferences with at least one judged assessment in MLflow, whether it was given
    now or by an earlier delivery; `unscored` all other inferences. `budget_exhausted` counts those
    for which the budget had no room for a call, `judge_unavailable` those whose judge was not
    reached, and `judge_refused` those whose judge refuses for good, by the last delivery that asked
    it; `judge_declined` those whose content a judge will not judge. `judge_unreadable` counts calls
    whose answer held no verdict, of all `judge_calls`. `empty_answers` counts the answers of LLMs
    that took tokens and say nothing. `foreign` counts the skipped lines of other endpoints' files.
    `judge_cost_usd` counts the calls whose model has a known price.
    """

    captured: int = 0
    traced: int = 0
    duplicate: int = 0
    skipped: int = 0
    quarantined: int = 0
    scored: int = 0
    unscored: int = 0
    budget_exhausted: int = 0
    judge_unavailable: int = 0
    judge_refused: int = 0
    judge_declined: int = 0
    judge_unreadable: int = 0
    empty_answers: int = 0
    foreign: int = 0
    judge_calls: int = 0
    judge_input_tokens: int = 0
    judge_output_tokens: int = 0
    judge_cost_usd: float = 0.0

    def __iadd__(self, other: Summary) -> Self:
        """Add the counts of another part of the same file or run."""
        for f in fields(self):
            setattr(self, f.name, getattr(self, f.name) + getattr(other, f.name))
        return self

    @property
    def balanced(self) -> bool:
        """Whether every captured line is accounted for."""
        return self.captured == self.traced + self.duplicate + self.skipped + self.quarantined

    def as_dict(self) -> dict[str, Any]:
        """The counts by name, as the function answers them."""
        return asdict(self)

    @classmethod
    def from_dict(cls, counts: dict[str, Any]) -> Summary:
        """Read counts written by `as_dict`; unknown names are ignored, missing ones are 0."""
        return cls(**{f.name: counts[f.name] for f in fields(cls) if f.name in counts})


LEDGER_PREFIX = "ledger"
QUARANTINE_PREFIX = "quarantine"
MAP_RESULTS_PREFIX = "map-results"
"""Where Step Functions' ResultWriter puts the outputs (and failed inputs) of a map run."""


def ledger_key(bucket: str, key: str) -> str:
    """Where the results bucket keeps the ledger of a capture file."""
    return f"{LEDGER_PREFIX}/{bucket}/{key}.json"


def quarantine_key(bucket: str, key: str, digest: str) -> str:
    """Where the results bucket keeps quarantined lines of a capture file, named by their digest."""
    return f"{QUARANTINE_PREFIX}/{bucket}/{key}/{digest}.jsonl"
