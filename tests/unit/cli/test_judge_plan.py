"""What judging will cost: the calls that will be made, with samples and rules, at known prices."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from inference_monitor.config.models import ModelFacts, ModelTable
from inference_monitor.inference import Choice, Failure, Inference, Response, Source
from inference_monitor_cli.estimate.bill import JudgeForecast
from inference_monitor_cli.judge_plan import Planned, Planner, Ways
from tests.unit.judging import MODEL, SAFETY, SOURCE, config, inference

FLUENCY = {"name": "fluency", "type": "fluency"}
COUNT = {"name": "token_count", "type": "token_count"}
# Input is free, so that prices can be added up by hand: 150 tokens a verdict, 10 USD a million.
PRICES = ModelTable(
    as_of="2026-01-01", source="here", models=[ModelFacts(pattern="*sonnet*", input=0, output=10)]
)
VERDICT = 0.0015


def planner(*scorers: dict[str, Any], **settings: Any) -> Planner:
    """What plans the calls of a configuration."""
    return Planner(config(*scorers, **settings), MODEL, PRICES)


def planned(plans: Planner, *inferences: Inference) -> Ways:
    """What judging these costs."""
    result = Planned(plans)
    for one in inferences:
        result.add(plans.record(one, SOURCE))
    return result.ways


def forecast(plans: Planner, per_day: float, *inferences: Inference) -> Ways:
    """What a day of records like these costs."""
    result = JudgeForecast(plans)
    for one in inferences:
        result.add(plans.record(one, SOURCE))
    return result.per_day(per_day)


def many(count: int, **changes: Any) -> list[Inference]:
    """Different inferences, alike."""
    return [inference(event_id=f"event-{n}", **changes) for n in range(count)]


def test_each_asks_for_every_scorer_and_a_panel_once_for_all() -> None:
    """Two judges and ten records: 20 calls or 10, 20 verdicts either way, priced by scorer."""
    ways = planned(planner(SAFETY, FLUENCY, COUNT), *many(10))
    assert ways.configured is not ways.panel
    assert (ways.each.calls, ways.panel.calls, ways.configured.calls) == (20, 10, 20)
    assert ways.each.output_tokens == ways.panel.output_tokens == 3000
    assert ways.configured.usd == pytest.approx(20 * VERDICT)
    assert set(ways.panel.by_scorer) == {("safety", MODEL), ("fluency", MODEL)}
    share = ways.panel.by_scorer["safety", MODEL]
    assert (share.records, share.calls, share.output_tokens) == (10, 5, 1500)
    assert share.usd == pytest.approx(10 * VERDICT)
    assert ways.panel.input_tokens < ways.each.input_tokens


def test_every_answer_of_a_record_is_priced() -> None:
    """Three choices are three calls to each judge, about one record; no more than the limit."""
    response = Response("openai_chat", choices=tuple(map(Choice, "abc")))
    records = [replace(one, response=response) for one in many(10)]
    ways = planned(planner(SAFETY, FLUENCY), *records)
    assert (ways.each.calls, ways.panel.calls) == (60, 30)
    assert ways.each.usd == pytest.approx(60 * VERDICT)
    share = ways.each.by_scorer["safety", MODEL]
    assert (share.records, share.calls) == (10, 30)
    limited = planned(planner(SAFETY, FLUENCY, max_judged_answers=2), *records)
    assert (limited.each.calls, limited.panel.calls) == (40, 20)


def test_a_scorer_that_is_judged_otherwise_counts_as_it_is_configured() -> None:
    """Of three judges in a panel, one alone: two calls a record."""
    alone = {**FLUENCY, "judging": "each"}
    third = {"name": "polite", "type": "guidelines", "guidelines": "Be polite."}
    ways = planned(planner(SAFETY, alone, third, judging="panel"), *many(3))
    assert (ways.configured.calls, ways.each.calls, ways.panel.calls) == (6, 9, 3)


def test_nothing_is_asked_about_failures_and_empty_answers() -> None:
    """They cost nothing; a scorer that is off costs nothing either."""
    off = {**FLUENCY, "sample_rate": 0}
    failed = inference(failure=Failure("out of memory"))
    plans = planner(SAFETY, off)
    assert planned(plans, failed, inference(answer="")).each.calls == 0
    assert set(planned(plans, inference()).each.by_scorer) == {("safety", MODEL)}
    assert forecast(plans, 100, failed, inference()).each.calls == pytest.approx(50)


def test_a_model_without_a_price_is_told() -> None:
    """What is known is added up, and the model is named instead of counted as free."""
    other = {**FLUENCY, "model": "bedrock:/some.model-1"}
    ways = planned(planner(SAFETY, other), *many(2))
    assert ways.each.unpriced == ["bedrock:/some.model-1"]
    assert ways.each.usd == pytest.approx(2 * VERDICT)
    assert ways.each.by_scorer["fluency", "bedrock:/some.model-1"].usd is None
    assert ways.each.times(30).unpriced == ["bedrock:/some.model-1"]


def test_records_that_are_there_are_drawn_as_the_function_draws_them() -> None:
    """A tenth of 200, not exactly: the very records that will be judged."""
    calls = planned(planner({**SAFETY, "sample_rate": 0.1}), *many(200)).each.calls
    assert 0 < calls < 60
    assert calls == int(calls)


def test_records_to_come_are_counted_by_their_rate() -> None:
    """Exactly a tenth, however few the examples are."""
    ways = forecast(planner({**SAFETY, "sample_rate": 0.1}), 10_000, inference())
    assert ways.each.calls == pytest.approx(1000)
    assert ways.each.usd == pytest.approx(1000 * VERDICT)


def test_samples_are_nested_so_a_panel_is_never_split() -> None:
    """Half of the records go to one judge and all to the other: one call each, not one and a half.

    A panel's call is shared by two for half of the records.
    """
    half = {**FLUENCY, "sample_rate": 0.5}
    ways = forecast(planner(SAFETY, half), 100, inference())
    assert [ways.each.calls, ways.panel.calls] == pytest.approx([150, 100])
    shares = {name: share.calls for (name, _), share in ways.panel.by_scorer.items()}
    assert shares == {"safety": pytest.approx(75), "fluency": pytest.approx(25)}


def test_what_is_always_judged_raises_the_rate_of_what_the_rule_is_about() -> None:
    """All of the canary's records, a tenth of the others."""
    tenth = {**SAFETY, "sample_rate": 0.1}
    plans = planner(tenth, always=[{"when": {"variant": "canary"}}])
    canary = Source("captures", "endpoint/canary/x.jsonl", "endpoint", "canary")
    result = JudgeForecast(plans)
    result.add(plans.record(inference(event_id="a"), SOURCE))
    result.add(plans.record(inference(event_id="b"), canary))
    assert result.per_day(200).each.calls == pytest.approx(100 * 0.1 + 100)


def test_the_first_of_an_hour_are_counted_as_if_every_hour_had_so_many() -> None:
    """5 of each of 24 hours of one variant are 120 of 1,000; a tenth of the other 880 is drawn."""
    plans = planner({**SAFETY, "sample_rate": 0.1}, always=[{"first_per_hour": 5}])
    assert forecast(plans, 1000, *many(3)).each.calls == pytest.approx(120 + 88)
    assert forecast(plans, 60, *many(3)).each.calls == pytest.approx(60)


def test_the_first_of_an_hour_in_captures_are_the_first_in_them() -> None:
    """All records are of one hour: four are let in beside the sample, which is of none."""
    plans = planner({**SAFETY, "sample_rate": 1e-9}, always=[{"first_per_hour": 4}])
    assert planned(plans, *many(10)).each.calls == 4
