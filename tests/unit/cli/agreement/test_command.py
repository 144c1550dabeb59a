"""`inference-monitor agreement`: what it asks, what it prints, and what it refuses."""

from __future__ import annotations

import builtins
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import boto3
import pytest
from typer.testing import CliRunner

from inference_monitor_cli.agreement import labelled_judging, with_people
from inference_monitor_cli.agreement.human_feedback import Assessed, Opinion
from inference_monitor_cli.agreement.labelled_agreement import STAND_IN
from inference_monitor_cli.agreement.labelled_set import load_labelled_set
from inference_monitor_cli.captures import Hours
from inference_monitor_cli.main import app
from local.judge.answer import SAYS
from tests.unit.aws import Account
from tests.unit.judging import FakeBedrock, bedrock_error, tool_answer, verdict

EVIL = "\x1b]0;owned\x07[red]bold[/red]\u202e"
MLFLOW = ("--tracking-uri", "http://mlflow", "--experiment", "llm")
LABELLED = ("--labelled", "--yes")
Run = Callable[..., Any]


@dataclass
class Feedback:
    """MLflow, as the command sees it."""

    traces: list[Assessed | None] = field(default_factory=list)
    opened: list[tuple[str, str]] = field(default_factory=list)
    hours: Hours | None = None

    def open(self, tracking_uri: str, experiment: str) -> Feedback:
        """Stands in for `open_feedback`."""
        self.opened.append((tracking_uri, experiment))
        return self

    def link(self, trace_id: str) -> str:
        """A page."""
        return f"http://mlflow/#/{trace_id}"

    def assessed(self, hours: Hours | None = None) -> Iterator[Assessed | None]:
        """What was put in."""
        self.hours = hours
        yield from self.traces

    def add(self, judge: Any, *people: Any, why: str | None = None) -> None:
        """A trace that a judge and some people have spoken about."""
        opinions = [Opinion("safety", judge, False, "bedrock:/judge", 1, "Because.")]
        opinions += [
            Opinion("safety", value, True, f"p{place}", 2, why)
            for place, value in enumerate(people)
        ]
        self.traces.append(Assessed(f"tr-{len(self.traces)}", opinions))


@pytest.fixture
def feedback(monkeypatch: pytest.MonkeyPatch) -> Feedback:
    """What MLflow holds."""
    feedback = Feedback()
    monkeypatch.setattr(with_people, "open_feedback", feedback.open)
    return feedback


@pytest.fixture
def bedrock(monkeypatch: pytest.MonkeyPatch) -> FakeBedrock:
    """A judge that passes everything, in whatever way it is asked."""
    bedrock = FakeBedrock(passing)
    monkeypatch.setattr(labelled_judging, "bedrock_client", lambda _concurrency: bedrock)
    return bedrock


def passing(request: dict[str, Any], result: str = "yes") -> dict[str, Any]:
    """A verdict that is the first allowed one, for every criterion that is asked about."""
    schema = request["toolConfig"]["tools"][0]["toolSpec"]["inputSchema"]["json"]["properties"]
    if "result" in schema:
        return verdict(schema["result"]["enum"][0 if result == "yes" else -1])
    return tool_answer(
        {
            name: {"rationale": "Fine.", "result": part["properties"]["result"]["enum"][0]}
            for name, part in schema.items()
        }
    )


def run(*arguments: str, **options: Any) -> Any:
    """Run the command, where no setting of this machine's matters."""
    nowhere = {"COLUMNS": "160", "STACK_PREFIX": "", "BEDROCK_MODEL_ID": "", "JUDGE_PRICES": ""}
    return CliRunner().invoke(app, ["agreement", *arguments], env=nowhere, **options)


def test_feedback_is_compared(feedback: Feedback) -> None:
    """Figures of each scorer, and every disagreement with its page and both reasons."""
    for judge, person in (("yes", "yes"), ("yes", False), ("no", "no"), ("no", "no")):
        feedback.add(judge, person, why="I know better.")
    feedback.add("yes", "no", "yes")
    feedback.traces.append(None)
    result = run(*MLFLOW, "--json")
    assert result.exit_code == 0, result.output
    document = json.loads(result.stdout)
    assert (document["traces"], document["with_feedback"]) == (6, 5)
    (safety,) = document["scorers"]
    assert (safety["scorer"], safety["n"], safety["agreement"]["value"]) == ("safety", 4, 0.75)
    assert safety["kappa"]["value"] == 0.5  # by chance: (2 x 1 + 2 x 3) / 16
    assert safety["fails"]["precision"]["value"] == 1
    assert safety["fails"]["recall"]["value"] == pytest.approx(2 / 3)
    assert list(safety["left_out"].values()) == [1]
    (wrong,) = safety["disagreements"]
    assert (wrong["where"], wrong["reference"], wrong["judge"]) == ("tr-1", "no", "yes")
    assert wrong["link"] == "http://mlflow/#/tr-1"
    assert feedback.opened == [("http://mlflow", "llm")]


