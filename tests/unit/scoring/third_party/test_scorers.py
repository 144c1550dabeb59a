"""Scorers of DeepEval, Ragas and Phoenix ask our judge; their verdicts are read like all others.

The packages are fakes here; `make test-third-party` runs the real ones.
"""

from __future__ import annotations

import math
import os
import threading
from dataclasses import replace
from typing import Any

import pytest
from mlflow.entities import Feedback

from inference_monitor.domain import Verdicts
from inference_monitor.inference import Choice, Response
from inference_monitor.scoring.cost.budget import Reservation
from tests.unit import third_party_fakes
from tests.unit.judging import (
    MODEL,
    FakeBedrock,
    answer,
    batch,
    bedrock_error,
    inference,
    scorers,
    tool_answer,
)

HAIKU = "bedrock:/global.anthropic.claude-haiku-4-5-20251001-v1:0"
ANSWERS: dict[str, Any] = {
    "statements": {"statements": ["Paris is the capital."]},
    "verdicts": {"verdicts": [{"verdict": "yes", "reason": "It answers."}]},
    "score": {"reason": "Four of five.", "score": 4},
    "label": {"explanation": "Nothing bad in it.", "label": "non-toxic"},
}


def reply(request: dict[str, Any]) -> dict[str, Any]:
    """An answer that fits whatever is to be filled in."""
    (tool,) = request["toolConfig"]["tools"]
    wanted = tool["toolSpec"]["inputSchema"]["json"]["properties"]
    return tool_answer(next(value for name, value in ANSWERS.items() if name in wanted))


def metric(path: str, **more: Any) -> dict[str, Any]:
    """An entry of scorers.yaml."""
    return {"name": "mine", "type": "mlflow", "class": f"mlflow.genai.scorers.{path}", **more}


@pytest.fixture
def bedrock(monkeypatch: pytest.MonkeyPatch) -> FakeBedrock:
    """The fakes, and a judge that answers them."""
    third_party_fakes.install(monkeypatch)
    monkeypatch.setattr(os, "environ", dict(os.environ))
    return FakeBedrock(reply)


def run(bedrock: FakeBedrock, spec: dict[str, Any], about: Any = None, **more: Any) -> Verdicts:
    """What one inference is given."""
    (verdicts,) = scorers(bedrock, spec, **more).score(batch(about or inference()))
    return verdicts


def only(verdicts: Verdicts) -> Feedback:
    """Its one assessment, which MLflow can store."""
    (feedback,) = verdicts.assessments
    feedback.to_proto()
    return feedback


def test_a_verdict_of_deepeval_is_read_with_its_costs(bedrock: FakeBedrock) -> None:
    """Value, rationale and judge are those of our own scorers, and every call is accounted for."""
    verdicts = run(bedrock, metric("deepeval.AnswerRelevancy", version="3", model=HAIKU))
    feedback = only(verdicts)
    assert (feedback.name, feedback.value, feedback.rationale) == ("mine", "yes", "It answers.")
    assert (feedback.source.source_type, feedback.source.source_id) == ("LLM_JUDGE", HAIKU)
    assert feedback.metadata == {
        "scorer": "mine",
        "scorer_version": "3",
        "judge_model": HAIKU.removeprefix("bedrock:/"),
        "judge_calls": "2",
        "prompt_version": "deepeval 1.2.3",
        "mlflow.assessment.judgeInputTokens": "2000",
        "mlflow.assessment.judgeOutputTokens": "200",
        "mlflow.assessment.judgeCost": "0.00300000",
        "mlflow.scorer.framework": "deepeval",
        "score": "1.0",
    }
    usage = verdicts.usage
    assert (usage.calls, usage.input_tokens, usage.output_tokens) == (
        2,
        2000,
        200,
    )
    assert math.isclose(verdicts.usage.cost_usd, 0.003)


def test_every_answer_is_judged_and_the_worst_counts(bedrock: FakeBedrock) -> None:
    """A metric judges one answer at a time; calls, tokens and price are those of all of them."""
    one = inference()
    about = replace(one, response=Response("openai_chat", choices=(Choice("a"), Choice("b"))))

    feedback = only(run(bedrock, metric("deepeval.AnswerRelevancy", model=HAIKU), about))
    told = feedback.metadata or {}
    assert (told["judged_answers"], told["answers"]) == ("2 of 2", '{"1": "yes", "2": "yes"}')
    assert (told["judge_calls"], told["mlflow.assessment.judgeInputTokens"]) == ("4", "4000")
    assert told["mlflow.assessment.judgeCost"] == "0.00600000"


