"""Every metric that MLflow has of DeepEval, Ragas and Phoenix, run by the real packages.

The judge is the stand-in. Home and working directory cannot be written to, as in Lambda.
"""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from local.judge.answer import SAYS
from local.judge.server import StandInJudge

ROOT = Path(__file__).parents[2]
READ_ONLY = "/proc"
"""A folder that nobody can write to, root neither."""

GOOD = ["What is the capital of France?", "Paris is the capital of France. It lies on the Seine."]
BAD = ["What is the capital of France?", "You stupid idiot. I hate you."]
RECORDS = [GOOD, BAD] * 3

USABLE: dict[str, dict[str, dict[str, Any]]] = {
    "deepeval": {
        "AnswerRelevancy": {},
        "Bias": {},
        "Misuse": {"domain": "geography"},
        "NonAdvice": {"advice_types": ["financial"]},
        "PIILeakage": {},
        "PatternMatch": {"pattern": "Paris.*"},
        "PromptAlignment": {"prompt_instructions": ["Answer briefly."]},
        "RoleViolation": {"role": "a geography teacher"},
        "Summarization": {},
        "TaskCompletion": {},
        "Toxicity": {},
    },
    "ragas": {
        "AspectCritic": {"name": "harm", "definition": "Is the answer harmful or offensive?"},
        "DiscreteMetric": {
            "name": "tone",
            "prompt": "How polite is this answer?\nResponse: {response}",
            "allowed_values": ["polite", "impolite"],
        },
        "RubricsScore": {
            "rubrics": {"score1_description": "Rude.", "score5_description": "Polite."}
        },
    },
    "phoenix": {"Summarization": {}, "Toxicity": {}},
}
"""With what they need to be told; all that can be judged by a conversation and an answer."""

DIFFERENT: dict[str, dict[str, tuple[Any, Any]]] = {
    "deepeval": {"Toxicity": ("yes", "no"), "PatternMatch": ("yes", "no")},
    "ragas": {"AspectCritic": (0.0, 1.0), "DiscreteMetric": ("polite", "impolite")},
    "phoenix": {"Toxicity": ("non-toxic", "toxic")},
}
"""What they say of the good answer and of the bad one."""

LACKING = {
    "deepeval": {
        "ArgumentCorrectness": "`tools_called`",
        "ContextualPrecision": "`expected_output`",
        "ContextualRecall": "`expected_output`",
        "ContextualRelevancy": "`retrieval_context`",
        "ConversationCompleteness": "`session`",
        "ExactMatch": "`expected_output`",
        "Faithfulness": "`retrieval_context`",
        "GoalAccuracy": "`session`",
        "Hallucination": "`context`",
        "JsonCorrectness": "'expected_schema'",
        "KnowledgeRetention": "`session`",
        "PlanAdherence": "`trace`",
        "PlanQuality": "`trace`",
        "RoleAdherence": "`session`",
        "StepEfficiency": "`trace`",
        "ToolCorrectness": "`expected_tools`",
        "ToolUse": "'available_tools'",
        "TopicAdherence": "'relevant_topics'",
        "TurnRelevancy": "`session`",
    },
    "ragas": {
        "AgentGoalAccuracyWithReference": "`session`",
        "AgentGoalAccuracyWithoutReference": "`session`",
        "AnswerAccuracy": "`reference`",
        "AnswerRelevancy": "an embedding model",
        "BleuScore": "`reference`",
        "ChrfScore": "`reference`",
        "ContextEntityRecall": "`retrieved_contexts`",
        "ContextPrecision": "`retrieved_contexts`",
        "ContextRecall": "`retrieved_contexts`",
        "ContextRelevance": "`retrieved_contexts`",
        "ContextUtilization": "`retrieved_contexts`",
        "ExactMatch": "`reference`",
        "FactualCorrectness": "`reference`",
        "Faithfulness": "`retrieved_contexts`",
        "InstanceSpecificRubrics": "`rubrics`",
        "NoiseSensitivity": "`reference`",
        "NonLLMContextPrecisionWithReference": "rapidfuzz",
        "NonLLMContextRecall": "rapidfuzz",
        "NonLLMStringSimilarity": "rapidfuzz",
        "ResponseGroundedness": "`retrieved_contexts`",
        "RougeScore": "`reference`",
        "SemanticSimilarity": "an embedding model",
        "StringPresence": "`reference`",
        "SummarizationScore": "`reference_contexts`",
        "ToolCallAccuracy": "`session`",
        "ToolCallF1": "`session`",
        "TopicAdherence": "`session`",
    },
    "phoenix": {
        "Hallucination": "`reference`",
        "QA": "`reference`",
        "Relevance": "`reference`",
    },
}
"""What the error names, of all that cannot be judged."""

WITHOUT_JUDGE = {"PatternMatch"}


@dataclass(frozen=True)
class Tried:
    """What came of a package's metrics, with each behaviour of the judge."""

    package: str
    result: dict[str, Any]

    @property
    def judged(self) -> list[str]:
        """The metrics that ask."""
        return [name for name in USABLE[self.package] if name not in WITHOUT_JUDGE]

    def verdicts(self, run: int) -> list[dict[str, Any]]:
        """The verdicts on each record."""
        verdicts: list[dict[str, Any]] = self.result["runs"][run]["verdicts"]
        return verdicts


OK, MALFORMED, DENIED = range(3)
JUDGES = [{"mode": "ok"}, {"mode": "malformed"}, {"mode": "denied"}]


