"""What a judge call will cost, before it is made."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from threading import Lock
from typing import Protocol

from inference_monitor.config.models import ModelTable, Price
from inference_monitor.config.specs import bedrock_model_id

TOKENS_PER_CRITERION = 150
"""Output tokens of a verdict with its rationale, until calls have shown what it really is."""

# The assumptions weigh as much as so many verdicts, and so many tokens sent: a first odd answer
# must not rule them.
_VERDICTS = 20
_SENT = 20_000


@dataclass(frozen=True, slots=True)
class _Seen:
    """What calls to a model were expected to be, and what they were."""

    verdicts: int = 0
    answered: int = 0
    expected: int = 0
    sent: int = 0


class PricedCall(Protocol):
    """What is looked at of a `calls.JudgeCall`."""

    @property
    def model(self) -> str:
        """`bedrock:/…`."""

    @property
    def criteria(self) -> Sequence[object]:
        """What is judged in this call."""

    @property
    def estimated_input_tokens(self) -> int:
        """About how much is sent."""

    @property
    def max_output_tokens(self) -> int:
        """What the judge may answer at most."""


class Forecast:
    """Learns from answers what tokens they took, for each model. Called from several threads."""

    def __init__(self, prices: ModelTable) -> None:
        self._prices = prices
        self._models: dict[str, _Seen] = {}
        self._lock = Lock()

    def usd(self, call: PricedCall) -> float | None:
        """The price of a call; None for a model without a known price.

        Input is counted at its full price: whether a cache will have it is known afterwards.
        """
        price = self._prices.price(bedrock_model_id(call.model))
        return None if price is None else self._usd(call, price)

    def usd_to_reserve(self, call: PricedCall) -> float:
        """The same; for a model without a known price what the dearest one would cost."""
        known = self.usd(call)
        return self._usd(call, self._prices.assumed_price()) if known is None else known

    def input_tokens(self, call: PricedCall) -> int:
        """The call's own estimate, corrected by how far such estimates were off so far."""
        seen = self._models.get(call.model, _Seen())
        return round(call.estimated_input_tokens * (_SENT + seen.sent) / (_SENT + seen.expected))

    def output_tokens(self, call: PricedCall) -> int:
        """The mean of the answers so far, for as many criteria; thoughts are part of an answer.

        What is only assumed is never above what is allowed for the verdicts.
        """
        seen = self._models.get(call.model, _Seen())
        tokens = TOKENS_PER_CRITERION * _VERDICTS + seen.answered
        mean = round(tokens / (_VERDICTS + seen.verdicts) * len(call.criteria))
        return mean if seen.verdicts else min(mean, call.max_output_tokens)

    def _usd(self, call: PricedCall, price: Price) -> float:
        return price.usd(self.input_tokens(call), self.output_tokens(call))

    def learn(self, call: PricedCall, input_tokens: int, output_tokens: int) -> None:
        """Take in what a call took, the tokens that a cache had included."""
        with self._lock:
            seen = self._models.get(call.model, _Seen())
            self._models[call.model] = _Seen(
                seen.verdicts + len(call.criteria),
                seen.answered + output_tokens,
                seen.expected + call.estimated_input_tokens,
                seen.sent + input_tokens,
            )