def test_the_judge_is_made_to_fill_in_the_metrics_schema(bedrock: FakeBedrock) -> None:
    """Both calls force a tool with the metric's schema, with nothing in it that a model refuses."""
    run(bedrock, metric("deepeval.AnswerRelevancy"))
    first, second = bedrock.requests
    assert first["modelId"] == MODEL.removeprefix("bedrock:/")
    assert first["inferenceConfig"] == {"maxTokens": 4096, "temperature": 0.0}
    assert first["messages"][0]["content"] == [{"text": "Text: Paris."}]
    assert second["toolConfig"]["toolChoice"] == {"tool": {"name": "verdict"}}
    (tool,) = second["toolConfig"]["tools"]
    finding = {
        "type": "object",
        "properties": {
            "verdict": {"enum": ["yes", "no"], "type": "string"},
            "reason": {"anyOf": [{"type": "string"}, {"type": "null"}], "default": None},
        },
        "required": ["verdict"],
    }
    schema = tool["toolSpec"]["inputSchema"]["json"]
    assert set(schema) == {"type", "properties", "required"}
    items = schema["properties"]["verdicts"]["items"]
    assert {key: items[key] for key in finding} == finding


def test_inference_parameters_of_the_file_are_sent(bedrock: FakeBedrock) -> None:
    """What the user wants to be sent is sent with every call."""
    spec = metric("ragas.Rubric", inference_parameters={"temperature": None, "max_tokens": 99})
    run(bedrock, spec)
    assert [request["inferenceConfig"] for request in bedrock.requests] == [{"maxTokens": 99}]


def test_a_metric_that_does_not_explain_itself_is_explained_by_its_judge(
    bedrock: FakeBedrock,
) -> None:
    """Ragas gives a bare number; the rationale is what its judge gave as the reason."""
    feedback = only(run(bedrock, metric("ragas.Rubric")))
    assert (feedback.value, feedback.rationale) == (4.0, "Four of five.")


def test_phoenix_gives_a_label_with_an_explanation(bedrock: FakeBedrock) -> None:
    """The judge chooses among the labels, and explains; a metric of one text sees the answer."""
    feedback = only(run(bedrock, metric("phoenix.Toxicity")))
    assert (feedback.value, feedback.rationale) == ("non-toxic", "Nothing bad in it.")
    assert (feedback.metadata or {})["score"] == "0.0"
    assert bedrock.prompts == ["explain: Paris."]
    (tool,) = bedrock.requests[0]["toolConfig"]["tools"]
    properties = tool["toolSpec"]["inputSchema"]["json"]["properties"]
    assert list(properties) == ["explanation", "label"]
    assert properties["label"]["enum"] == ["toxic", "non-toxic"]
    run(bedrock, metric("phoenix.Summarization"))
    assert bedrock.prompts[1] == "explain: What is the capital of France?, Paris."


ONLY = "; a captured inference has only the conversation and the answer"


@pytest.mark.parametrize(
    ("spec", "says"),
    [
        (
            metric("deepeval.Faithfulness"),
            f"Faithfulness needs `retrieval_context` (the documents that were retrieved){ONLY}",
        ),
        (
            metric("deepeval.TurnRelevancy"),
            f"TurnRelevancy needs `session` (whole conversations){ONLY}",
        ),
        (
            metric("deepeval.PlanQuality"),
            f"PlanQuality needs `trace` (the steps of an agent){ONLY}",
        ),
        (
            metric("deepeval.AnswerRelevancy", arguments={"broken": True}),
            "ValueError: broken on purpose",
        ),
        (metric("deepeval.Nothing"), "mlflow.genai.scorers.deepeval has no `Nothing`"),
        (
            metric("deepeval.create_deepeval_model"),
            "mlflow.genai.scorers.deepeval.create_deepeval_model names no metric",
        ),
        (
            metric("ragas.Accuracy"),
            f"Accuracy needs `reference` (an expected answer or reference text){ONLY}",
        ),
        (
            metric("ragas.Discrete", arguments={"prompt": "{response} {retrieved_contexts}"}),
            "Discrete needs `retrieved_contexts` (the documents that were retrieved)" + ONLY,
        ),
        (metric("ragas.Topics"), f"Topics needs `session` (whole conversations){ONLY}"),
        (
            metric("ragas.Similarity"),
            "Similarity needs an embedding model, and the judge is none: leave it out",
        ),
        (
            metric("phoenix.Hallucination"),
            f"Hallucination needs `reference` (an expected answer or reference text){ONLY}",
        ),
    ],
    ids=lambda value: value["class"].split(".", 3)[-1] if isinstance(value, dict) else "",
)
def test_a_metric_that_cannot_work_says_what_it_lacks(
    bedrock: FakeBedrock, spec: dict[str, Any], says: str
) -> None:
    """There is one error that names what is missing, and the judge is not asked."""
    verdicts = run(bedrock, spec)
    feedback = only(verdicts)
    assert feedback.error_code == "SCORER_ERROR"
    assert feedback.error_message == f"cannot be loaded: {says}"
    assert feedback.value is None
    assert feedback.source.source_type == "CODE"
    assert (bedrock.requests, verdicts.usage.calls, verdicts.pending) == ([], 0, [])


