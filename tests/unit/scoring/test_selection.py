"""Conditions, samples, and what is judged whatever its sample says."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from typing import Any

import pytest

from inference_monitor.domain import Delivery, Record
from inference_monitor.errors import TransientError
from inference_monitor.inference import Choice, Failure, Response, Source, ToolCall, Usage
from inference_monitor.scoring.sampling import is_sampled
from tests.unit.judging import SAFETY, SOURCE, FakeBedrock, batch, inference, scorers

RARE = SAFETY | {"sample_rate": 0.01}
UNSAMPLED = next(f"event-{n}" for n in range(100) if not is_sampled(f"event-{n}", 0.5))
CANARY = Source("captures", "endpoint/canary/x.jsonl", "endpoint", "canary")


class Desk:
    """A `FirstOfHour` that lets in the first it is asked about, and keeps what it was asked."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, str | None, datetime, int, str]] = []
        self.down = False

    def admit(
        self, endpoint: str, variant: str | None, hour: datetime, limit: int, trace_id: str
    ) -> bool:
        """Let in as many as the limit says."""
        if self.down:
            raise TransientError("counters table: down")
        self.asked.append((endpoint, variant, hour, limit, trace_id))
        return len({asked[4] for asked in self.asked}) <= limit


def chosen(
    *specs: dict[str, Any],
    about: Any = None,
    source: Source = SOURCE,
    desk: Desk | None = None,
    **settings: Any,
) -> list[str]:
    """The names of the scorers that score one inference."""
    built = scorers(FakeBedrock(), *specs, first_of_hour=desk, **settings)
    (verdicts,) = built.score([Record.of(about or inference(), source)])
    return [feedback.name for feedback in verdicts.assessments]


@pytest.mark.parametrize(
    ("when", "fits"),
    [
        ({"input_tokens": [12, 12]}, True),
        ({"input_tokens": [13, None]}, False),
        ({"input_tokens": [None, 11]}, False),
        ({"output_tokens": [1, 3]}, True),
        ({"output_tokens": [4, 9], "input_tokens": [1, 100]}, False),
        ({"tag": {"tenant": "acme"}}, True),
        ({"tag": {"tenant": ["umbrella", "acme"], "variant": "AllTraffic"}}, True),
        ({"tag": {"tenant": "umbrella"}}, False),
        ({"tag": {"payload_family": "openai_chat", "status_code": "200"}}, True),
        ({"tag": {"nobody_has_it": "x"}}, False),
    ],
)
def test_conditions_look_at_tokens_and_tags(when: dict[str, Any], fits: bool) -> None:
    """Token counts as reported, tags of the trace, and what the caller told about itself."""
    about = inference(usage=Usage(12, 3))
    object.__setattr__(about, "custom_attributes", ('{"tenant": "acme"}',))
    assert chosen(SAFETY | {"when": when}, about=about) == (["safety"] if fits else [])


@pytest.mark.parametrize(
    ("when", "fits"),
    [
        ({"finish_reason": "length"}, True),
        ({"finish_reason": ["content_filter", "stop"]}, True),
        ({"finish_reason": ["tool_calls"]}, False),
        ({"tool_calls": True}, True),
        ({"tool_calls": False}, False),
        ({"tool_calls": True, "finish_reason": "end_turn"}, False),
    ],
)
def test_conditions_look_at_how_an_answer_ends(when: dict[str, Any], fits: bool) -> None:
    """A finish reason as the endpoint said it, and called tools, of one of several choices."""
    choices = (
        Choice("a", "stop"),
        Choice("b", "length", tool_calls=(ToolCall("weather", "{}"),)),
    )
    about = replace(inference(), response=Response("openai_chat", choices=choices))
    assert chosen(SAFETY | {"when": when}, about=about) == (["safety"] if fits else [])


def test_an_answer_without_tool_calls_is_told_from_one_with() -> None:
    """`tool_calls: false` is for answers that call none; a missing answer calls none either."""
    plain = SAFETY | {"when": {"tool_calls": False}}
    assert chosen(plain) == ["safety"]
    assert chosen(SAFETY | {"when": {"tool_calls": True}}) == []
    count = {"name": "tokens", "type": "token_count", "when": {"tool_calls": False}}
    assert chosen(count, about=replace(inference(), response=None)) == ["tokens"]