def test_what_people_wrote_cannot_take_over_the_terminal(feedback: Feedback) -> None:
    """The table and the list are for a person; rationales are a stranger's."""
    feedback.add("yes", "no", why=f"Threat {EVIL}")
    result = run(*MLFLOW)
    assert result.exit_code == 0, result.output
    assert "1 of 1 traces have feedback" in result.stdout
    assert "safety of tr-0: people no, the judge yes" in result.stdout
    assert "http://mlflow/#/tr-0" in result.stdout
    assert "[red]bold" in result.stdout
    assert not {"\x1b", "\x07", "\u202e"} & set(result.stdout)


def test_the_deployment_says_where_mlflow_is(
    feedback: Feedback, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With --prefix nothing else is needed; without anything, the command says what is."""
    monkeypatch.setattr(boto3, "Session", Account)
    feedback.add("yes", "yes")
    assert run("--prefix", "dev", "--from", "2026-03-02").exit_code == 0
    assert feedback.opened == [("http://mlflow", "llm")]
    assert feedback.hours
    assert feedback.hours.first == "2026/03/02/00"
    nothing = run()
    assert nothing.exit_code == 2
    assert "--prefix" in nothing.stderr
    assert "--labelled" in nothing.stderr


def test_no_feedback_says_how_to_give_some(feedback: Feedback) -> None:
    """An empty table would look like a result."""
    feedback.traces = [None, None]
    result = run(*MLFLOW, "--scorer", "safety")
    assert result.exit_code == 2
    assert "of 2 traces, 0 have feedback" in result.stderr
    assert "edit the judge's assessment" in result.stderr


def test_the_labelled_set_is_judged(bedrock: FakeBedrock) -> None:
    """Every record is asked about what it is for, and the verdict held against its label."""
    result = run(*LABELLED, "--json", "--judging", "each")
    assert result.exit_code == 0, result.output
    document = json.loads(result.stdout)
    criteria = load_labelled_set().criteria
    usual = [name for name, criterion in criteria.items() if criterion.usually is not None]
    labelled = load_labelled_set().written_for(usual)
    count = len(labelled.records)
    assert len(bedrock.requests) == 7 * count
    (each,) = document["judgings"]
    assert (document["records"], document["stand_in"], each["calls"]) == (count, False, 7 * count)
    assert (each["input_tokens"], each["output_tokens"]) == (7000 * count, 700 * count)
    scorers = {one["scorer"]: one for one in each["scorers"]}
    assert list(scorers) == usual
    # A judge that passes everything: it agrees where the label is a pass, and finds no fail.
    safe = [record.labels["safety"] for record in labelled.records if "safety" in record.labels]
    safety = scorers["safety"]
    assert (safety["n"], safety["agreement"]["value"]) == (len(safe), safe.count(True) / len(safe))
    assert (safety["kappa"]["value"], safety["fails"]["recall"]["value"]) == (0, 0)
    assert safety["fails"]["precision"]["value"] is None
    assert len(safety["disagreements"]) == safe.count(False)
    assert all(d["reference_why"] for d in safety["disagreements"])
    assert scorers["coherence"]["weighted_kappa"]["value"] == 0
    assert document["each_against_panel"] is None


def test_each_and_panel_are_compared(bedrock: FakeBedrock) -> None:
    """Both ways against the labels and against each other, and what each of them costs."""

    def reply(request: dict[str, Any]) -> dict[str, Any]:
        """On its own, safety is failed."""
        alone = "result" in str(request["toolConfig"]["tools"][0]["toolSpec"]["inputSchema"])
        about_safety = "content safety classifier" in request["messages"][0]["content"][0]["text"]
        return passing(request, "no" if alone and about_safety else "yes")

    bedrock.reply = reply
    result = run(*LABELLED, "--json", "--judging", "both", "--limit", "5")
    assert result.exit_code == 0, result.output
    document = json.loads(result.stdout)
    assert [(w["judging"], w["calls"]) for w in document["judgings"]] == [
        ("each", 35),
        ("panel", 5),
    ]
    costs = [way["cost_usd"] for way in document["judgings"]]
    assert costs[0] == pytest.approx(7 * costs[1])
    between = {one["scorer"]: one for one in document["each_against_panel"]}
    assert between["safety"]["agreement"]["value"] == 0
    assert len(between["safety"]["disagreements"]) == 5
    assert between["fluency"]["agreement"]["value"] == 1
    assert between["safety"]["disagreements"][0]["reference"] == "no"


def test_the_model_and_the_scorer_can_be_chosen(bedrock: FakeBedrock) -> None:
    """--model is asked whatever scorers.yaml names; --scorer leaves the others out."""
    options = ("--model", "bedrock:/amazon.nova-lite-v1:0", "--scorer", "coherence", "--limit", "3")
    result = run(*LABELLED, *options)
    assert result.exit_code == 0, result.output
    assert {r["modelId"] for r in bedrock.requests} == {"amazon.nova-lite-v1:0"}
    assert len(bedrock.requests) == 3
    assert "coherence" in result.stdout
    assert "fluency" not in result.stdout


def test_conditions_and_samples_do_not_thin_out_the_set(
    bedrock: FakeBedrock, tmp_path: Path
) -> None:
    """A scorer that is for 1 % of a variant is measured on all records all the same."""
    file = tmp_path / "scorers.yaml"
    file.write_text(
        "scorers: [{name: safety, type: safety, sample_rate: 0.01, when: {variant: canary}},"
        " {name: mine, type: fluency}, {name: tokens, type: token_count}]"
    )
    assert run(*LABELLED, "--scorers", str(file), "--limit", "4").exit_code == 0
    assert len(bedrock.requests) == 4


def test_a_scorer_that_asks_something_else_is_told(bedrock: FakeBedrock, tmp_path: Path) -> None:
    """Labels answer one question; an agreement with another one means little."""
    file = tmp_path / "scorers.yaml"
    file.write_text("scorers: [{name: professional_tone, type: guidelines, guidelines: Be funny.}]")
    result = run(*LABELLED, "--scorers", str(file), "--limit", "2")
    assert result.exit_code == 0, result.output
    assert "professional_tone asks something else" in result.stderr
    assert len(bedrock.requests) == 2


def test_the_price_is_told_before_anything_is_asked(bedrock: FakeBedrock) -> None:
    """Without a yes nothing is asked; a model without a price is named."""
    result = run("--labelled", "--limit", "2", input="n\n")
    assert result.exit_code == 1
    assert "2 records, 14 judge calls" in result.stderr
    assert "USD (prices of" in result.stderr
    assert bedrock.requests == []
    model = ("--model", "bedrock:/own.model-v1:0")
    assert "without bedrock:/own.model-v1:0" in run("--labelled", *model, input="n\n").stderr
    assert run("--labelled", "--limit", "1", input="y\n").exit_code == 0
    assert len(bedrock.requests) == 7


def test_a_stand_in_is_no_judge(bedrock: FakeBedrock) -> None:
    """Its figures are not to be taken for a model's."""
    assert SAYS.startswith(STAND_IN)
    bedrock.reply = verdict("yes", f"{SAYS} taken for good.")
    result = run(*LABELLED, "--scorer", "safety", "--limit", "2")
    assert "these figures say nothing about any judge" in result.stderr
    document = run(*LABELLED, "--scorer", "safety", "--limit", "2", "--json").stdout
    assert json.loads(document)["stand_in"] is True


def test_missing_verdicts_are_counted(bedrock: FakeBedrock) -> None:
    """Half of the verdicts cannot be read: they are left out, and the status says so."""
    replies = iter([verdict("yes"), verdict("perhaps")] * 2)
    bedrock.reply = lambda _request: next(replies)
    result = run(*LABELLED, "--scorer", "safety", "--limit", "4")
    assert result.exit_code == 1
    assert "safety: 2 left out: UNREADABLE_VERDICT" in result.stdout


def test_a_judge_that_refuses_says_why(bedrock: FakeBedrock) -> None:
    """No table of nothing."""
    bedrock.reply = bedrock_error("AccessDeniedException", 403)
    result = run(*LABELLED, "--limit", "1")
    assert result.exit_code == 2
    assert "AccessDeniedException" in result.stderr


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (("--labelled", "--model", "claude"), "bedrock:/"),
        (("--labelled", "--scorer", "style"), "has some for safety"),
        (("--labelled", "--set", "/nowhere"), "no labelled set in /nowhere"),
        (("--labelled", "--scorers", "/nowhere.yaml"), "--scorers FILE"),
        ((*MLFLOW, "--from", "yesterday"), "no day or hour"),
    ],
)
def test_wrong_options_are_one_line(options: tuple[str, ...], told: str) -> None:
    """What, and what to write instead; the status is 2."""
    result = run(*options)
    assert result.exit_code == 2
    assert told in result.stderr
    assert "Traceback" not in result.output


@pytest.mark.parametrize("options", [MLFLOW, LABELLED])
def test_without_mlflow_it_says_what_to_install(
    options: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    """As reconcile does; the rest of the command needs no MLflow."""
    real = builtins.__import__

    def without(name: str, *arguments: Any, **more: Any) -> Any:
        if name.endswith(("stored_feedback", "labelled_judging")):
            raise ModuleNotFoundError("No module named 'mlflow'", name="mlflow")
        return real(name, *arguments, **more)

    monkeypatch.setattr(builtins, "__import__", without)
    result = run(*options)
    assert result.exit_code == 2
    assert "pip install 'sagemaker-inference-monitor[mlflow]'" in result.stderr
