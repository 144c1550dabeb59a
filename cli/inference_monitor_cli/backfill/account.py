"""How much is missing, and what judging it is expected to cost."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

from rich.console import Console
from rich.table import Table
from rich.text import Text

from inference_monitor.config.models import ModelTable
from inference_monitor.config.scorers import ScorersConfig
from inference_monitor.config.specs import bedrock_model_id
from inference_monitor.scoring.cost.forecast import Forecast
from inference_monitor.scoring.judge.calls import JudgeCall
from inference_monitor_cli.backfill.missing_scores import Lacking


@dataclass(slots=True)
class Account:
    """Counts of what is lacking, with expected prices in USD.

    Of a `batch`, `others` and what has no trace are counted apart: it cannot judge them.
    `dear` are third-party scorers, whose calls are not known before; `unpriced` are models.
    `files` are the keys of the capture files, `under_way` scores that are left to others.
    """

    prices: ModelTable
    batch: bool = False
    inferences: int = 0
    untraced: int = 0
    under_way: int = 0
    calls: int = 0
    usd: float = 0.0
    files: list[str] = field(default_factory=list)
    missing: Counter[str] = field(default_factory=Counter)
    others: Counter[str] = field(default_factory=Counter)
    usd_of: dict[str, float] = field(default_factory=dict)
    dear: set[str] = field(default_factory=set)
    unpriced: set[str] = field(default_factory=set)

    def add(self, key: str, lacking: Lacking) -> None:
        """Count one inference of the file with this key."""
        others = [spec.name for spec in lacking.others]
        self.untraced += not lacking.traced
        if self.batch:
            self.others.update(others)
            if not lacking.traced or not lacking.calls:
                return
        else:
            self.missing.update(others)
            self.dear |= {spec.name for spec in lacking.others if spec.asks_judge}
        if key not in self.files[-1:]:
            self.files.append(key)
        self.inferences += 1
        self.missing.update(lacking.asked)
        for call in lacking.calls:
            self._add(call)

    def _add(self, call: JudgeCall) -> None:
        self.calls += 1
        usd = Forecast(self.prices).usd(call)
        if usd is None:
            self.unpriced.add(bedrock_model_id(call.model))
            return
        if self.batch:
            usd *= self.prices.batch
        self.usd += usd
        for name in call.names:
            self.usd_of[name] = self.usd_of.get(name, 0.0) + usd / len(call.names)

    def summary(self) -> str:
        """One line."""
        return (
            f"{sum(self.missing.values())} scores of {self.inferences} inferences in "
            f"{len(self.files)} files are missing: {self.calls} judge calls, {self.price()}"
        )

    def price(self) -> str:
        """What they cost, as far as it is known."""
        told = f"about {self.usd:.2f} USD" + (" at the price of batch jobs" if self.batch else "")
        unknown = sorted(self.unpriced)
        if self.dear:
            unknown.append(f"the calls of {', '.join(sorted(self.dear))}")
        return told + (f", without {' and '.join(unknown)}: no price is known" if unknown else "")

    def show(self, config: ScorersConfig) -> None:
        """Print a row for each scorer that is missing somewhere, in the order of the file."""
        table = Table("scorer", "version")
        table.add_column("missing", justify="right")
        table.add_column("USD", justify="right")
        for spec in config.scorers:
            if count := self.missing[spec.name]:
                usd = f"{self.usd_of.get(spec.name, 0.0):.2f}" if spec.asks_judge else "-"
                usd = "?" if spec.name in self.dear else usd
                table.add_row(Text(spec.name), Text(spec.version), str(count), usd)
        if self.missing:
            Console().print(table)
