"""Every answer of a batch and every choice is judged, and the worst one counts."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from botocore.exceptions import ReadTimeoutError
from mlflow.entities import AssessmentError, AssessmentSource, Feedback

from inference_monitor.domain import Verdicts
from inference_monitor.inference import Choice, Failure, Inference, Response, ToolCall
from inference_monitor.scoring.answers import OfAnswer, combine
from inference_monitor.scoring.cost.budget import Unlimited
from inference_monitor.scoring.material import materials
from tests.unit.builders import read
from tests.unit.judging import (
    SAFETY,
    FakeBedrock,
    answer,
    batch,
    bedrock_error,
    config,
    inference,
    scorers,
    tool_answer,
    verdict,
)

FLUENCY = {"name": "fluency", "type": "fluency"}
QUALITY = {
    "name": "quality",
    "type": "judge",
    "instructions": "How good is {{ outputs }}?",
    "output": ["good", "fair", "poor"],
}
STARS = QUALITY | {"name": "stars", "output": "number", "range": [1, 5]}
SURE = QUALITY | {"name": "sure", "output": "bool"}


def tgi_batch(*answers: str) -> Inference:
    """A batched request of a text generation server; question n is `question n`."""
    asked = [f"question {n}" for n in range(1, len(answers) + 1)]
    return read({"inputs": asked}, [[{"generated_text": text}] for text in answers])


def choices(*texts: str | None) -> Inference:
    """A chat with several choices."""
    one = inference()
    return replace(one, response=Response("openai_chat", choices=tuple(map(Choice, texts))))


def replying(**results: Any) -> Callable[[dict[str, Any]], Any]:
    """A judge whose result is that of the answer it finds in the question; else `yes`."""

    def reply(request: dict[str, Any]) -> Any:
        prompt = request["messages"][0]["content"][0]["text"]
        found = next((r for text, r in results.items() if f">{text}<" in prompt.replace("\n", "")),
                     "yes")  # fmt: skip
        return found if isinstance(found, dict | Exception) else verdict(found, f"It is {found}.")

    return reply


def score(bedrock: FakeBedrock, about: Inference, *specs: dict[str, Any], **more: Any) -> Verdicts:
    """Score one inference."""
    (verdicts,) = scorers(bedrock, *specs, **more).score(batch(about))
    return verdicts


def metadata(feedback: Feedback) -> dict[str, str]:
    """What an assessment says of the answers."""
    kept = ("judged_answers", "worst_answer", "answers")
    return {k: v for k, v in (feedback.metadata or {}).items() if k in kept}


@pytest.mark.parametrize("about", [tgi_batch("a", "b", "c"), choices("a", "b", "c")])
def test_the_worst_of_all_answers_counts(about: Inference) -> None:
    """One unsafe answer of three makes it unsafe; which one, and all verdicts, are told."""
    verdicts = score(FakeBedrock(replying(c="no")), about, SAFETY)
    (feedback,) = verdicts.assessments
    assert (feedback.value, feedback.rationale) == ("no", "answer 3 of 3: It is no.")
    assert metadata(feedback) == {
        "judged_answers": "3 of 3",
        "worst_answer": "3",
        "answers": '{"1": "yes", "2": "yes", "3": "no"}',
    }
    usage = verdicts.usage
    assert (usage.calls, usage.input_tokens, usage.output_tokens) == (
        3,
        3000,
        300,
    )


def test_each_answer_is_judged_with_its_own_question() -> None:
    """The second prompt of a batch stands beside the second answer, and no other does."""
    bedrock = FakeBedrock()
    relevance = {"name": "relevance", "type": "relevance_to_query"}
    score(bedrock, tgi_batch("a", "b"), relevance, concurrency=1)
    one, two = bedrock.prompts
    assert "<question>question 1</question>" in one
    assert "<answer>a</answer>" in one
    assert "<question>question 2</question>" in two
    assert "question 1" not in two


def test_tokens_and_price_are_those_of_all_answers() -> None:
    """What the judging of a batch has cost is on its one assessment."""
    (feedback,) = score(FakeBedrock(), tgi_batch("a", "b", "c"), SAFETY).assessments
    told = feedback.metadata or {}
    assert told["mlflow.assessment.judgeInputTokens"] == "3000"
    assert told["mlflow.assessment.judgeOutputTokens"] == "300"
    assert float(told["mlflow.assessment.judgeCost"]) == pytest.approx(3 * 0.0045)


@pytest.mark.parametrize(
    ("spec", "results", "worst"),
    [
        (SAFETY, ("yes", "no", "yes"), 2),
        (QUALITY, ("fair", "good", "poor"), 3),
        (QUALITY, ("good", "fair", "good"), 2),
        (STARS, (4, 2.5, 3), 2),
        (STARS, (1, 5, 1), 1),
        (SURE, (True, True, False), 3),
        (SAFETY, ("yes", "yes", "yes"), 1),
    ],
)
def test_what_is_worst_follows_the_kind_of_result(
    spec: dict[str, Any], results: tuple[Any, ...], worst: int
) -> None:
    """No before yes, the last category, the lowest number, false; the first of equals."""
    bedrock = FakeBedrock(replying(a=results[0], b=results[1], c=results[2]))
    (feedback,) = score(bedrock, tgi_batch("a", "b", "c"), spec).assessments
    assert feedback.value == results[worst - 1]
    assert metadata(feedback)["worst_answer"] == str(worst)
    shown = json.loads(metadata(feedback)["answers"])
    assert shown == {str(n): value for n, value in enumerate(results, start=1)}


@pytest.mark.parametrize("judging", ["each", "panel"])
def test_each_scorer_has_a_worst_answer_of_its_own(judging: str) -> None:
    """Of a panel, too, each criterion says which answer was worst for it."""

    def reply(request: dict[str, Any]) -> dict[str, Any]:
        prompt = request["messages"][0]["content"][0]["text"]
        results = {"safety": "no" if "UNSAFE" in prompt else "yes",
                   "fluency": "no" if "CLUMSY" in prompt else "yes"}  # fmt: skip
        if judging == "panel":
            return tool_answer(
                {name: {"rationale": "So.", "result": r} for name, r in results.items()}
            )
        return verdict(results["safety" if "classifier" in prompt else "fluency"])

    about = tgi_batch("CLUMSY", "fine", "UNSAFE")
    verdicts = score(FakeBedrock(reply), about, SAFETY, FLUENCY, judging=judging)
    found = [(f.name, f.value, metadata(f)["worst_answer"]) for f in verdicts.assessments]
    assert found == [("safety", "no", "3"), ("fluency", "no", "1")]
    assert verdicts.usage.calls == (3 if judging == "panel" else 6)


def test_a_plain_answer_says_nothing_of_others() -> None:
    """The usual inference has one answer, and its assessment is as ever."""
    (feedback,) = score(FakeBedrock(verdict("no", "So.")), inference(), SAFETY).assessments
    assert (feedback.rationale, metadata(feedback)) == ("So.", {})


def test_more_answers_than_the_limit_are_told() -> None:
    """Of 200 answers ten are judged unless the file says otherwise, and the assessment says so."""
    about = tgi_batch(*(f"answer {n}" for n in range(200)))
    bedrock = FakeBedrock()
    (feedback,) = score(bedrock, about, SAFETY).assessments
    assert (len(bedrock.requests), metadata(feedback)["judged_answers"]) == (10, "10 of 200")
    (feedback,) = score(FakeBedrock(), about, SAFETY, max_judged_answers=1).assessments
    assert metadata(feedback)["judged_answers"] == "1 of 200"


def test_an_empty_answer_among_others_is_not_judged() -> None:
    """It has nothing to be judged; the others have, and keep their numbers."""
    (feedback,) = score(FakeBedrock(replying(c="no")), choices(None, "b", "c"), SAFETY).assessments
    assert feedback.value == "no"
    assert metadata(feedback) == {
        "judged_answers": "2 of 3",
        "worst_answer": "3",
        "answers": '{"2": "yes", "3": "no"}',
    }


def test_an_answer_a_scorer_does_not_ask_about_is_not_missing() -> None:
    """Fluency is asked about the text of one choice, not about the bare tool call of the other."""
    one = inference()
    calls = (ToolCall("weather", "{}"),)
    response = Response("openai_chat", choices=(Choice(None, tool_calls=calls), Choice("b")))
    verdicts = score(FakeBedrock(), replace(one, response=response), FLUENCY)
    assert [metadata(f)["judged_answers"] for f in verdicts.assessments] == ["1 of 2"]
    assert verdicts.pending == []


UNREAD = answer([{"text": "hm"}])


def test_an_error_of_one_answer_makes_the_assessment_an_error() -> None:
    """Otherwise nobody would ask again about the answer that may be the worst."""
    (feedback,) = score(FakeBedrock(replying(b=UNREAD)), tgi_batch("a", "b"), SAFETY).assessments
    assert feedback.value is None
    assert feedback.error_code == "UNREADABLE_VERDICT"
    assert str(feedback.error_message).startswith("answer 2 of 2: the judge gave no verdict")
    assert Feedback.from_proto(feedback.to_proto()).error_message == feedback.error_message
    assert metadata(feedback)["answers"] == '{"1": "yes", "2": "UNREADABLE_VERDICT"}'
    assert metadata(feedback)["judged_answers"] == "1 of 2"
    assert (feedback.metadata or {})["mlflow.assessment.judgeInputTokens"] == "2000"


def test_an_error_that_is_shared_names_its_answer_once() -> None:
    """All criteria of a panel may have the same error; each says which answer it is of."""
    bedrock = FakeBedrock(UNREAD)
    verdicts = score(bedrock, tgi_batch("a", "b"), SAFETY, FLUENCY, judging="panel")
    told = [str(feedback.error_message) for feedback in verdicts.assessments]
    assert [message.count("answer 1 of 2: ") for message in told] == [1, 1]


def test_the_worst_verdict_there_is_stands_beside_an_error() -> None:
    """No other answer can make `no` any better: it is not asked again."""
    bedrock = FakeBedrock(replying(a=UNREAD, b="no"))
    (feedback,) = score(bedrock, tgi_batch("a", "b"), SAFETY).assessments
    assert (feedback.value, feedback.error) == ("no", None)
    assert metadata(feedback)["judged_answers"] == "1 of 2"
    bedrock = FakeBedrock(replying(a=UNREAD, b="fair"))
    (feedback,) = score(bedrock, tgi_batch("a", "b"), QUALITY).assessments
    assert feedback.error_code == "UNREADABLE_VERDICT"


@pytest.mark.parametrize(
    "failure", [bedrock_error("ThrottlingException", 429), ReadTimeoutError(endpoint_url="x")]
)
def test_an_answer_nobody_could_judge_leaves_the_scorer_pending(failure: Exception) -> None:
    """Half of the answers would look like all of them; `no` is `no` already."""
    verdicts = score(FakeBedrock(replying(b=failure)), tgi_batch("a", "b"), SAFETY)
    assert (verdicts.assessments, verdicts.pending) == ([], ["safety"])
    verdicts = score(FakeBedrock(replying(a="no", b=failure)), tgi_batch("a", "b"), SAFETY)
    assert [f.value for f in verdicts.assessments] == ["no"]
    assert (verdicts.pending, verdicts.missing) == ([], None)


def test_a_judge_that_refuses_one_answer_is_not_missing_beside_the_worst_verdict() -> None:
    """Nothing is left to ask, so the record is not tagged; otherwise it is."""
    refusal = bedrock_error("AccessDeniedException", 403)
    verdicts = score(
        FakeBedrock(replying(a="no", b=refusal)), tgi_batch("a", "b"), SAFETY, concurrency=1
    )
    assert ([f.value for f in verdicts.assessments], verdicts.missing) == (["no"], None)
    verdicts = score(FakeBedrock(replying(b=refusal)), tgi_batch("a", "b"), SAFETY, concurrency=1)
    assert [f.error_code for f in verdicts.assessments] == ["JUDGE_REFUSED"]
    assert verdicts.missing == "judge_refused"


class _Once(Unlimited):
    """A budget with room for one call."""

    def __init__(self) -> None:
        self.left = 1

    def reserve(self, usd: float) -> Any:
        self.left -= 1
        return super().reserve(usd) if self.left >= 0 else None


def test_a_budget_that_ends_within_a_batch_leaves_the_scorer_missing() -> None:
    """The record is tagged, and judged whole when there is money again; `no` stays."""
    for result, missing in (("yes", "budget_exhausted"), ("no", None)):
        budget = _Once()
        verdicts = score(
            FakeBedrock(verdict(result)), tgi_batch("a", "b"), SAFETY,
            budgets=lambda _endpoint, _run, budget=budget: budget, concurrency=1,
        )  # fmt: skip
        assert (verdicts.missing, bool(verdicts.assessments)) == (missing, not missing)


def test_the_tokens_of_a_batch_are_counted_once() -> None:
    """A count of all answers together is no answer's own."""
    count = {"name": "tokens", "type": "token_count"}
    (feedback,) = score(FakeBedrock(), choices("a", "b"), count).assessments
    assert metadata(feedback) == {}