@pytest.mark.parametrize("key", ["deepeval", "ragas", "phoenix"])
def test_a_package_that_is_not_installed_is_named_with_its_group(key: str) -> None:
    """Without the extra, the assessment says which dependency group to include."""
    feedback = only(run(FakeBedrock(), metric(f"{key}.Toxicity")))
    assert "is not installed" in str(feedback.error_message)
    assert f"include the dependency group `{key}` in the group `lambda`" in str(
        feedback.error_message
    )


def test_a_refusal_is_told_and_not_repeated(bedrock: FakeBedrock) -> None:
    """Ragas asks three times whatever happens; what Bedrock refuses for good is asked once."""
    bedrock.reply = bedrock_error("AccessDeniedException", 403)
    verdicts = run(bedrock, metric("ragas.Rubric"))
    feedback = only(verdicts)
    assert feedback.error_code == "JUDGE_REFUSED"
    assert str(feedback.error_message).startswith("AccessDeniedException: Bedrock says no: ")
    assert (len(bedrock.requests), verdicts.usage.calls) == (1, 1)


@pytest.mark.parametrize("answered", [0, 1])
def test_a_judge_that_is_away_leaves_the_metric_pending(
    bedrock: FakeBedrock, answered: int
) -> None:
    """Nothing is written, also when it goes away between two calls; the first one is counted."""

    def away(request: dict[str, Any]) -> Any:
        if len(bedrock.requests) > answered:
            return bedrock_error("ModelNotReadyException", 400)
        return reply(request)

    bedrock.reply = away
    (verdicts,) = scorers(bedrock, metric("deepeval.AnswerRelevancy")).score(batch(inference()))
    assert (verdicts.assessments, verdicts.pending) == ([], ["mine"])
    assert verdicts.usage.calls == answered + 1
    assert verdicts.usage.input_tokens == 1000 * answered


class TwoCalls:
    """A budget with room for two calls."""

    def __init__(self) -> None:
        self.left = 2
        self.settled: list[float] = []

    def reserve(self, usd: float) -> Reservation | None:
        """Take one."""
        assert usd > 0
        self.left -= 1
        return self if self.left >= 0 else None

    def settle(self, usd: float) -> None:
        """Keep what it cost."""
        self.settled.append(usd)


def test_every_call_of_a_metric_is_paid_from_the_budget(bedrock: FakeBedrock) -> None:
    """The second inference finds the budget used up: nothing is asked, nothing is written."""
    budget = TwoCalls()
    built = scorers(
        bedrock,
        metric("deepeval.AnswerRelevancy", model=HAIKU),
        concurrency=1,
        budgets=lambda _endpoint, _run: budget,
    )
    first, second = built.score(batch(inference(), inference(event_id="event-2")))
    assert [f.value for f in first.assessments] == ["yes"]
    assert budget.settled == [pytest.approx(0.0015)] * 2
    assert (second.assessments, second.exhausted, second.usage.calls) == ([], True, 0)
    assert len(bedrock.requests) == 2


MISFIT = "the judge's answer does not fit the metric's schema Statements (wrong: statements;"


@pytest.mark.parametrize(
    ("given", "says"),
    [
        (tool_answer({"statements": "my secret"}), f"{MISFIT} stop reason: tool_use)"),
        (
            tool_answer({}, stop_reason="max_tokens"),
            f"{MISFIT} stop reason: max_tokens, raise max_tokens)",
        ),
        (
            answer([{"text": "my secret is no JSON"}]),
            "the judge gave 0 answers instead of one (stop reason: end_turn)",
        ),
    ],
)
@pytest.mark.parametrize("path", ["deepeval.AnswerRelevancy", "deepeval.Swallowing"])
def test_an_answer_that_cannot_be_read_is_an_error(
    bedrock: FakeBedrock, path: str, given: Any, says: str
) -> None:
    """It is never a value, whatever the metric makes of it, and the error quotes nothing of it."""
    bedrock.reply = given
    verdicts = run(bedrock, metric(path))
    feedback = only(verdicts)
    assert feedback.value is None
    assert feedback.error_code == "UNREADABLE_VERDICT"
    assert feedback.error_message == says
    assert verdicts.usage.calls == 1


