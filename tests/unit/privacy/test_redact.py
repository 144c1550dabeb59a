"""An inference is redacted wherever it holds text, counted once, and never let out unredacted."""

from __future__ import annotations

import json
import threading
from collections import Counter
from collections.abc import Iterator
from dataclasses import fields, is_dataclass, replace
from typing import Any

import pytest

from inference_monitor.capture.reader import Entry, Quarantined, Skipped, read_document
from inference_monitor.inference import (
    Choice,
    Failure,
    Inference,
    Kind,
    Request,
    Response,
    ToolCall,
    Usage,
)
from inference_monitor.privacy.patterns import PATTERNS, Found
from inference_monitor.privacy.redact import Redactor
from inference_monitor.time_limit import cpu_limit
from inference_monitor.traces.build import build_trace
from tests.unit.builders import capture, read
from tests.unit.judging import SOURCE, inference

MAIL = "canary@example.com"
KEPT = {"event_id", "kind", "family"}
redactor = Redactor(PATTERNS)


def everywhere() -> Inference:
    """An inference with the address in every text it may hold."""
    message = {
        "role": MAIL,
        "content": [{"type": "text", "text": MAIL}, MAIL, {"x": {MAIL: [MAIL]}}],
        "tool_calls": [{"id": MAIL, "function": {"name": MAIL, "arguments": f'{{"a": "{MAIL}"}}'}}],
    }
    choice = Choice(MAIL, MAIL, MAIL, (ToolCall(MAIL, f'["{MAIL}"]', MAIL),), 3, 0)
    return replace(
        inference(),
        inference_id=MAIL,
        custom_attributes=(f"user_id={MAIL}",),
        request=Request(
            "openai_chat", MAIL, [message], {"stop": [MAIL]}, [{"d": MAIL}], MAIL, [[message]]
        ),
        response=Response(
            "openai_chat", [MAIL], (choice, choice), Usage(1, 2), Failure(MAIL, MAIL, 500), MAIL
        ),
    )


def texts(value: Any, name: str = "") -> Iterator[tuple[str, str]]:
    """Every text of a value, keys included, with the name of the field it is in."""
    if isinstance(value, str) and not isinstance(value, Kind):
        yield name, value
    elif is_dataclass(value):
        for field in fields(value):
            yield from texts(getattr(value, field.name), field.name)
    elif isinstance(value, dict):
        for item in (*value.keys(), *value.values()):
            yield from texts(item, name)
    elif isinstance(value, list | tuple):
        for item in value:
            yield from texts(item, name)


def test_no_text_is_left_out() -> None:
    """Every field that can hold text was given the address, and holds it no more."""
    before = everywhere()
    filled = {name for name, text in texts(before) if MAIL in text}
    redacted = redactor.redact(before)
    assert filled == {
        "inference_id", "custom_attributes", "body", "messages", "parameters", "tools", "model",
        "items", "text", "finish_reason", "reasoning", "name", "arguments", "id", "message", "type",
    }  # fmt: skip
    assert not [name for name, text in texts(redacted) if MAIL in text]
    assert sum("[EMAIL]" in text for _, text in texts(redacted)) == sum(
        MAIL in text for _, text in texts(before)
    )


def test_what_identifies_and_counts_is_unchanged() -> None:
    """Event id, time, kind, families and token counts are as they were; so is the trace's id."""
    before = replace(everywhere(), event_id="id-of-canary@example.com")
    after = redactor.redact(before)
    kept = ("event_id", "inference_time", "kind", "family", "status_code")
    assert [getattr(after, n) for n in kept] == [getattr(before, n) for n in kept]
    assert after.response is not None
    assert after.response.usage == Usage(1, 2)
    assert after.response.choices[0].output_tokens == 3
    ids = [build_trace(i, SOURCE, "0").trace_id for i in (before, after)]
    assert ids[0] == ids[1]


def test_harmless_text_is_the_same_inference() -> None:
    """Nothing changes but that the counts say it was looked at."""
    before = read({"messages": [{"role": "user", "content": "2 < 3?"}]}, {"generated_text": "Yes"})
    assert redactor.redact(before) == replace(before, redactions={})


