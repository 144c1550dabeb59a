"""What a failed response tells of itself: family, message, type and status, each read exactly."""

from __future__ import annotations

from typing import Any

import pytest

from inference_monitor.families.failures import cut_off_failure, empty_failure, find_failure
from inference_monitor.inference import Failure


def _messages(*values: Any) -> list[str | None]:
    found = [find_failure({"detail": value}) for value in values]
    return [one[1].message if one else None for one in found]


def test_what_left_no_json_is_a_failure() -> None:
    """Each has a family of its own, which tags can be searched for."""
    assert cut_off_failure()[0] == "unknown"
    assert empty_failure("gone") == ("empty", Failure("gone"))


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ({"is_error": True}, ("lmi_error", Failure("no message"))),
        ({"is_error": True, "content": "Too long."}, ("lmi_error", Failure("Too long."))),
        ({"error": True, "msg": "Busy."}, ("lmi_error", Failure("Busy."))),
        ({"error": True, "text": "An answer.", "msg": "x"}, ("lmi_error", Failure("x"))),
        ({"error": 503, "msg": "Busy."}, ("lmi_error", Failure("Busy.", None, 503))),
        ({"error": 1, "code": 429, "msg": "x"}, ("lmi_error", Failure("x", None, 429))),
        ({"error": 1, "text": "An answer."}, None),
        ({"error": 0, "text": "An answer."}, None),
        ({"error": False, "msg": "x", "text": "An answer."}, None),
        ({"is_error": False, "error": None, "text": "An answer."}, None),
    ],
    ids=str,
)
def test_a_flag_or_a_number_may_say_that_it_failed(body: Any, expected: Any) -> None:
    """True always does; a number only without an answer beside it, and 0 never."""
    assert find_failure(body) == expected


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (
            {"error": {"message": "x", "type": "outer", "error": {"code": 429, "type": "inner"}}},
            ("openai_error", Failure("no message", "inner", 429)),
        ),
        (
            {"error": {"type": "outer", "error": '{"message": "deep", "code": 404}'}},
            ("openai_error", Failure("deep", "outer", 404)),
        ),
        ({"error": {"error": "text"}}, ("openai_error", Failure("text"))),
        ({"error": {"error": " {text"}}, ("openai_error", Failure(" {text"))),
        ({"error": {"error": "[1]"}}, ("openai_error", Failure("[1]"))),
        ({"error": ' {"message": "in text"}'}, ("openai_error", Failure("in text"))),
        ({"error": '["Bad shape."]'}, ("lmi_error", Failure('["Bad shape."]'))),
        ({"error": {"prompt": ["too long", "too old"]}},
         ("openai_error", Failure("too long; too old"))),
    ],
    ids=str,
)  # fmt: skip
def test_errors_within_errors_are_opened(body: Any, expected: Any) -> None:
    """The innermost one says what went wrong; what it leaves open is taken from those around it."""
    assert find_failure(body) == expected


def test_messages_are_texts_or_lists_of_problems() -> None:
    """FastAPI's problems have a place and a text; without either, the other one is said."""
    assert _messages("One.", ["One.", "Two."]) == ["One.", "One.; Two."]
    assert _messages(
        [{"loc": ["body", 0], "msg": "One."}],
        [{"loc": ["body", 0]}],
        [{"msg": "One."}],
        [{"message": "One."}],
        [{"loc": "body", "msg": "One."}],
        [{"loc": ["a"], "msg": "One."}, {}, {"loc": ["b"], "message": "Two."}],
    ) == ["body.0: One.", "body.0", "One.", "One.", "One.", "a: One.; b: Two."]
    assert _messages({"message": "One."}, {"error": "Two."}) == ["One.", "Two."]
    assert _messages(" ", [], [{}], None, 5) == [None] * 5


@pytest.mark.parametrize(
    ("answer", "failed"),
    [
        ({}, True),
        ({"text": "An answer."}, False),
        ({"text": ""}, True),
        ({"outputs": []}, True),
        ({"data": {}}, True),
        ({"choices": None}, True),
        ({"content": "An answer."}, False),
        ({"content": ""}, True),
        ({"content": ["part"]}, True),
    ],
    ids=str,
)
def test_an_answer_beside_a_message_counts_more(answer: dict[str, Any], failed: bool) -> None:
    """What is empty is no answer; of `content` only a text is one."""
    body = {"status": "error", "message": "x", "model": "m", **answer}
    assert (find_failure(body) is not None) is failed


HALF = {"message": {"role": "assistant", "content": "Half"}}


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ({"generated_text": "Half", "details": {"finish_reason": "error"}},
         ("lmi_error", Failure("generation finished with an error"))),
        ({"choices": [{**HALF, "finish_reason": "abort"}]},
         ("openai_error", Failure("generation was aborted"))),
        ({"choices": [{"finish_reason": "error", "error": {"message": "Down.", "code": 502}}]},
         ("openai_error", Failure("Down.", None, 502))),
        ({"text": "Half", "meta_info": {"finish_reason": {"type": "abort", "message": "Long."}}},
         ("sglang_error", Failure("Long.", "abort"))),
        ({"text": "Half", "finish_reason": "ERROR_TOXIC"},
         ("sglang_error", Failure("generation was aborted"))),
        ({"text": "Half", "finish_reason": "stop"}, None),
        ({"choices": [{**HALF, "finish_reason": "length"}]}, None),
    ],
    ids=str,
)  # fmt: skip
def test_an_answer_may_end_in_an_error(body: Any, expected: Any) -> None:
    """The finish reason says so, wherever a server writes it; half an answer is a failure."""
    assert find_failure(body) == expected


@pytest.mark.parametrize(
    ("body", "kind", "status", "implied"),
    [
        ({"error": {"message": "x", "type": "error", "code": "Overloaded"}},
         "Overloaded", 429, True),
        ({"error": {"message": "x", "type": "error"}}, "error", None, False),
        ({"error": {"message": "x", "type": "rate_limit_error"}}, "rate_limit_error", 429, True),
        ({"error": {"message": "x", "type": "rate_limit_error", "code": 503}},
         "rate_limit_error", 503, False),
        ({"error": {"message": "x", "type": "mine", "code": "400"}}, "mine", 400, False),
        ({"error": {"message": "x", "code": "1300"}}, None, None, False),
        ({"error": {"message": "Bad Gateway"}}, None, 502, True),
        ({"error": {"message": "x"}}, None, None, False),
    ],
    ids=str,
)  # fmt: skip
def test_type_and_status_of_a_failure(
    body: Any, kind: str | None, status: int | None, implied: bool
) -> None:
    """A number is the status, else the type implies it, else the words; `error` is a poor type."""
    found = find_failure(body)
    assert found
    assert found[1] == Failure(body["error"]["message"], kind, status, implied)
