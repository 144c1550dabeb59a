"""Many calls at once, in every combination, meet few refusals and all get their verdicts."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from inference_monitor.config.specs import InferenceParameters
from inference_monitor.domain import RefusedJudges
from inference_monitor.errors import JudgeUnavailableError
from inference_monitor.scoring.judge.client import Judge, JudgeRefusedError
from inference_monitor.scoring.judge.converse import JudgeRequest
from inference_monitor.scoring.judge.negotiation import MOST_REFUSALS
from inference_monitor.scoring.judge.verdict import one_of, verdict_tool
from tests.unit.judging import bedrock_error, patient_pace
from tests.unit.picky import TRIGGERS, PickyModel, config, way_of

MODELS = (
    "bedrock:/acme.judge-9-v1:0",
    "bedrock:/arn:aws:bedrock:us-east-1:111122223333:application-inference-profile/abc123def456",
    "bedrock:/global.anthropic.claude-sonnet-4-6",
    "bedrock:/global.anthropic.claude-opus-5-5",
)
FORMAT = one_of(["yes", "no"])
PANEL = verdict_tool(
    {"type": "object", "properties": {"a": FORMAT.schema, "b": FORMAT.schema},
     "required": ["a", "b"]}
)  # fmt: skip
METRIC = verdict_tool(
    {"type": "object", "properties": {"result": {"$ref": "#/$defs/Result"}},
     "$defs": {"Result": {"type": "array", "items": {"type": "string"}}}}
)  # fmt: skip
TOOLS = {"each": FORMAT.tool, "panel": PANEL, "third-party": METRIC, "text": None}

parameters = st.fixed_dictionaries(
    {},
    optional={
        "temperature": st.sampled_from([None, 0.0, 0.5, 1.0]),
        "top_p": st.sampled_from([0.5, 0.9]),
        "max_tokens": st.sampled_from([500, 1024, 4000, 8192]),
        "effort": st.sampled_from(["low", "high"]),
        "stop_sequences": st.sampled_from([["END"], []]),
        "additional": st.sampled_from(
            [{"top_k": 5}, {"thinking": {"type": "disabled"}}, {"seed": 1, "top_k": 5},
             {"thinking": {"type": "enabled", "budget_tokens": 2000}}]
        ),
    },
)  # fmt: skip
kinds = st.tuples(st.sampled_from(sorted(TOOLS)), st.booleans(), parameters)


def question(model: str, kind: tuple[str, bool, dict[str, Any]]) -> JudgeRequest:
    """A question of some kind, by a model."""
    way, in_words, given = kind
    return JudgeRequest(
        model, "You judge. " * 500, "Is it?", TOOLS[way], InferenceParameters.model_validate(given),
        cache=way == "panel", in_words=in_words,
    )  # fmt: skip


def ask_all(asking: Judge, requests: list[JudgeRequest], threads: int = 32) -> list[Any]:
    """The stop reasons of all answers, to calls that begin at once."""
    begin = threading.Barrier(min(threads, len(requests)))
    waits = iter(range(begin.parties))

    def ask(request: JudgeRequest) -> Any:
        if next(waits, None) is not None:
            begin.wait(timeout=10)
        return asking.ask(request, 500).response["stopReason"]

    with ThreadPoolExecutor(threads) as pool:
        return list(pool.map(ask, requests))


@settings(max_examples=200, deadline=None)
@given(
    st.lists(st.sampled_from(sorted(TRIGGERS)), unique=True),
    st.lists(kinds, min_size=1, max_size=4),
    st.sampled_from(MODELS),
    st.booleans(),
    st.sampled_from([0, 200]),
)
def test_whatever_a_model_refuses_it_refuses_three_times_at_most(
    refuses: list[str], asked: list[Any], model_id: str, chatty: bool, thinks: int
) -> None:
    """Any refusals, any parameters, each, panel, third-party and words, one after the other."""
    model = PickyModel(refuses=tuple(refuses), chatty=chatty, thinks=thinks)
    asking = Judge(model, patient_pace())
    for kind in asked * 2:
        answered = asking.ask(question(model_id, kind), 500)
        assert answered.response["stopReason"] in ("end_turn", "tool_use")
    assert len(model.refused) <= MOST_REFUSALS
    assert len(model.requests) <= 2 * len(asked) + MOST_REFUSALS + len(asked)


@settings(max_examples=80, deadline=None)
@given(
    st.lists(st.sampled_from(sorted(TRIGGERS)), unique=True),
    st.lists(kinds, min_size=1, max_size=5),
    st.lists(st.sampled_from(MODELS), min_size=1, unique=True),
)
def test_many_calls_of_all_kinds_at_once_meet_three_refusals_a_model(
    refuses: list[str], asked: list[Any], model_ids: list[str]
) -> None:
    """32 threads, several models, several kinds: nobody waits for ever."""
    model = PickyModel(refuses=tuple(refuses))
    asking = Judge(model, patient_pace())
    requests = [question(m, kind) for _ in range(4) for kind in asked for m in model_ids]
    assert set(ask_all(asking, requests)) <= {"end_turn", "tool_use"}
    for m in model_ids:
        assert asking.negotiation.model(question(m, asked[0]).model_id).refusals <= MOST_REFUSALS
    assert len(model.refused) <= MOST_REFUSALS * len(model_ids)


@pytest.mark.parametrize(
    ("first", "later", "refuses"),
    [
        ({"max_tokens": 1024}, {"max_tokens": 4000}, "max_tokens"),
        ({"temperature": 1.0}, {"temperature": 0.5}, "only_one"),
        ({"effort": "low"}, {"effort": "max"}, "max_effort"),
    ],
)
def test_a_value_that_is_new_is_found_out_about_by_one_call(
    first: dict[str, Any], later: dict[str, Any], refuses: str
) -> None:
    """A model that takes a parameter may refuse a value of it: 32 calls do not all meet that."""
    triggers: dict[str, Callable[[Any], bool]] = {
        "max_tokens": lambda sent: config(sent)["maxTokens"] > 2048,
        "only_one": lambda sent: config(sent).get("temperature", 1.0) != 1.0,
        "max_effort": lambda sent: sent.get("outputConfig", {}).get("effort") == "max",
    }
    words = {
        "max_tokens": TRIGGERS["max_tokens"][1],
        "only_one": "invalid temperature: only 1 is allowed for this model",
        "max_effort": "output_config.effort: Input should be 'low', 'medium' or 'high'",
    }[refuses]
    model, refused = PickyModel(), []
    reply = model.reply

    def answer(sent: Any) -> Any:
        if triggers[refuses](sent):
            refused.append(1)
            time.sleep(0.02)  # so that others begin meanwhile
            return bedrock_error("ValidationException", 400, words)
        return reply(sent)

    model.reply = answer
    asking = Judge(model, patient_pace())
    asking.ask(question(MODELS[0], ("each", False, first)), 500)
    ask_all(asking, [question(MODELS[0], ("each", False, later))] * 32)
    assert len(refused) == 1


def test_a_schema_that_is_new_is_found_out_about_by_one_call() -> None:
    """A metric's schema with references is refused where those of our own judges are taken."""
    words = "output_config.format.schema: $ref is not supported"
    model, refused = PickyModel(), []
    reply = model.reply

    def answer(sent: Any) -> Any:
        if "$ref" in str(sent.get("outputConfig")):
            refused.append(1)
            time.sleep(0.02)
            return bedrock_error("ValidationException", 400, words)
        return reply(sent)

    model.reply = answer
    asking = Judge(model, patient_pace())
    asking.ask(question(MODELS[0], ("each", False, {})), 500)
    ask_all(asking, [question(MODELS[0], ("third-party", False, {}))] * 32)
    assert len(refused) == 1


