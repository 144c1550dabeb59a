"""Judge calls as records of batch jobs: nothing a job refuses, and the same verdicts as online."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from inference_monitor.config.models import model_table
from inference_monitor.config.scorers import ScorersConfig
from inference_monitor.domain import Record
from inference_monitor.inference import Choice, Response
from inference_monitor.scoring.batch.manifest import Asked, Manifest
from inference_monitor.scoring.batch.requests import (
    answer_of,
    batch_request,
    from_json,
    model_input,
    to_json,
)
from inference_monitor.scoring.judge.calls import JudgeCall, plan_calls
from inference_monitor.scoring.judge.converse import Answer, Terms, build_request
from inference_monitor.scoring.judge.negotiation import first_terms
from inference_monitor.scoring.judge.prompts import criteria
from inference_monitor.scoring.record import with_materials
from local.judge.batch_records import answered
from local.judge.behaviour import Behaviour
from tests.unit.judging import MODEL, SAFETY, SOURCE, answer, config, inference, verdict

TONE = {"name": "tone", "type": "guidelines", "guidelines": "Be polite.", "version": "7"}
QUALITY = {
    "name": "quality", "type": "judge", "instructions": "How good is {{ outputs }}?",
    "output": "number", "range": [1, 5],
}  # fmt: skip
EACH = config(SAFETY, TONE, QUALITY)
PANEL = config(SAFETY, TONE, QUALITY, judging="panel")


def calls(scorers: ScorersConfig, **changes: Any) -> list[JudgeCall]:
    """The calls for one inference."""
    one = inference(**changes)
    return plan_calls(with_materials(Record.of(one, SOURCE), scorers), criteria(scorers, MODEL))


def body_of(call: JudgeCall, terms: Terms | None = None) -> dict[str, Any]:
    """What a job is sent for a call; of a model that is known, as at first."""
    question = from_json(to_json(batch_request(call)).encode())
    known = first_terms(model_table().facts(question.model_id))
    return model_input(question, terms or known)


def online(call: JudgeCall, terms: Terms) -> dict[str, Any]:
    """What is sent for a call now."""
    return build_request(call.request, terms).arguments


def written(text: str, **changes: Any) -> dict[str, Any]:
    """A record's output with a text, as jobs write it: null for all that is not there."""
    block = {"text": text, "toolUse": None, "image": None}
    usage = {"inputTokens": 1000, "outputTokens": 100, "cacheReadInputTokens": None}
    return {**answer([block], "end_turn"), "usage": usage, **changes}


@pytest.mark.parametrize("scorers", [EACH, PANEL])
def test_a_record_is_a_converse_request_without_tools(scorers: ScorersConfig) -> None:
    """Jobs refuse `toolConfig` and cannot cache; the schema that the tool had is in the text."""
    for call in calls(scorers):
        body, now = body_of(call), online(call, Terms(default_temperature=True))
        assert set(body) == {"system", "messages", "inferenceConfig"}
        assert body["messages"] == now["messages"]
        assert body["inferenceConfig"] == now["inferenceConfig"]
        (block,) = body["system"]
        told, _, schema = block["text"].rpartition("\n")
        assert json.loads(schema) == call.tool["toolSpec"]["inputSchema"]["json"]
        assert told.startswith(call.prompt.system)
        assert told.endswith("nothing before it and nothing after it, that fits this JSON schema:")


def test_parameters_of_the_model_are_kept() -> None:
    """What the user wants to be sent to the model is sent by a job, too."""
    (call,) = calls(config({**SAFETY, "inference_parameters": {"additional": {"top_k": 5}}}))
    assert body_of(call)["additionalModelRequestFields"] == {"top_k": 5}


def test_what_the_model_refuses_is_not_in_a_record() -> None:
    """A job is made with what was found out about its model: else every record would fail."""
    (call,) = calls(config({**SAFETY, "inference_parameters": {"additional": {"top_k": 5}}}))
    terms = Terms(refuses=frozenset({"temperature", "additional.top_k"}), room=4096)
    body = body_of(call, terms)
    assert set(body) == {"system", "messages", "inferenceConfig"}
    assert body["inferenceConfig"] == {"maxTokens": 1024 + 4096}


@pytest.mark.parametrize(
    "text",
    [
        '{"rationale": "Because.", "result": "yes"}',
        ' \n{"rationale": "Because.", "result": "yes"}\n',
        '```json\n{"rationale": "Because.", "result": "yes"}\n```',
        '```\n{"rationale": "Because.", "result": "yes"}```',
    ],
)
def test_a_written_verdict_is_read_as_a_call_of_the_tool(text: str) -> None:
    """Value, rationale, id, scorer and price are those of the same verdict given online."""
    (call,) = calls(config(SAFETY))
    (online,) = call.read(Answer.of(verdict("yes")), 0.5)
    (batch,) = call.read(answer_of(written(text)), 0.5)
    assert (batch.value, batch.rationale, batch.error) == ("yes", "Because.", None)
    assert batch.assessment_id == online.assessment_id
    assert batch.metadata == {**(online.metadata or {}), "verdict_by": "words"}


