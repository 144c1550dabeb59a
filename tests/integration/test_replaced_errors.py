"""Errors in MLflow that give way to a verdict, or to another error, of another judge."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import mlflow
import pytest
from mlflow.entities import AssessmentError, AssessmentSource, Feedback

from inference_monitor.domain import StoredTrace
from inference_monitor.errors import TransientError
from inference_monitor.inference import Inference
from tests import inferences
from tests.integration.conftest import Endpoint
from tests.integration.faults import FrontDoor

DEAD, LIVING = "bedrock:/anthropic.ended-v1:0", "bedrock:/anthropic.living-v1:0"
PERSON = AssessmentSource("HUMAN", "ann@example.com")


def _by(judge: str, feedback: Feedback) -> Feedback:
    """The feedback, as given by this judge."""
    feedback.source = AssessmentSource("LLM_JUDGE", judge)
    feedback.metadata = {"judge_model": judge, "prompt_version": f"for {judge}"}
    return feedback


def _refused(
    chat: Inference,
    judge: str,
    message: str = "end of life",
    *,
    name: str = "safety",
    code: str = "JUDGE_REFUSED",
) -> Feedback:
    error = AssessmentError(code, message)
    return _by(judge, inferences.feedback(chat.event_id, name, None, error=error, rationale=None))


def _judged(chat: Inference, judge: str, name: str = "safety") -> Feedback:
    return _by(judge, inferences.feedback(chat.event_id, name))


def _stored(endpoint: Endpoint, chat: Inference) -> StoredTrace:
    return endpoint.store.lookup([endpoint.trace_id(chat)])[endpoint.trace_id(chat)]


def _given(endpoint: Endpoint, chat: Inference) -> dict[str, Feedback]:
    """The assessments of the trace by name, each of which is there once."""
    assessments = _stored(endpoint, chat).assessments
    by_name = {a.name: a for a in assessments}
    assert len(by_name) == len(assessments)
    return by_name


def _others(endpoint: Endpoint) -> dict[str, Any]:
    """All that MLflow shows of the only trace, without assessments of a judge."""
    (trace,) = endpoint.search()
    info = trace.info.to_dict()
    assessments = [a for a in info.pop("assessments") if a["source"]["source_type"] == "HUMAN"]
    spans = [span.to_dict() for span in trace.data.spans]
    return {**info, "assessments": sorted(assessments, key=str), "spans": spans}


def _is_record(method: str, path: str) -> bool:
    return method == "POST" and path.endswith("/mlflow/traces")


def test_a_verdict_in_place_of_an_error_names_its_own_judge(
    endpoint: Endpoint, door: FrontDoor
) -> None:
    """Source, judge model and prompt version are those of the new judge; all else stays as it was.

    However many errors a trace has, that is one search and one write.
    """
    attributes = ("session_id=s-1", "user_id=u-1")
    chat = inferences.chat(endpoint.event(0), custom_attributes=attributes)
    refused = [_refused(chat, DEAD), _refused(chat, DEAD, name="fluency")]
    endpoint.store.write([inferences.scored(chat, *refused)])
    trace_id = endpoint.trace_id(chat)
    endpoint.client.set_trace_tag(trace_id, "team", "blue")
    endpoint.client.set_trace_tag(trace_id, "note", "of a person")
    mlflow.log_feedback(trace_id=trace_id, name="seen", value=3, source=PERSON, rationale="read")
    mlflow.log_expectation(trace_id=trace_id, name="fact", value={"sky": "blue"}, source=PERSON)
    before, stored = _others(endpoint), _stored(endpoint, chat)
    assert before["trace_metadata"]["mlflow.trace.session"] == "s-1"

    door.counts.clear()
    endpoint.store.add(stored, [_judged(chat, LIVING), _judged(chat, LIVING, "fluency")])
    assert sorted(door.counts.values()) == [1, 1]

    given = _given(endpoint, chat)
    for name in ("safety", "fluency"):
        after = given[name]
        assert (after.value, after.error) == ("yes", None)
        assert (after.source.source_type, after.source.source_id) == ("LLM_JUDGE", LIVING)
        assert after.metadata == {"judge_model": LIVING, "prompt_version": f"for {LIVING}"}
        assert after.rationale == f"Nothing speaks against {name}."
    assert _others(endpoint) == before


@pytest.mark.parametrize(
    ("code", "message", "judge"),
    [
        ("JUDGE_REFUSED", "end of life", LIVING),
        ("JUDGE_REFUSED", "no access to the model", DEAD),
        ("UNREADABLE_VERDICT", "end of life", DEAD),
    ],
)
def test_an_error_gives_way_to_another_error(
    endpoint: Endpoint, door: FrontDoor, code: str, message: str, judge: str
) -> None:
    """The trace tells what is wrong today, and with which judge; the same again writes nothing."""
    chat = inferences.chat(endpoint.event(0))
    endpoint.store.write([inferences.scored(chat, _refused(chat, DEAD, "end of life"))])
    newer = _refused(chat, judge, message, code=code)
    endpoint.store.add(_stored(endpoint, chat), [newer])
    found = _given(endpoint, chat)["safety"]
    assert (found.error_code, found.error_message) == (code, message)
    assert found.source.source_id == judge
    stored = _stored(endpoint, chat)
    door.counts.clear()
    endpoint.store.add(stored, [newer])
    assert door.total == 0


def test_judges_that_replace_an_error_together_leave_one_verdict(endpoint: Endpoint) -> None:
    """Whoever looks meanwhile finds one assessment, whose source and metadata belong together."""
    chat = inferences.chat(endpoint.event(0))
    endpoint.store.write([inferences.scored(chat, _refused(chat, DEAD))])
    stored = _stored(endpoint, chat)
    together, done = threading.Barrier(5), threading.Event()

    def add(number: int) -> None:
        together.wait(30)
        endpoint.store.add(stored, [_judged(chat, f"{LIVING}-{number}")])

    def look() -> list[tuple[Any, ...]]:
        seen: list[tuple[Any, ...]] = []
        together.wait(30)
        while not done.is_set():
            (safety,) = _stored(endpoint, chat).assessments
            assert safety.metadata
            assert safety.source.source_id == safety.metadata["judge_model"]
            seen.append((safety.source.source_id == DEAD, bool(safety.error)))
        return seen

    with ThreadPoolExecutor(5) as pool:
        seen = pool.submit(look)
        for adding in [pool.submit(add, number) for number in range(4)]:
            adding.result(60)
        done.set()
        assert set(seen.result(60)) <= {(True, True), (False, False)}
    safety = _given(endpoint, chat)["safety"]
    assert safety.value == "yes"
    assert safety.source.source_id in {f"{LIVING}-{number}" for number in range(4)}


def test_a_value_put_in_place_of_an_error_meanwhile_stays(
    endpoint: Endpoint, door: FrontDoor
) -> None:
    """A slow delivery that still knows the error neither changes nor writes anything."""
    chat = inferences.chat(endpoint.event(0))
    endpoint.store.write([inferences.scored(chat, _refused(chat, DEAD))])
    stored = _stored(endpoint, chat)
    endpoint.store.add(stored, [_judged(chat, LIVING)])
    door.counts.clear()
    endpoint.store.add(stored, [_judged(chat, "bedrock:/slow")])
    assert list(door.counts) == ["POST /api/3.0/mlflow/traces/search"]
    assert _given(endpoint, chat)["safety"].source.source_id == LIVING


def test_what_a_person_overrode_stays_overridden(endpoint: Endpoint) -> None:
    """Such a trace gets the verdict with its metadata; the price is its source, the error's."""
    chat = inferences.chat(endpoint.event(0))
    fluency = _judged(chat, DEAD, "fluency")
    endpoint.store.write([inferences.scored(chat, _refused(chat, DEAD), fluency)])
    assert fluency.assessment_id
    mlflow.override_feedback(
        trace_id=endpoint.trace_id(chat),
        assessment_id=fluency.assessment_id,
        value="no",
        source=PERSON,
        rationale="It stutters.",
    )
    before = _others(endpoint)
    endpoint.store.add(_stored(endpoint, chat), [_judged(chat, LIVING)])
    found = {(a.name, a.source.source_id): a for a in _stored(endpoint, chat).assessments}
    assert {key: (a.value, a.valid) for key, a in found.items()} == {
        ("safety", DEAD): ("yes", True),
        ("fluency", DEAD): ("yes", False),
        ("fluency", PERSON.source_id): ("no", True),
    }
    assert found["safety", DEAD].metadata == _judged(chat, LIVING).metadata
    assert _others(endpoint) == before


