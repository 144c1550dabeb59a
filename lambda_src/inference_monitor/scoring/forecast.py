"""What a judge call will cost, before it is made."""

from __future__ import annotations

import math
from collections.abc import Sequence
from threading import Lock
from typing import Protocol

from inference_monitor.scoring.config import bedrock_model_id
from inference_monitor.scoring.prices import PriceTable

TOKENS_PER_CRITERION = 150
"""Output tokens of a verdict with its rationale, until calls have shown what it really is."""

# How many verdicts the assumption weighs as much as: a first odd answer must not rule it.
_WEIGHT = 20


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
    """Learns from answers how long they are, for each model. Called from several threads."""

    def __init__(self, prices: PriceTable) -> None:
        self._prices = prices
        self._verdicts: dict[str, tuple[int, int]] = {}
        self._lock = Lock()

    def usd(self, call: PricedCall) -> float:
        """The price of a call; infinite for a model without a known price, which no cap can hold.

        Input is counted at its full price: whether a cache will have it is known afterwards.
        """
        output = self.output_tokens(call)
        model = bedrock_model_id(call.model)
        usd = self._prices.cost(model, call.estimated_input_tokens, output)
        return math.inf if usd is None else usd

    def output_tokens(self, call: PricedCall) -> int:
        """The mean of the answers so far, for as many criteria, and never above what is allowed."""
        tokens, verdicts = self._verdicts.get(call.model, (0, 0))
        mean = (TOKENS_PER_CRITERION * _WEIGHT + tokens) / (_WEIGHT + verdicts)
        return min(round(mean * len(call.criteria)), call.max_output_tokens)

    def learn(self, call: PricedCall, output_tokens: int) -> None:
        """Take in how long an answer was."""
        with self._lock:
            tokens, verdicts = self._verdicts.get(call.model, (0, 0))
            self._verdicts[call.model] = tokens + output_tokens, verdicts + len(call.criteria)