@pytest.fixture(scope="module")
def judge() -> Iterator[StandInJudge]:
    """The stand-in."""
    judge = StandInJudge().start()
    yield judge
    judge.stop()


@pytest.fixture(params=["deepeval", "ragas", "phoenix"])
def tried(request: pytest.FixtureRequest, judge: StandInJudge) -> Tried:
    """A package, with all its metrics run once for all tests."""
    return _try(request.param, judge.url)


@cache
def _try(package: str, judge: str) -> Tried:
    python = ROOT / f".local/venv-{package}/bin/python"
    if not python.exists():
        pytest.skip(f"{package} is not installed; `make test-third-party` installs it")
    arguments = USABLE[package] | {name: {} for name in LACKING[package]}
    prefix = f"mlflow.genai.scorers.{package}"
    task = {
        "package": package,
        "judges": JUDGES,
        "records": RECORDS,
        "scorers": [
            {"name": n, "type": "mlflow", "class": f"{prefix}.{n}", "arguments": a}
            for n, a in arguments.items()
        ],
    }
    environment = {
        "PATH": os.environ["PATH"],
        "PYTHONPATH": f"{ROOT}:{ROOT / 'lambda_src'}",
        "HOME": READ_ONLY,
        "AWS_ENDPOINT_URL_BEDROCK_RUNTIME": judge,
        "AWS_ACCESS_KEY_ID": "made-up",
        "AWS_SECRET_ACCESS_KEY": "made-up",
        "AWS_DEFAULT_REGION": "eu-west-1",
    }
    done = subprocess.run(
        [python, "-m", "tests.third_party.run_scorers"],
        input=json.dumps(task),
        capture_output=True,
        text=True,
        cwd=READ_ONLY,
        env=environment,
        timeout=240,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-4000:]
    return Tried(package, json.loads(done.stdout))


def test_all_metrics_of_mlflow_are_tried(tried: Tried) -> None:
    """None is forgotten, and a new one of a later MLflow is noticed."""
    assert tried.result["metrics"] == sorted({*USABLE[tried.package], *LACKING[tried.package]})


def test_verdicts_are_read(tried: Tried) -> None:
    """Each metric that can work gives a value and a rationale of the judge, for every record."""
    for verdicts in tried.verdicts(OK):
        assert verdicts["pending"] == []
        for name in tried.judged:
            found = verdicts["assessments"][name]
            assert (name, found["error"]) == (name, None)
            assert found["value"] is not None
            assert found["rationale"].startswith(SAYS)
            assert found["source"] == "LLM_JUDGE"


def test_each_verdict_is_about_its_own_record(tried: Tried) -> None:
    """Good and bad answers that are judged at the same time are told apart."""
    for name, (of_good, of_bad) in DIFFERENT[tried.package].items():
        values = [v["assessments"][name]["value"] for v in tried.verdicts(OK)]
        assert (name, values) == (name, [of_good, of_bad] * 3)


def test_every_call_is_accounted_for(tried: Tried) -> None:
    """Calls and tokens of the assessments, of the records and of the judge are the same."""
    verdicts = tried.verdicts(OK)
    asked = tried.result["runs"][OK]["asked"]
    metadata = [
        assessment["metadata"]
        for verdict in verdicts
        for assessment in verdict["assessments"].values()
        if assessment["source"] == "LLM_JUDGE"
    ]
    assert sum(int(m["judge_calls"]) for m in metadata) == asked["calls"]
    assert sum(v["judge_calls"] for v in verdicts) == asked["calls"]
    told = sum(int(m["mlflow.assessment.judgeInputTokens"]) for m in metadata)
    assert told == sum(v["input_tokens"] for v in verdicts) == asked["input_tokens"]
    cost = sum(float(m["mlflow.assessment.judgeCost"]) for m in metadata)
    assert cost == pytest.approx(sum(v["cost_usd"] for v in verdicts), rel=1e-3)
    for m in metadata:
        assert m["scorer_version"] == "1"
        assert m["mlflow.scorer.framework"] == tried.package
        assert m["judge_model"].startswith("global.anthropic.")


def test_what_is_lacking_is_named(tried: Tried) -> None:
    """A metric that needs more than there is has one error that names it, and no value."""
    for verdicts in tried.verdicts(OK):
        for name, named in LACKING[tried.package].items():
            found = verdicts["assessments"][name]
            assert found["value"] is None
            assert found["error_code"] == "SCORER_ERROR"
            assert named in found["error"], (name, found["error"])
            assert "\n" not in found["error"]


def test_an_answer_that_cannot_be_read_gives_no_value(tried: Tried) -> None:
    """Prose where a tool should have been called is an error of each metric."""
    for verdicts in tried.verdicts(MALFORMED):
        found = {name: verdicts["assessments"][name] for name in tried.judged}
        assert {f["error_code"] for f in found.values()} == {"UNREADABLE_VERDICT"}
        assert {f["value"] for f in found.values()} == {None}


def test_a_refusal_is_not_asked_for_again(tried: Tried) -> None:
    """Whatever retries a package has, a judge that refuses for good is asked once by each run."""
    for verdicts in tried.verdicts(DENIED):
        found = {name: verdicts["assessments"][name] for name in tried.judged}
        assert {f["error_code"] for f in found.values()} == {"JUDGE_REFUSED"}
    expected = len(tried.judged) * len(RECORDS)
    assert tried.result["runs"][DENIED]["asked"]["calls"] == expected


def test_nothing_looks_for_another_machine(tried: Tried) -> None:
    """No telemetry, no update checks, no downloads."""
    assert tried.result["looked_for"] == []
