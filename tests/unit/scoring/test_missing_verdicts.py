"""A verdict that is missing is seen: by a tag, a count and an assessment that says what to do."""

from __future__ import annotations

from typing import Any

import pytest

from inference_monitor.capture.reader import read_document
from inference_monitor.domain import Delivery, ScoringState
from inference_monitor.ledger import Summary
from inference_monitor.scoring.build import build_scorers
from inference_monitor.scoring.scorers import Scorers
from inference_monitor.service import Monitor
from tests.unit.builders import capture
from tests.unit.fakes import FakeClaims, FakeResults, FakeTraces
from tests.unit.judging import (
    MODEL,
    SAFETY,
    SOURCE,
    FakeBedrock,
    answer,
    bedrock_error,
    config,
    patient_pace,
    verdict,
)

DEAD = bedrock_error("ResourceNotFoundException", 404, "reached the end of its life.")
FLUENCY = {"name": "fluency", "type": "fluency"}
OTHER = {"name": "other", "type": "safety", "model": "bedrock:/us.amazon.nova-lite-v1:0"}
COUNT = {"name": "tokens", "type": "token_count"}


class World:
    """One instance of the function, its judge and its MLflow."""

    def __init__(self, reply: Any, *specs: dict[str, Any], **settings: Any) -> None:
        self.bedrock = FakeBedrock(reply)
        self.traces = FakeTraces()
        self.scorers: Scorers = build_scorers(
            config(*specs, **settings),
            self.bedrock,
            default_model=MODEL,
            concurrency=8,
            pace=patient_pace(),
        )

    def deliver(self, *events: str, delivery: str = "d-1") -> Summary:
        """Process chats with these event ids."""
        entries = [
            read_document(
                capture(
                    {"messages": [{"role": "user", "content": f"{event}?"}]},
                    {"choices": [{"message": {"role": "assistant", "content": f"So is {event}."}}]},
                    eventId=event,
                )
            )
            for event in events
        ]
        monitor = Monitor(self.traces, FakeClaims(), self.scorers, FakeResults())
        return monitor.process(SOURCE, iter(entries), Delivery(delivery))

    @property
    def states(self) -> set[str | None]:
        """The tag `scoring` of all traces."""
        return {trace.scoring for trace in self.traces.stored.values()}

    def codes(self, name: str) -> set[str | None]:
        """The error codes of a scorer's assessments; None for a verdict."""
        return {
            one.error_code
            for trace in self.traces.stored.values()
            for one in trace.assessments
            if one.name == name
        }


EVENTS = tuple(f"e-{number}" for number in range(12))


@pytest.mark.parametrize("judging", ["each", "panel"])
def test_a_dead_judge_is_asked_once_in_an_invocation(judging: str) -> None:
    """Every record is traced, tagged and counted, and its assessments say what is to be done."""
    world = World(DEAD, SAFETY, FLUENCY, COUNT, judging=judging)
    summary = world.deliver(*EVENTS)
    assert len(world.bedrock.requests) == summary.judge_calls == 1
    assert (summary.traced, summary.scored, summary.judge_refused) == (12, 0, 12)
    assert (summary.judge_unavailable, summary.budget_exhausted) == (0, 0)
    assert world.states == {ScoringState.JUDGE_REFUSED}
    assert world.codes("safety") == world.codes("fluency") == {"JUDGE_REFUSED"}
    assert world.codes("tokens") == {None}
    (trace, *_) = world.traces.stored.values()
    assert "the model is dead" in str(trace.assessments[0].error_message)


def test_each_invocation_asks_once_also_in_a_warm_process() -> None:
    """A judge that dies after it has answered costs one call an invocation, not one a record."""
    world = World(verdict(), SAFETY, FLUENCY)
    world.deliver("before")
    world.bedrock.reply = DEAD
    world.deliver("dies")
    world.bedrock.requests.clear()
    assert world.deliver(*EVENTS).judge_refused == 12
    assert len(world.bedrock.requests) == 1