def test_a_text_counts_once_wherever_it_is_shown() -> None:
    """Body, messages and answer share their texts; a person reads how many there were."""
    before = read(
        {"messages": [{"role": "user", "content": f"{MAIL} and 10.0.0.1"}]},
        {"choices": [{"message": {"role": "assistant", "content": f"{MAIL}, x@y.de"}}]},
    )
    after = redactor.redact(before)
    assert after.redactions == {"EMAIL": 3, "IP_ADDRESS": 1}
    assert after.request is not None
    assert after.request.messages is not None
    assert after.request.body["messages"][0] is after.request.messages[0]
    tags = build_trace(after, SOURCE, "0").info.tags
    assert json.loads(tags["redactions"]) == after.redactions
    assert "redactions" not in build_trace(before, SOURCE, "0").info.tags


@pytest.mark.parametrize(
    ("body", "redacted"),
    [
        pytest.param({"password": "hunter2"}, {"password": "[SECRET]"}, id="secret by its key"),
        pytest.param({"db_password": ""}, {"db_password": "[SECRET]"}, id="empty secret"),
        pytest.param({"max_tokens": 5, "token": "Hi"}, {"max_tokens": 5, "token": "Hi"}, id="no"),
        pytest.param([4111111111111111, 12, 0.5], ["[CREDIT_CARD]", 12, 0.5], id="card as number"),
        pytest.param({MAIL: 1, "x@y.de": 2}, {"[EMAIL]": 1, "[EMAIL]_1": 2}, id="keys"),
        pytest.param(r'{"a": "x\u0040y.de"}', '{"a": "[EMAIL]"}', id="JSON text with escapes"),
        pytest.param('{"a": "x@y.de", "a": 1}', '{"a": "[EMAIL]", "a": 1}', id="key given twice"),
        pytest.param('{"a": "x@y.de', '{"a": "[EMAIL]', id="JSON cut off"),
        pytest.param("Zm9v" * 100, "Zm9v" * 100, id="binary body"),
    ],
)
def test_bodies_of_any_shape(body: Any, redacted: Any) -> None:
    """Parsed JSON, JSON in a text, text and binary data."""
    after = redactor.redact(replace(inference(), request=Request("unknown", body)))
    assert after.request is not None
    assert after.request.body == redacted


def test_secret_keys_are_left_where_secrets_are() -> None:
    """Who takes SECRET out of the list keeps what stands under such keys."""
    body = {"password": "hunter2"}
    before = replace(inference(), request=Request("unknown", body))
    after = Redactor(PATTERNS[:1], secret_keys=False).redact(before)
    assert after.request is not None
    assert after.request.body == body


def failing(_text: str) -> list[Found]:
    """A recognizer that fails, quoting what it was given."""
    raise RuntimeError(_text)


def endless(_text: str) -> list[Found]:
    """A recognizer that does not come to an end."""
    while True:
        pass


@pytest.mark.parametrize(
    ("finder", "reason"),
    [(failing, "RuntimeError"), (endless, "TimeoutError")],
)
def test_what_cannot_be_redacted_is_quarantined(finder: Any, reason: str) -> None:
    """Nothing of it goes on; its line is kept whole, and the reason quotes nothing."""
    entry = read_document(capture({"inputs": MAIL}, {"generated_text": MAIL}))
    refused = Redactor([finder], seconds=0.2).redact_entry(entry)
    assert refused.record == Quarantined(f"could not be redacted: {reason}", "e-1")
    assert refused.raw is entry.raw


def test_a_payload_that_is_too_deep_is_quarantined() -> None:
    """It could not be followed, so nobody knows what is in it."""
    body: Any = MAIL
    for _ in range(2_000):
        body = [body]
    deep = replace(inference(), request=Request("unknown", body))
    refused = redactor.redact_entry(Entry(deep, b"line"))
    assert refused.record == Quarantined("could not be redacted: RecursionError", "event-1")


def test_lines_without_an_inference_pass() -> None:
    """What was skipped or quarantined before stays that."""
    entry = Entry(Skipped("ground truth"), b"line")
    assert redactor.redact_entry(entry) is entry


def test_a_time_limit_is_lifted_at_the_end() -> None:
    """What comes after a block may take its time, and a thread without signals is not limited."""
    with cpu_limit(0.05):
        pass
    counts: Counter[str] = Counter(str(n) for n in range(200_000))
    done = []

    def work() -> None:
        with cpu_limit(0.000001):
            done.append(sum(counts.values()))

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert done == [200_000]
