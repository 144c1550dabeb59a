"""The report of a run, as Markdown and as JSON, without the account's number."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from benchmarks.smoke_aws.findings import Finding
from benchmarks.smoke_aws.throwaway import Removal

_ACCOUNT = re.compile(r"(?<![0-9a-f])\d{12}(?![0-9a-f])")
MASK = "************"


@dataclass(frozen=True, slots=True)
class Report:
    """What was found and what was removed."""

    prefix: str
    region: str
    began: str
    seconds: float
    findings: Sequence[Finding]
    removals: Sequence[Removal]
    interrupted: bool = False

    @property
    def clean(self) -> bool:
        """Whether nothing stayed behind."""
        return all(removal.problem is None for removal in self.removals)

    def document(self) -> Any:
        """It as JSON, account numbers masked."""
        whole = {
            "prefix": self.prefix,
            "region": self.region,
            "began": self.began,
            "seconds": round(self.seconds),
            "interrupted": self.interrupted,
            "findings": [finding.document() for finding in self.findings],
            "removals": [asdict(removal) for removal in self.removals],
        }
        return json.loads(masked(json.dumps(whole)))

    def markdown(self) -> str:
        """It as a page."""
        counts = Counter(str(finding.outcome) for finding in self.findings)
        lines = [
            f"# Smoke test on AWS, {self.began}",
            "",
            f"Region {self.region}, prefix `{self.prefix}`, {self.seconds / 60:.0f} minutes: "
            + ", ".join(f"{number} {outcome}" for outcome, number in sorted(counts.items())),
            "",
        ]
        if self.interrupted:
            lines += ["**The run was interrupted; later steps are missing.**", ""]
        lines += _table(
            ("check", "outcome", "expected", "found", "what it means"),
            [(f.check, f.outcome, f.expected, f.found, f.means) for f in self.findings],
        )
        lines += ["", "## Removed", ""]
        lines += _table(
            ("what", "outcome"),
            [(r.what, f"**stays: {r.problem}**" if r.problem else "gone") for r in self.removals],
        )
        detailed = [f for f in self.findings if f.details]
        if detailed:
            lines += ["", "## Details", ""]
        for finding in detailed:
            dumped = json.dumps(finding.details, indent=1, default=str)
            lines += [f"### {finding.check}", "", "```json", dumped, "```", ""]
        return masked("\n".join(lines) + "\n")

    def write(self, path: Path) -> Path:
        """Write both; `path` is that of the Markdown, the JSON stands beside it."""
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(self.markdown(), encoding="utf-8")
        beside = path.with_suffix(".json")
        beside.write_text(json.dumps(self.document(), indent=1) + "\n", encoding="utf-8")
        return beside


def masked(text: str) -> str:
    """The text without account numbers."""
    return _ACCOUNT.sub(MASK, text)


def _table(headings: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    cells = [[" ".join(str(c).split()).replace("|", "\\|") for c in row] for row in rows]
    return [
        f"| {' | '.join(headings)} |",
        f"|{'---|' * len(headings)}",
        *(f"| {' | '.join(row)} |" for row in cells),
    ]