def test_what_another_judge_says_is_there() -> None:
    """Only the judge that refuses is not asked; the tag tells that something is missing."""
    world = World(lambda sent: verdict() if "nova" in sent["modelId"] else DEAD, SAFETY, OTHER)
    summary = world.deliver(*EVENTS)
    assert (summary.scored, summary.judge_refused) == (12, 12)
    assert world.codes("other") == {None}
    assert world.states == {ScoringState.JUDGE_REFUSED}


def test_the_next_delivery_fills_in_what_a_dead_judge_left() -> None:
    """A mended judge gives every verdict in the place of its error, and the tag says complete."""
    world = World(DEAD, SAFETY, FLUENCY)
    world.deliver(*EVENTS)
    again = world.deliver(*EVENTS, delivery="d-2")
    assert (again.judge_calls, again.judge_refused, world.traces.writes) == (1, 12, 12)
    world.bedrock.reply = verdict()
    filled = world.deliver(*EVENTS, delivery="d-3")
    assert (filled.scored, filled.judge_refused, filled.judge_calls) == (12, 0, 24)
    assert world.states == {ScoringState.COMPLETE}
    assert world.codes("safety") == world.codes("fluency") == {None}


@pytest.mark.parametrize("reason", ["refusal", "content_filtered", "guardrail_intervened"])
@pytest.mark.parametrize("judging", ["each", "panel"])
def test_content_that_a_judge_declines_is_told_and_not_asked_about_again(
    reason: str, judging: str
) -> None:
    """An error of its own code, a tag and a count; the next delivery asks nothing and counts 0."""
    world = World(answer([{"text": "No."}], reason), SAFETY, FLUENCY, judging=judging)
    summary = world.deliver("e-1")
    assert (summary.judge_declined, summary.judge_unreadable, summary.unscored) == (1, 0, 1)
    assert world.codes("safety") == world.codes("fluency") == {"JUDGE_DECLINED"}
    (trace,) = world.traces.stored.values()
    assert reason in str(trace.assessments[0].error_message)
    calls = len(world.bedrock.requests)
    again = world.deliver("e-1", delivery="d-2")
    assert (again.judge_declined, len(world.bedrock.requests)) == (0, calls)
    assert world.states == {ScoringState.JUDGE_DECLINED}


def test_what_is_declined_stays_so_when_the_rest_is_filled_in() -> None:
    """Two judges, one declines and one is dead: when that is mended, the tag is the other's."""
    declined = answer([], "refusal")
    world = World(lambda sent: declined if "nova" in sent["modelId"] else DEAD, SAFETY, OTHER)
    world.deliver("e-1")
    assert world.states == {ScoringState.JUDGE_REFUSED}
    world.bedrock.reply = lambda sent: declined if "nova" in sent["modelId"] else verdict()
    world.deliver("e-1", delivery="d-2")
    assert world.states == {ScoringState.JUDGE_DECLINED}
    assert (world.codes("safety"), world.codes("other")) == ({None}, {"JUDGE_DECLINED"})


def test_answers_without_a_verdict_are_counted_by_calls() -> None:
    """One of two calls cannot be read: it is counted once, asked again later, and not tagged."""
    world = World(
        lambda sent: verdict("perhaps") if "classifier" in str(sent) else verdict(), SAFETY, FLUENCY
    )
    summary = world.deliver("e-1")
    assert (summary.judge_unreadable, summary.judge_calls) == (1, 2)
    assert world.codes("safety") == {"UNREADABLE_VERDICT"}
    world.bedrock.reply = verdict()
    assert world.deliver("e-1", delivery="d-2").judge_unreadable == 0
    assert world.codes("safety") == {None}


def test_a_record_that_is_too_long_for_the_judge_costs_no_other() -> None:
    """It alone is tagged, with the setting that helps; the others have their verdicts."""
    long = bedrock_error("ValidationException", 400, "Input is too long for requested model.")
    world = World(lambda sent: long if "e-3." in str(sent) else verdict(), SAFETY)
    summary = world.deliver(*EVENTS, "last")
    assert (summary.scored, summary.judge_refused) == (12, 1)
    (trace,) = (t for t in world.traces.stored.values() if t.scoring)
    assert "lower max_record_tokens" in str(trace.assessments[0].error_message)