def test_a_failed_batch_has_no_answers_to_judge() -> None:
    """A stream of two choices that broke off is a failure as before."""
    one = choices("a", "b")
    assert one.response is not None
    failed = replace(one, response=replace(one.response, failure=Failure("out of memory")))
    assert materials(failed, 1000) == ()
    assert score(FakeBedrock(), failed, SAFETY) == Verdicts()


def test_own_scorers_see_one_answer_at_a_time() -> None:
    """Of functions, the worst counts as well: false, no, the lowest number."""
    (spec,) = config({"name": "own", "type": "code", "function": "a:b"}).scorers
    source = AssessmentSource("CODE", "a:b")

    def said(*values: Any) -> Feedback:
        given = [Feedback(name="own", value=v, source=source, metadata={}) for v in values]
        found = [OfAnswer(n, [feedback]) for n, feedback in enumerate(given, start=1)]
        (combined,) = combine(spec, found, len(values))
        return combined

    assert said(True, False).value is False
    assert said(0.5, 0.25, 1).value == 0.25
    assert said("fine", "also fine").value == "fine"
    assert said("yes", "no").value == "no"


def test_a_broken_own_scorer_is_an_error_unless_another_answer_fails_it() -> None:
    """A number of a function has no worst value that is known, so its error goes first."""
    (spec,) = config({"name": "own", "type": "code", "function": "a:b"}).scorers
    source = AssessmentSource("CODE", "a:b")

    def said(value: Any) -> Feedback:
        error = AssessmentError("SCORER_ERROR", "ValueError")
        broken = Feedback(name="own", error=error, source=source)
        given = Feedback(name="own", value=value, source=source)
        (combined,) = combine(spec, [OfAnswer(1, [given]), OfAnswer(2, [broken])], 2)
        return combined

    assert said(False).value is False
    assert said(-7).error_code == "SCORER_ERROR"
    assert said(-7).error_message == "answer 2 of 2: ValueError"


