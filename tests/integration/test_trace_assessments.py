"""Assessments of traces that are already there: added once, and errors replaced by verdicts."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

import pytest
from mlflow.entities import Assessment

from inference_monitor.domain import ScoringState, Verdicts
from tests import inferences
from tests.integration.conftest import Endpoint


def _assessments(endpoint: Endpoint) -> dict[str, Assessment]:
    (trace,) = endpoint.search()
    by_name = {a.name: a for a in trace.info.assessments}
    assert len(by_name) == len(trace.info.assessments)
    return by_name


def _value(assessment: Assessment) -> Any:
    assert assessment.feedback
    return assessment.feedback.value


def test_missing_assessments_are_added_once(endpoint: Endpoint) -> None:
    """A later delivery adds what is missing under its own id, and leaves what is there alone."""
    chat = inferences.chat(endpoint.event(0))
    endpoint.store.write([inferences.scored(chat, inferences.feedback(chat.event_id, "safety"))])
    later = [
        inferences.feedback(chat.event_id, "safety", "no"),
        inferences.feedback(chat.event_id, "fluency"),
    ]
    for _ in range(2):
        stored = endpoint.store.lookup([endpoint.trace_id(chat)])[endpoint.trace_id(chat)]
        endpoint.store.add(stored, later)
    # Also by one who does not know yet that they are there.
    endpoint.store.add(stored, later)
    found = _assessments(endpoint)
    assert {name: _value(a) for name, a in found.items()} == {"safety": "yes", "fluency": "yes"}
    assert found["fluency"].assessment_id == later[1].assessment_id


def test_writing_a_known_trace_adds_what_is_missing(endpoint: Endpoint) -> None:
    """Verdicts given while another delivery wrote the trace are not lost."""
    chat = inferences.chat(endpoint.event(0))
    endpoint.store.write([inferences.scored(chat)])
    endpoint.store.write([inferences.scored(chat, inferences.feedback(chat.event_id, "safety"))])
    assert list(_assessments(endpoint)) == ["safety"]


def test_an_error_is_replaced_by_a_verdict(endpoint: Endpoint) -> None:
    """A judge that gives a verdict later takes the place of its error, but not the other way."""
    chat = inferences.chat(endpoint.event(0))
    endpoint.store.write([inferences.scored(chat, inferences.unreadable(chat.event_id))])
    before = _assessments(endpoint)["safety"]
    assert before.feedback
    assert before.feedback.error
    assert before.feedback.error.error_code == "UNREADABLE_VERDICT"

    for attempt in (inferences.feedback(chat.event_id), inferences.unreadable(chat.event_id)):
        stored = endpoint.store.lookup([endpoint.trace_id(chat)])[endpoint.trace_id(chat)]
        endpoint.store.add(stored, [attempt])
    after = _assessments(endpoint)["safety"]
    assert after.feedback
    assert (after.feedback.value, after.feedback.error) == ("yes", None)
    assert after.rationale == "Nothing speaks against safety."
    assert after.assessment_id == before.assessment_id
    assert after.source.source_type == "LLM_JUDGE"


def test_the_same_assessment_added_at_the_same_time(endpoint: Endpoint) -> None:
    """Deliveries that add the same verdict together leave one, and none of them fails."""
    chat = inferences.chat(endpoint.event(0))
    endpoint.store.write([inferences.scored(chat)])
    stored = endpoint.store.lookup([endpoint.trace_id(chat)])[endpoint.trace_id(chat)]
    together = threading.Barrier(4)

    def add(_: int) -> None:
        together.wait(30)
        endpoint.store.add(stored, [inferences.feedback(chat.event_id)])

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(add, range(4)))
    assert list(_assessments(endpoint)) == ["safety"]


def test_a_trace_says_why_scores_are_missing_until_they_are_there(endpoint: Endpoint) -> None:
    """The tag is written with the trace, can be searched for, and is changed with the scores."""
    chat, other = inferences.chat(endpoint.event(0)), inferences.chat(endpoint.event(1))
    waiting = replace(inferences.scored(chat), verdicts=Verdicts(exhausted=True))
    endpoint.store.write([waiting, inferences.scored(other)])
    (found,) = endpoint.search("tags.scoring = 'budget_exhausted'")
    assert found.info.trace_id == endpoint.trace_id(chat)
    stored = endpoint.store.lookup([endpoint.trace_id(chat)])[endpoint.trace_id(chat)]
    assert stored.scoring == "budget_exhausted"
    endpoint.store.add(stored, [inferences.feedback(chat.event_id)], ScoringState.COMPLETE)
    assert endpoint.search("tags.scoring = 'budget_exhausted'") == []
    (found,) = endpoint.search("tags.scoring = 'complete'")
    assert [a.name for a in found.info.assessments] == ["safety"]


@pytest.mark.parametrize(
    ("value", "stored"),
    [(True, True), (0.25, 0.25), (3, 3), ("in part", "in part"), (["a", "b"], ["a", "b"])],
)
def test_values_keep_their_type(endpoint: Endpoint, value: Any, stored: Any) -> None:
    """Whatever a scorer may return comes back as it was."""
    chat = inferences.chat(endpoint.event(0))
    endpoint.store.write([inferences.scored(chat, inferences.feedback(chat.event_id, "s", value))])
    assert _value(_assessments(endpoint)["s"]) == stored


@pytest.mark.parametrize("value", [float("nan"), {"a", "set"}])
def test_a_value_that_cannot_be_stored_is_an_error(endpoint: Endpoint, value: Any) -> None:
    """A scorer that returns no JSON value costs its score only, and the trace says so."""
    chat = inferences.chat(endpoint.event(0))
    bad = inferences.feedback(chat.event_id, "custom", value)
    assert endpoint.store.write([inferences.scored(chat, bad)]) == {}
    found = _assessments(endpoint)["custom"]
    assert found.feedback
    assert found.feedback.error
    assert found.feedback.error.error_code == "INVALID_VALUE"