@pytest.mark.parametrize(
    "text",
    [
        "yes",
        "",
        '["yes"]',
        'Here it is: {"rationale": "Because.", "result": "yes"}',
        '{"rationale": "a", "result": "yes"} {"rationale": "b", "result": "no"}',
        '{"rationale": "Because.", "result": "maybe"}',
        '{"result": "yes"}',
        "[" * 10_000,
    ],
)
def test_anything_else_is_an_error_and_no_value(text: str) -> None:
    """Prose, two verdicts, a category nobody offered: an assessment with an error."""
    (call,) = calls(config(SAFETY))
    (read,) = call.read(answer_of(written(text)), None)
    assert read.value is None
    assert read.error
    assert read.error.error_code == "UNREADABLE_VERDICT"


@pytest.mark.parametrize("output", [{}, {"output": None}, {"usage": None, "output": {}}])
def test_an_output_without_a_message_is_an_error(output: dict[str, Any]) -> None:
    """A record that Bedrock calls answered, and that holds nothing, gives no value."""
    (call,) = calls(config(SAFETY))
    answer = answer_of(output)
    (read,) = call.read(answer, None)
    assert (answer.input_tokens, answer.output_tokens) == (0, 0)
    assert read.error


@pytest.mark.parametrize("scorers", [EACH, PANEL])
def test_a_manifest_reads_answers_without_the_captures(scorers: ScorersConfig) -> None:
    """Written down and read again it gives the verdicts the call would, marked as a job's."""
    for call in calls(scorers):
        asked = Asked.of(call, "00000000001", ["safety", "tone", "quality"])
        lines = [Manifest("job-1", MODEL, scorers, {}).head(), asked.to_json()]
        manifest = Manifest.read(line.encode() for line in lines)
        line = json.dumps({"recordId": "00000000001", "modelInput": body_of(call)}).encode()
        output = answered(MODEL.removeprefix("bedrock:/"), line, Behaviour())["modelOutput"]
        expected = call.read(answer_of(output), 0.5)
        given = manifest.verdicts(manifest.asked["00000000001"], answer_of(output), 0.5)
        assert [v.error for v in given] == [None] * len(expected)
        for mine, theirs in zip(given, expected, strict=True):
            assert (mine.value, mine.rationale, mine.name, mine.assessment_id, mine.trace_id) == (
                theirs.value, theirs.rationale, theirs.name, theirs.assessment_id, theirs.trace_id
            )  # fmt: skip
            assert mine.metadata == {
                **(theirs.metadata or {}),
                "batch": "job-1",
                "prompt_version": f"{(theirs.metadata or {})['prompt_version']}+json",
            }


def test_a_manifest_holds_nothing_that_was_said() -> None:
    """It names records; what they say is in the input alone."""
    (call,) = calls(config(SAFETY), question="My secret?", answer="Your secret.")
    lines = Manifest("job-1", MODEL, EACH, {}).head() + Asked.of(call, "1", []).to_json()
    assert "secret" not in lines
    assert "secret" in json.dumps(body_of(call))


def test_what_was_cut_is_said_of_the_verdict() -> None:
    """A long record is shortened for a job as well, and its assessment says so."""
    scorers = config(SAFETY, max_record_tokens=500)
    (call,) = calls(scorers, answer="long words " * 5000)
    asked = Asked.of(call, "1", ["safety"])
    manifest = Manifest("job-1", MODEL, scorers, {"1": asked})
    (read,) = manifest.verdicts(asked, answer_of(written("x")), None)
    assert (read.metadata or {})["shortened"].startswith("response: about ")


def test_a_manifest_says_which_answer_a_record_is_about() -> None:
    """So that what was said of several answers can be put together without the captures."""
    two = replace(inference(), response=Response("x", choices=(Choice(None), Choice("b"))))
    record = with_materials(Record.of(two, SOURCE), EACH)
    (call, *_) = plan_calls(record, criteria(config(SAFETY), MODEL))
    written_down = Asked.of(call, "1", ["safety"], record.answers).to_json()
    lines = [Manifest("job-1", MODEL, EACH, {}).head(), written_down]
    read = Manifest.read(line.encode() for line in lines).asked["1"]
    assert (read.answer, read.answers) == (2, 2)
    older = {k: v for k, v in json.loads(written_down).items() if not k.startswith("answer")}
    lines[1] = json.dumps(older)
    read = Manifest.read(line.encode() for line in lines).asked["1"]
    assert (read.answer, read.answers) == (1, 1), "a job from before goes on"


def test_a_trace_lacks_nothing_when_every_scorer_has_given_something() -> None:
    """Also those that were not asked in this job; an older version does not count."""
    (call, tone, quality) = calls(EACH)
    asked = Asked.of(call, "1", ["safety", "tone", "quality"])
    manifest = Manifest("job-1", MODEL, EACH, {"1": asked})
    given = [one.read(Answer.of(verdict("yes")), None)[0] for one in (call, tone)]
    assert not manifest.lacks_nothing(asked, given)
    given += quality.read(Answer.of(verdict(4)), None)
    assert manifest.lacks_nothing(asked, given)
    (older,) = calls(config({**TONE, "version": "6"}))
    given[1] = older.read(Answer.of(verdict("yes")), None)[0]
    assert not manifest.lacks_nothing(asked, given)