def test_a_scorer_with_several_names_is_combined_by_name() -> None:
    """Each of its assessments has its own worst answer; nothing is kept of a run that is short."""
    (spec,) = config({"name": "own", "type": "code", "function": "a:b"}).scorers
    source = AssessmentSource("CODE", "a:b")

    def of(number: int, **values: Any) -> OfAnswer:
        return OfAnswer(
            number, [Feedback(name=n, value=v, source=source) for n, v in values.items()]
        )

    given = [of(1, short=True, polite=False), of(2, short=False, polite=True)]
    combined = combine(spec, given, 2)
    assert [(f.name, f.value, metadata(f)["worst_answer"]) for f in combined] == [
        ("short", False, "2"), ("polite", False, "1")
    ]  # fmt: skip
    assert combine(spec, [*given, OfAnswer(3, None)], 3) == []


def test_the_list_of_verdicts_has_an_end() -> None:
    """Of thousands of answers the metadata shows as many as fit, with the worst one."""
    about = tgi_batch(*(f"answer {n}" for n in range(300)))
    bedrock = FakeBedrock(lambda r: verdict("no" if "answer 299" in str(r["messages"]) else "yes"))
    (feedback,) = score(bedrock, about, SAFETY, max_judged_answers=1000).assessments
    shown = metadata(feedback)["answers"]
    assert len(shown) <= 1000
    assert json.loads(shown)["300"] == "no"
    assert metadata(feedback)["judged_answers"] == "300 of 300"


def test_json_lines_have_a_body_of_their_own() -> None:
    """Each line of a batch is judged with its own documents."""
    lines = [{"inputs": f"q{n}", "documents": [f"document {n}"], "parameters": {}} for n in (1, 2)]
    about = read(
        "\n".join(map(json.dumps, lines)), [[{"generated_text": "a"}], [{"generated_text": "b"}]]
    )
    shown = materials(about, 1000)
    assert [m.request for m in shown] == ["q1", "q2"]
    assert [m.contexts for m in shown] == ["[1]\ndocument 1", "[1]\ndocument 2"]
