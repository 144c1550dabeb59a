"""What calls to the judge cost, as shares of the scorers that wait for them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Self

from inference_monitor.scoring.cost.forecast import Forecast

if TYPE_CHECKING:
    from inference_monitor.scoring.judge.calls import JudgeCall


@dataclass(slots=True)
class Share:
    """What one scorer asks of one model; of a call with others, its equal part.

    `records` are judged by it. `usd` is None where the model has no known price.
    """

    records: float = 0.0
    calls: float = 0.0
    input_tokens: float = 0.0
    output_tokens: float = 0.0
    usd: float | None = 0.0

    def add(self, other: Share, times: float = 1.0) -> None:
        """Add another share, so many times."""
        self.records += times * other.records
        self.calls += times * other.calls
        self.input_tokens += times * other.input_tokens
        self.output_tokens += times * other.output_tokens
        if self.usd is not None:
            self.usd = None if other.usd is None else self.usd + times * other.usd


@dataclass(slots=True)
class Shares:
    """The shares of all scorers, by scorer and model (`bedrock:/…`)."""

    by_scorer: dict[tuple[str, str], Share] = field(default_factory=dict)

    def add(self, other: Shares, times: float = 1.0) -> None:
        """Add those of others, so many times."""
        for key, share in other.by_scorer.items():
            self.by_scorer.setdefault(key, Share()).add(share, times)

    def times(self, factor: float) -> Shares:
        """The same, so many times."""
        result = Shares()
        result.add(self, factor)
        return result

    @property
    def unpriced(self) -> list[str]:
        """Models that are asked and have no known price."""
        return sorted({model for (_, model), s in self.by_scorer.items() if s.usd is None})

    @property
    def calls(self) -> float:
        """How many calls."""
        return sum(share.calls for share in self.by_scorer.values())

    @property
    def input_tokens(self) -> float:
        """What is sent."""
        return sum(share.input_tokens for share in self.by_scorer.values())

    @property
    def output_tokens(self) -> float:
        """What is answered."""
        return sum(share.output_tokens for share in self.by_scorer.values())

    @property
    def usd(self) -> float:
        """What calls with a known price cost."""
        return sum(share.usd or 0.0 for share in self.by_scorer.values())


def shares_of(calls: Iterable[JudgeCall], forecast: Forecast) -> Shares:
    """What calls will cost, as far as it is known before their answers.

    Calls about several answers of an inference are about one record.
    """
    shares = Shares()
    seen: set[tuple[str, str]] = set()
    for call in calls:
        usd, parts = forecast.usd(call), len(call.criteria)
        part = Share(
            0.0,
            1 / parts,
            call.estimated_input_tokens / parts,
            forecast.output_tokens(call) / parts,
            None if usd is None else usd / parts,
        )
        for name in call.names:
            share = shares.by_scorer.setdefault((name, call.model), Share())
            share.add(part)
            share.records += (call.record.trace_id, name) not in seen
            seen.add((call.record.trace_id, name))
    return shares


@dataclass(slots=True)
class Ways:
    """The same judging as it is configured, and with every judge asked in one way."""

    configured: Shares = field(default_factory=Shares)
    each: Shares = field(default_factory=Shares)
    panel: Shares = field(default_factory=Shares)

    def add(self, other: Ways, times: float = 1.0) -> None:
        """Add another, so many times."""
        for name in self.__slots__:
            getattr(self, name).add(getattr(other, name), times)

    def times(self, factor: float) -> Self:
        """The same, so many times."""
        return type(self)(*(getattr(self, name).times(factor) for name in self.__slots__))
