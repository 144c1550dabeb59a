"""What a call will cost: learned from calls, never more than the call may answer."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date

import pytest

from inference_monitor.config.models import ModelFacts, ModelTable
from inference_monitor.scoring.cost.forecast import Forecast

TABLE = ModelTable(
    as_of="2026-01-01", source="here", models=[ModelFacts(pattern="m", input=1, output=10)]
)


@dataclass(frozen=True)
class Call:
    """A call about two criteria."""

    model: str = "bedrock:/m"
    criteria: Sequence[object] = ("safety", "fluency")
    estimated_input_tokens: int = 1000
    max_output_tokens: int = 4096


def test_before_any_answer_a_verdict_is_150_tokens() -> None:
    """1,000 tokens in and 2 times 150 out, at 1 and 10 USD a million."""
    assert Forecast(TABLE).usd(Call()) == pytest.approx(0.004)


def test_answers_teach_how_long_they_are() -> None:
    """The mean goes where the answers are, for their model alone; one odd one moves it little."""
    forecast = Forecast(TABLE)
    forecast.learn(Call(), 1000, 2000)
    assert forecast.output_tokens(Call()) < 500
    for _ in range(1000):
        forecast.learn(Call(), 1000, 100)
    assert forecast.output_tokens(Call()) == pytest.approx(100, abs=10)
    assert forecast.input_tokens(Call()) == 1000
    assert forecast.output_tokens(replace(Call(), model="bedrock:/other")) == 300


def test_estimates_of_what_is_sent_are_corrected() -> None:
    """A tokenizer that makes more of a text than was thought makes more of the next one, too."""
    forecast = Forecast(TABLE)
    forecast.learn(Call(), 5000, 300)
    assert 1000 < forecast.input_tokens(Call()) < 1300
    for _ in range(1000):
        forecast.learn(Call(), 1300, 300)
    assert forecast.input_tokens(Call()) == pytest.approx(1300, rel=0.02)
    assert forecast.usd(Call()) == pytest.approx(0.0043, rel=0.02)


def test_a_call_cannot_answer_more_than_it_may() -> None:
    """A call that is cut off at 64 tokens costs no more than those."""
    assert Forecast(TABLE).output_tokens(replace(Call(), max_output_tokens=64)) == 64


def test_a_model_without_a_price_is_as_dear_as_the_dearest() -> None:
    """A cap holds for it on that assumption, instead of letting nothing through, or all."""
    dear = ModelFacts(pattern="dear", input=10, output=20)
    ended = ModelFacts(pattern="ended", input=99, output=99, end_of_life=date(2026, 1, 1))
    table = TABLE.model_copy(update={"models": [*TABLE.models, dear, ended]})
    unknown = replace(Call(), model="bedrock:/other")
    assert Forecast(table).usd_to_reserve(unknown) == pytest.approx(0.016)
    assert Forecast(table).usd(unknown) is None
    assert Forecast(table).usd_to_reserve(Call()) == Forecast(table).usd(Call())
