"""A judge is asked in the way that it takes, found out by what it refuses."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

import pytest
from botocore.exceptions import ReadTimeoutError

from inference_monitor.config.specs import InferenceParameters
from inference_monitor.scoring.judge.client import Judge, JudgeRefusedError
from inference_monitor.scoring.judge.converse import Answer, JudgeRequest
from inference_monitor.scoring.judge.negotiation import MOST_REFUSALS
from inference_monitor.scoring.judge.verdict import one_of
from tests.unit.judging import FakeBedrock, answer, bedrock_error, patient_pace, thought, verdict
from tests.unit.picky import TRIGGERS, PickyModel, config, way_of

ARN = "bedrock:/arn:aws:bedrock:us-east-1:111122223333:application-inference-profile/abc123def456"
UNKNOWN = "bedrock:/acme.judge-9-v1:0"
SONNET = "bedrock:/global.anthropic.claude-sonnet-4-6"
OPUS = "bedrock:/global.anthropic.claude-opus-5-5"
FORMAT = one_of(["yes", "no"])


def asked(
    model: str = UNKNOWN, parameters: dict[str, Any] | None = None, **changes: Any
) -> JudgeRequest:
    """A question to a model."""
    given = InferenceParameters.model_validate(parameters or {})
    request = JudgeRequest(model, "You judge.", "Is it safe?", FORMAT.tool, given)
    return replace(request, **changes)


def judge(model: FakeBedrock) -> Judge:
    """Whoever asks; waits in no time."""
    return Judge(model, patient_pace())


def result(answered: Answer) -> Any:
    """The verdict of an answer."""
    return FORMAT.read(answered.response).result


def test_an_unknown_model_is_asked_in_the_surest_way_first() -> None:
    """Without knowledge: a JSON schema, no temperature, and no refusal where all is taken."""
    model = PickyModel()
    assert result(judge(model).ask(asked(), 500)) == "yes"
    (sent,) = model.requests
    assert way_of(sent) == "json_schema"
    assert sent["inferenceConfig"] == {"maxTokens": 1024}


@pytest.mark.parametrize(
    ("refuses", "ways"),
    [
        (("json_schema",), ["json_schema", "forced_tool"]),
        (("output_config",), ["json_schema", "forced_tool"]),
        (("json_schema", "forced"), ["json_schema", "forced_tool", "offered_tool"]),
        (("json_schema", "forced_by_claude"), ["json_schema", "forced_tool", "offered_tool"]),
        (("json_schema", "tools"), ["json_schema", "forced_tool", "words"]),
        (("tools", "output_config"), ["json_schema", "forced_tool", "words"]),
        (("json_schema", "forced", "tools"),
         ["json_schema", "forced_tool", "offered_tool", "words"]),
    ],
)  # fmt: skip
@pytest.mark.parametrize("model_id", [UNKNOWN, ARN])
def test_what_is_refused_is_not_sent_again(
    model_id: str, refuses: tuple[str, ...], ways: list[str]
) -> None:
    """One refusal for each thing, at once followed by the next way, and none for later calls."""
    model = PickyModel(refuses=refuses)
    asking = judge(model)
    answered = asking.ask(asked(model_id), 500)
    assert (result(answered), answered.way) == ("yes", ways[-1])
    assert model.ways == ways
    assert len(model.refused) <= MOST_REFUSALS
    model.requests.clear()
    asking.ask(asked(model_id), 500)
    assert model.ways == ways[-1:]


@pytest.mark.parametrize(
    ("parameters", "refuses", "left"),
    [
        ({"temperature": 0.5}, "temperature", {}),
        ({"top_p": 0.5}, "top_p", {}),
        ({"temperature": 0.5, "top_p": 0.9}, "both", {"temperature": 0.5}),
        ({"stop_sequences": ["END"]}, "stop_sequences", {}),
    ],
)
def test_only_the_parameter_that_is_named_is_left_out(
    parameters: dict[str, Any], refuses: str, left: dict[str, Any]
) -> None:
    """The way stays, and so do the other parameters."""
    model = PickyModel(refuses=(refuses,))
    assert result(judge(model).ask(asked(parameters=parameters), 500)) == "yes"
    assert model.refused == [refuses]
    assert config(model.requests[-1]) == {"maxTokens": 1024, **left}
    assert model.ways == ["json_schema"] * 2


@pytest.mark.parametrize(
    ("additional", "refuses", "left"),
    [
        ({"top_k": 5, "seed": 1}, "top_k", {"seed": 1}),
        ({"thinking": {"type": "disabled"}}, "disabled_thinking", None),
    ],
)
def test_a_parameter_of_the_models_own_is_left_out_by_its_name(
    additional: dict[str, Any], refuses: str, left: dict[str, Any] | None
) -> None:
    """Of `additional`, too, only what the refusal names goes."""
    model = PickyModel(refuses=(refuses,))
    judge(model).ask(asked(parameters={"additional": additional}), 500)
    assert model.requests[-1].get("additionalModelRequestFields") == left


def test_no_default_is_sent_that_a_model_is_known_to_refuse() -> None:
    """Claude Opus 5.5 is asked without a temperature and a forced tool, and refuses nothing."""
    model = PickyModel(refuses=("temperature", "top_p", "forced_by_claude"), thinks=2000)
    answered = judge(model).ask(asked(OPUS), 500)
    assert (result(answered), model.refused, len(model.requests)) == ("yes", [], 1)
    assert model.requests[0]["outputConfig"]["effort"] == "low"


def test_a_known_model_that_takes_a_temperature_is_sent_ours() -> None:
    """The default of 0 makes verdicts repeatable where the model lets us."""
    model = PickyModel()
    judge(model).ask(asked(SONNET), 500)
    assert config(model.requests[0])["temperature"] == 0.0


def test_a_system_prompt_that_is_refused_goes_before_the_question() -> None:
    """Nothing of the instructions is lost."""
    model = PickyModel(refuses=("system",))
    judge(model).ask(asked(), 500)
    assert "system" not in model.requests[-1]
    text = model.prompts[-1]
    assert text.startswith("You judge.\n\n")
    assert text.endswith("Is it safe?")


def test_a_limit_of_tokens_is_learned() -> None:
    """A model that can say less than is asked for is asked for less."""
    model = PickyModel(refuses=("max_tokens",))
    judge(model).ask(asked(parameters={"max_tokens": 4000}), 500)
    assert [config(sent)["maxTokens"] for sent in model.requests] == [4000, 2047]


def test_the_worst_model_is_asked_in_words_after_three_refusals() -> None:
    """A model that refuses all there is refuses three times, and then gives its verdict."""
    every = tuple(name for name in TRIGGERS if name not in ("max_tokens", "system"))
    model = PickyModel(refuses=every)
    parameters = {"temperature": 0.5, "top_p": 0.9, "stop_sequences": ["END"], "effort": "high",
                  "additional": {"top_k": 5, "thinking": {"type": "disabled"}}}  # fmt: skip
    asking = judge(model)
    assert result(asking.ask(asked(parameters=parameters), 500)) == "yes"
    assert len(model.refused) == MOST_REFUSALS
    assert model.ways[-1] == "words"
    assert config(model.requests[-1]) == {"maxTokens": 1024}
    assert asking.ask(asked(parameters=parameters), 500).attempts == 1


@pytest.mark.parametrize("refuses", [("temperature", "forced"), ("json_schema", "forced", "tools")])
def test_many_calls_at_once_meet_each_refusal_once(refuses: tuple[str, ...]) -> None:
    """The first of 32 calls finds out, the others wait for it and meet no refusal."""
    model = PickyModel(refuses=("json_schema", *refuses))
    asking, begin = judge(model), threading.Barrier(32)
    request = asked(parameters={"temperature": 0.5})

    def ask(_: int) -> Any:
        begin.wait()
        return result(asking.ask(request, 500))

    with ThreadPoolExecutor(32) as pool:
        assert list(pool.map(ask, range(32))) == ["yes"] * 32
    assert len(model.refused) <= MOST_REFUSALS
    assert len(set(model.refused)) == len(model.refused)
    assert len(model.requests) == 32 + len(model.refused)


def test_a_call_that_waits_is_not_stuck_when_the_first_one_fails() -> None:
    """A first call that dies of something else lets the next one find out."""
    replies = iter([KeyError("bug"), verdict()])
    asking = judge(FakeBedrock(lambda _: next(replies)))
    with pytest.raises(KeyError):
        asking.ask(asked(), 500)
    assert result(asking.ask(asked(), 500)) == "yes"


def test_a_refusal_that_names_nothing_is_final() -> None:
    """What nobody understands is not tried out: it is an outage that a person can mend."""
    model = FakeBedrock(bedrock_error("ValidationException", 400, "The request is malformed."))
    with pytest.raises(JudgeRefusedError, match="The request is malformed"):
        judge(model).ask(asked(), 500)
    assert len(model.requests) == 1


@pytest.mark.parametrize("model_id", [UNKNOWN, ARN, OPUS])
def test_a_model_that_thinks_gets_room_for_its_thoughts(model_id: str) -> None:
    """Thoughts that use up the tokens of the verdict are noticed; all of it is counted."""
    model = PickyModel(thinks=3000)
    asking = judge(model)
    answered = asking.ask(asked(model_id), 500)
    assert result(answered) == "yes"
    lost = len(model.requests) - 1
    assert lost == (0 if model_id == OPUS else 1)
    assert answered.output_tokens == 100 * (1 + lost)
    assert answered.thought_tokens == 5 * (1 + lost)
    asking.ask(asked(model_id), 500)
    assert len(model.requests) == lost + 2


def test_a_model_that_thinks_at_length_gets_more_room_once() -> None:
    """The room grows where the first did not do, and then the answer stands as it is."""
    model = PickyModel(thinks=10_000)
    asking = judge(model)
    assert result(asking.ask(asked(), 500)) == "yes"
    most = [config(sent)["maxTokens"] for sent in model.requests]
    assert most == [1024, 1024 + 4096, 1024 + 16_384]
    endless = PickyModel(thinks=100_000)
    answered = judge(endless).ask(asked(), 500)
    assert (answered.response["stopReason"], answered.output_tokens) == ("max_tokens", 300)


def test_an_effort_that_is_asked_for_is_sent_instead_of_the_least() -> None:
    """`effort` of the scorer counts, also where a model is known to think."""
    model = PickyModel(thinks=10)
    judge(model).ask(asked(OPUS, {"effort": "high"}), 500)
    assert model.requests[0]["outputConfig"]["effort"] == "high"


def test_a_budget_for_thoughts_is_added_to_the_tokens_of_the_verdict() -> None:
    """Thinking that the user switches on leaves room for the verdict, and forces no tool."""
    thinking = {"thinking": {"type": "enabled", "budget_tokens": 8000}}
    model = PickyModel(refuses=("json_schema", "thinking_with_forced_tool", "temperature"))
    judge(model).ask(asked(SONNET, {"additional": thinking}), 500)
    assert config(model.requests[-1]) == {"maxTokens": 9024}
    assert model.ways[-1] == "offered_tool"
    assert "temperature" not in model.refused
    assert "thinking_with_forced_tool" not in model.refused


def test_a_model_that_is_offered_a_tool_and_chats_is_asked_in_words() -> None:
    """The prose is paid for, but the record gets its verdict, and the next one at once."""
    model = PickyModel(refuses=("json_schema", "forced"), chatty=True)
    asking = judge(model)
    answered = asking.ask(asked(), 500)
    assert (result(answered), answered.output_tokens) == ("yes", 200)
    assert model.ways[-2:] == ["offered_tool", "words"]
    asking.ask(asked(), 500)
    assert model.ways[-2:] == ["words", "words"]


def test_a_schema_that_is_taken_and_not_kept_to_is_given_up() -> None:
    """A model that fills the answer with blanks is asked by a forced tool, at once and later."""
    blank = answer([{"text": "\u200b" * 500}], "max_tokens")
    model = FakeBedrock(lambda sent: blank if way_of(sent) == "json_schema" else verdict())
    asking = judge(model)
    answered = asking.ask(asked(), 500)
    assert (result(answered), answered.way, answered.output_tokens) == ("yes", "forced_tool", 200)
    asking.ask(asked(), 500)
    assert len(model.requests) == 3


def test_prose_in_the_last_way_is_an_answer_without_a_verdict() -> None:
    """A judge that never gives one is not asked again and again."""
    model = FakeBedrock(answer([thought("Well."), {"text": "It is fine."}]))
    answered = judge(model).ask(asked(in_words=True), 500)
    assert len(model.requests) == 1
    assert answered.response["stopReason"] == "end_turn"


def test_a_schema_that_takes_too_long_to_compile_is_given_up() -> None:
    """Bedrock may compile a new schema for minutes: the next attempt forces a tool."""
    late = ReadTimeoutError(endpoint_url="https://bedrock")
    model = FakeBedrock(lambda sent: late if way_of(sent) == "json_schema" else verdict())
    answered = judge(model).ask(asked(), 500)
    assert (result(answered), answered.way) == ("yes", "forced_tool")


def test_what_one_model_refuses_is_sent_to_others() -> None:
    """Each model is known for itself."""
    model = PickyModel(refuses=("json_schema",))
    asking = judge(model)
    asking.ask(asked(UNKNOWN), 500)
    asking.ask(asked(ARN), 500)
    assert model.ways == ["json_schema", "forced_tool"] * 2


def test_a_model_that_was_away_is_found_out_about_by_one_call() -> None:
    """After an outage, calls that begin at once wait for the first one again."""
    dead = bedrock_error("ResourceNotFoundException", 404, "reached the end of its life")
    replies = iter([verdict(), dead])
    model = FakeBedrock(lambda _: next(replies, dead))
    asking = judge(model)
    asking.ask(asked(), 500)
    with pytest.raises(JudgeRefusedError):
        asking.ask(asked(), 500)
    terms = asking.negotiation.model(asked().model_id)
    offer = terms.offer(asked(), None)
    assert offer is not None
    assert terms.offer(asked(), 0.0) is None


def test_a_text_is_asked_for_without_a_schema_or_a_tool() -> None:
    """What a third-party metric wants as text is asked for as text."""
    model = PickyModel(refuses=("json_schema", "forced"))
    judge(model).ask(asked(tool=None), 500)
    assert model.ways == ["words"]
    assert model.requests[0]["system"] == [{"text": "You judge."}]