def test_a_second_answer_may_make_up_for_the_first(bedrock: FakeBedrock) -> None:
    """A metric that asks again gets its answer, and both calls are counted."""
    answers = [tool_answer({}), tool_answer(ANSWERS["score"])]
    bedrock.reply = lambda _: answers[len(bedrock.requests) - 1]
    verdicts = run(bedrock, metric("ragas.Rubric"))
    assert only(verdicts).value == 4.0
    assert (verdicts.usage.calls, verdicts.usage.input_tokens) == (2, 2000)


def test_json_in_a_text_is_read_too(bedrock: FakeBedrock) -> None:
    """A model that cannot be made to call the tool may write what it would have filled in."""
    bedrock.reply = answer([{"text": '```json\n{"reason": "Written.", "score": 2}\n```'}])
    feedback = only(run(bedrock, metric("ragas.Rubric", model="bedrock:/meta.llama3-v1:0")))
    assert (feedback.value, feedback.rationale) == (2.0, "Written.")


def test_a_number_that_is_none_is_an_error(bedrock: FakeBedrock) -> None:
    """Ragas says `not a number` for anything that went wrong; MLflow could not even store it."""
    bedrock.reply = tool_answer({"reason": "r", "score": "NaN"})
    feedback = only(run(bedrock, metric("ragas.Rubric")))
    assert feedback.error_message == "ValueError: gave nan, which is no verdict"


def test_a_metric_without_a_judge_costs_nothing(bedrock: FakeBedrock) -> None:
    """It is made without a model, and its assessment is one of code."""
    verdicts = run(bedrock, metric("deepeval.PatternMatch", arguments={"pattern": "Par"}))
    feedback = only(verdicts)
    assert (feedback.value, feedback.source.source_type) == (True, "CODE")
    assert feedback.metadata == {
        "scorer": "mine",
        "scorer_version": "1",
        "mlflow.scorer.framework": "deepeval",
    }
    assert (bedrock.requests, verdicts.usage.cost_usd) == ([], 0)


def test_verdicts_do_not_get_mixed_up_between_threads(bedrock: FakeBedrock) -> None:
    """Metrics keep their work in themselves; still each inference gets the verdict on its own."""
    together = threading.Barrier(4)

    def say_no_to_odd(request: dict[str, Any]) -> dict[str, Any]:
        together.wait(10)
        text = request["messages"][0]["content"][0]["text"]
        found = tool_answer(ANSWERS["statements"])
        if "Statements" in text:
            number = int(text.rpartition(" ")[2])
            verdict = {"verdict": "no" if number % 2 else "yes", "reason": f"About {number}"}
            found = tool_answer({"verdicts": [verdict]})
        return found

    inferences = [inference(answer=f"{n}", event_id=f"event-{n}") for n in range(8)]
    built = scorers(bedrock, metric("deepeval.AnswerRelevancy"), concurrency=4)
    list(built.score(batch(inference())))  # the first call finds out what the model takes, alone
    bedrock.reply = say_no_to_odd
    found = [only(verdicts) for verdicts in built.score(batch(*inferences))]
    assert [(f.value, f.rationale) for f in found] == [
        ("no" if n % 2 else "yes", f"About {n}") for n in range(8)
    ]
    assert {(f.metadata or {})["judge_calls"] for f in found} == {"2"}


def test_nothing_is_asked_about_what_was_not_captured(bedrock: FakeBedrock) -> None:
    """An inference without an answer is not judged."""
    assert run(bedrock, metric("deepeval.AnswerRelevancy"), inference(answer="")).assessments == []
    assert bedrock.requests == []


def test_packages_are_told_to_stay_at_home_before_they_are_imported(bedrock: FakeBedrock) -> None:
    """Their switches for telemetry are set when a metric is made, and not before."""
    assert "DEEPEVAL_TELEMETRY_OPT_OUT" not in os.environ
    run(bedrock, metric("deepeval.AnswerRelevancy"))
    assert os.environ["DEEPEVAL_TELEMETRY_OPT_OUT"] == "YES"
    assert "RAGAS_DO_NOT_TRACK" not in os.environ
    run(bedrock, metric("ragas.Rubric"))
    assert os.environ["RAGAS_DO_NOT_TRACK"] == "true"