def test_orders_of_a_panel_are_one_kind_of_question() -> None:
    """The criteria of a panel are shuffled for every record: calls do not wait for each other."""
    model = PickyModel()
    asking = Judge(model, patient_pace())
    terms = asking.negotiation.model("acme.judge-9-v1:0")
    asking.ask(question(MODELS[0], ("panel", False, {})), 500)
    shuffled = verdict_tool(
        {"type": "object", "properties": {"b": FORMAT.schema, "a": FORMAT.schema},
         "required": ["b", "a"]}
    )  # fmt: skip
    request = JudgeRequest(MODELS[0], "?", "?", shuffled, InferenceParameters())
    assert terms.offer(request, None) is not None
    assert terms.offer(request, 0.0) is not None


def test_a_call_does_not_wait_past_its_deadline() -> None:
    """While another call finds out, the rest wait as long as their function has time, no longer."""
    release = threading.Event()
    model = PickyModel()
    reply = model.reply

    def slow(sent: Any) -> Any:
        release.wait(10)
        return reply(sent)

    model.reply = slow
    asking = Judge(model, patient_pace())
    request = question(MODELS[0], ("each", False, {}))
    with ThreadPoolExecutor(1) as pool:
        first = pool.submit(asking.ask, request, 500)
        while not model.requests:
            time.sleep(0.001)
        began = time.monotonic()
        with pytest.raises(JudgeUnavailableError, match="no turn before the deadline"):
            asking.ask(request, 500, deadline=began + 0.1)
        assert time.monotonic() - began < 5
        release.set()
        assert first.result(10).response["stopReason"] == "end_turn"


def test_a_throttled_explorer_does_not_keep_the_others_waiting() -> None:
    """Throttles and failures while finding out end that attempt: somebody else may find out."""
    replies = iter([bedrock_error("ThrottlingException", 429)] * 8
                   + [bedrock_error("ServiceUnavailableException", 503)])  # fmt: skip
    model = PickyModel(refuses=("json_schema",))
    reply = model.reply
    model.reply = lambda sent: next(replies, None) or reply(sent)
    asking = Judge(model, patient_pace())
    request = question(MODELS[0], ("each", False, {}))
    assert ask_all(asking, [request] * 32) == ["tool_use"] * 32
    assert model.refused == ["json_schema"]
    assert way_of(model.requests[-1]) == "forced_tool"


def test_a_dead_model_costs_a_warm_process_one_call_an_invocation_until_it_is_mended() -> None:
    """Each invocation has a list of refused models of its own; what was learned before is kept."""
    model = PickyModel(refuses=("json_schema",))
    reply, dead = model.reply, False

    def answer(sent: Any) -> Any:
        time.sleep(0.001)
        if dead:
            return bedrock_error("ResourceNotFoundException", 404, "reached the end of its life")
        return reply(sent)

    model.reply = answer
    asking = Judge(model, patient_pace())
    request = question(MODELS[0], ("each", False, {}))

    def invoke() -> tuple[int, int]:
        """Calls made and verdicts got by 32 threads."""
        refused, before = RefusedJudges(), len(model.requests)

        def ask(_: int) -> int:
            try:
                asking.ask(request, 500, refused=refused)
            except JudgeRefusedError:
                return 0
            return 1

        with ThreadPoolExecutor(32) as pool:
            verdicts = sum(pool.map(ask, range(32)))
        return len(model.requests) - before, verdicts

    assert invoke() == (33, 32)
    dead = True
    calls, verdicts = invoke()
    assert verdicts == 0
    assert calls <= 32  # those that were under way
    assert [invoke() for _ in range(3)] == [(1, 0)] * 3
    dead = False
    assert invoke() == (32, 32)
    assert model.refused == ["json_schema"]