@pytest.mark.parametrize("status", [400, 403, 404, 500, 501])
def test_a_server_that_takes_no_record_again_keeps_the_source(
    endpoint: Endpoint, door: FrontDoor, status: int
) -> None:
    """The verdict is stored all the same, and its metadata names the judge."""
    chat = inferences.chat(endpoint.event(0))
    endpoint.store.write([inferences.scored(chat, _refused(chat, DEAD))])
    stored = _stored(endpoint, chat)
    door.fault = lambda method, path, _: status if _is_record(method, path) else None
    endpoint.store.add(stored, [_judged(chat, LIVING)])
    safety = _given(endpoint, chat)["safety"]
    assert (safety.value, safety.error, safety.source.source_id) == ("yes", None, DEAD)
    assert safety.metadata == _judged(chat, LIVING).metadata


def test_an_error_stays_until_something_takes_its_place(
    endpoint: Endpoint, door: FrontDoor
) -> None:
    """While MLflow fails nothing is taken away; the next delivery brings what is missing."""
    chat = inferences.chat(endpoint.event(0))
    endpoint.store.write([inferences.scored(chat, _refused(chat, DEAD))])
    stored = _stored(endpoint, chat)
    door.fault = lambda method, path, _: (
        500 if _is_record(method, path) or method == "PATCH" else None
    )
    with pytest.raises(TransientError, match="MLflow did not update assessment"):
        endpoint.store.add(stored, [_judged(chat, LIVING)])
    door.fault = None
    safety = _given(endpoint, chat)["safety"]
    assert (safety.error_code, safety.source.source_id) == ("JUDGE_REFUSED", DEAD)
    endpoint.store.add(_stored(endpoint, chat), [_judged(chat, LIVING)])
    safety = _given(endpoint, chat)["safety"]
    assert (safety.value, safety.error, safety.source.source_id) == ("yes", None, LIVING)


def test_what_others_add_meanwhile_is_kept(endpoint: Endpoint, door: FrontDoor) -> None:
    """What a person adds between our reading and writing is there afterwards, as is the verdict."""
    chat = inferences.chat(endpoint.event(0))
    endpoint.store.write([inferences.scored(chat, _refused(chat, DEAD))])
    stored, trace_id, added = _stored(endpoint, chat), endpoint.trace_id(chat), threading.Event()

    def interfere(method: str, path: str, _: bytes) -> None:
        if _is_record(method, path) and not added.is_set():
            added.set()
            endpoint.client.set_trace_tag(trace_id, "team", "blue")
            mlflow.log_feedback(trace_id=trace_id, name="seen", value="yes", source=PERSON)

    door.fault = interfere
    endpoint.store.add(stored, [_judged(chat, LIVING)])
    assert added.is_set()
    found = _given(endpoint, chat)
    assert {name: a.source.source_id for name, a in found.items()} == {
        "safety": LIVING,
        "seen": PERSON.source_id,
    }
    (trace,) = endpoint.search("tags.team = 'blue'")
    assert trace.info.trace_id == trace_id