def test_tokens_that_were_not_reported_are_estimated() -> None:
    """A condition on tokens holds for endpoints that count none, by the length of the text."""
    about = inference("q", "x" * 400, usage=Usage())
    assert chosen(SAFETY | {"when": {"output_tokens": [100, 100]}}, about=about) == ["safety"]
    assert chosen(SAFETY | {"when": {"output_tokens": [101, None]}}, about=about) == []


def test_rare_traffic_is_judged_more() -> None:
    """A rule judges every record of a variant, by all scorers, whatever their rates are."""
    always = [{"when": {"variant": "canary"}}]
    about = inference(event_id=UNSAMPLED)
    specs = (RARE, RARE | {"name": "other"})
    assert chosen(*specs, about=about, always=always) == []
    assert chosen(*specs, about=about, source=CANARY, always=always) == ["safety", "other"]


def test_a_rule_may_have_a_rate_of_its_own() -> None:
    """At least this share is judged, and the sample of the rule holds that of the scorer."""
    always = [{"when": {"variant": "canary"}, "sample_rate": 0.5}]
    for number in range(40):
        about = inference(event_id=f"event-{number}")
        judged = chosen(RARE, about=about, source=CANARY, always=always) == ["safety"]
        assert judged == is_sampled(f"event-{number}", 0.5)


def test_a_scorer_that_is_off_stays_off() -> None:
    """A rate of 0 means never, also where a rule wants everything judged."""
    always = [{"when": {"variant": "canary"}}]
    assert chosen(SAFETY | {"sample_rate": 0}, source=CANARY, always=always) == []


def test_failures_are_never_judged() -> None:
    """No rule makes a judge look at an error, or asks who came first for it."""
    desk = Desk()
    about = inference(event_id=UNSAMPLED, failure=Failure("boom", status_code=500))
    assert chosen(RARE, about=about, desk=desk, always=[{"first_per_hour": 5}]) == []
    assert desk.asked == []


def test_the_first_of_each_hour_are_judged() -> None:
    """Who comes first is judged; the others by their sample. The hour is that of the inference."""
    desk = Desk()
    always = [{"first_per_hour": 2}]
    judged = [
        chosen(RARE, about=inference(event_id=event), desk=desk, always=always)
        for event in (UNSAMPLED, f"{UNSAMPLED}2", f"{UNSAMPLED}3", UNSAMPLED)
    ]
    assert judged[:2] == [["safety"], ["safety"]]
    endpoint, variant, hour, limit, _ = desk.asked[0]
    assert (endpoint, variant, f"{hour:%Y-%m-%dT%H}", limit) == (
        "endpoint", "AllTraffic", "2026-11-23T00", 2
    )  # fmt: skip


def test_who_is_judged_anyway_is_not_counted() -> None:
    """The table of counters is asked only where a rule can add a score."""
    desk = Desk()
    assert chosen(SAFETY, desk=desk, always=[{"first_per_hour": 1}]) == ["safety"]
    about = inference(event_id=UNSAMPLED)
    always = [{"first_per_hour": 1}, {"when": {"variant": "canary"}}]
    assert chosen(RARE, about=about, source=CANARY, desk=desk, always=always) == ["safety"]
    assert desk.asked == []


def test_not_knowing_who_came_first_is_no_answer() -> None:
    """While the counters are away the batch comes again: a record is not left out for it."""
    desk = Desk()
    desk.down = True
    with pytest.raises(TransientError):
        chosen(RARE, about=inference(event_id=UNSAMPLED), desk=desk, always=[{"first_per_hour": 1}])


def test_only_the_scorers_that_are_asked_for_run() -> None:
    """A backfill of one scorer leaves the others alone."""
    built = scorers(FakeBedrock(), SAFETY, SAFETY | {"name": "other"})
    only = Delivery("one", scorers=frozenset({"other", "unknown"}))
    (verdicts,) = built.score(batch(inference()), only)
    assert [feedback.name for feedback in verdicts.assessments] == ["other"]
    assert verdicts.others_missing
    (verdicts,) = built.score(batch(inference(), existing=verdicts.assessments))
    assert [feedback.name for feedback in verdicts.assessments] == ["safety"]
    assert not verdicts.others_missing
