"""What a run has to answer for: the counts of every file, and whether they add up."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from inference_monitor.ledger import Summary
from local.run import FileRun

COUNTS = (
    "captured", "traced", "duplicate", "skipped", "quarantined",
    "scored", "unscored", "judge_calls",
)  # fmt: skip
MISSING = (
    "judge_refused", "judge_unavailable", "judge_declined", "judge_unreadable", "budget_exhausted",
    "empty_answers",
)  # fmt: skip


@dataclass
class RunSummary:
    """The outcome of a run; `new_traces` is by how many MLflow's count of traces has grown."""

    files: Sequence[FileRun]
    new_traces: int
    mlflow_uri: str
    logs: Path
    seconds: dict[str, float] = field(default_factory=dict)

    @property
    def totals(self) -> Summary:
        """The counts of all files."""
        totals = Summary()
        for run in self.files:
            totals += run.ledger or Summary()
        return totals

    def problems(self) -> list[str]:
        """What does not add up, each with what to look at; empty when all is well."""
        found = [problem for run in self.files for problem in self._of_file(run)]
        if self.new_traces != self.totals.traced:
            found.append(
                f"MLflow has {self.new_traces} new traces, the ledgers say {self.totals.traced}: "
                f"see {self.logs / 'mlflow.log'}"
            )
        return found

    def write(self, path: Path) -> None:
        """Write it as JSON."""
        document = {
            "totals": _counts(self.totals),
            "files": {run.uri: _counts(run.ledger or Summary()) for run in self.files},
            "seconds": {phase: round(taken, 2) for phase, taken in self.seconds.items()},
            "mlflow_uri": self.mlflow_uri,
        }
        path.write_text(json.dumps(document, indent=2) + "\n")

    def _of_file(self, run: FileRun) -> list[str]:
        found = []
        if run.status != "SUCCEEDED":
            found.append(
                f"{run.uri}: execution {run.status}: {(run.error or '')[:300]}: "
                f"see {self.logs}/sagemaker-data-capture-processor-*.log"
            )
        if run.ledger is None:
            return [*found, f"{run.uri}: no ledger was written"]
        if not run.ledger.balanced:
            found.append(
                f"{run.uri}: the ledger does not balance: {run.ledger.captured} captured, but "
                + " + ".join(f"{getattr(run.ledger, name)} {name}" for name in COUNTS[1:5])
            )
        if run.ledger.captured != run.file.lines:
            found.append(
                f"{run.uri}: the file has {run.file.lines} lines, the ledger {run.ledger.captured}"
            )
        return found


def _counts(summary: Summary) -> dict[str, Any]:
    return {name: getattr(summary, name) for name in (*COUNTS, *MISSING)}
