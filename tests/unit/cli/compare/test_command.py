"""`inference-monitor compare` and `gate` over capture files and traces."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
from mlflow.entities import (
    AssessmentSource,
    AssessmentSourceType,
    Feedback,
    TraceInfo,
    TraceLocation,
    TraceState,
)
from typer.testing import CliRunner, Result

from inference_monitor_cli.captures import Hours
from inference_monitor_cli.compare import sources
from inference_monitor_cli.compare.observations import Observation, Side
from inference_monitor_cli.compare.stored import observe
from inference_monitor_cli.main import app
from tests.unit.builders import capture

NOW = datetime(2026, 11, 25, 9, tzinfo=UTC)


def run(verb: str, *words: str) -> Result:
    """Run a verb in a wide terminal."""
    return CliRunner().invoke(app, [verb, *words], env={"COLUMNS": "160"})


def observation(variant: str, number: int = 0, **values: Any) -> Observation:
    """One inference; those with the same number answer the same request."""
    return Observation(
        endpoint="llm",
        variant=variant,
        inference_time=NOW,
        inference_id=f"request-{number}" if number else None,
        values=values,
    )


class FakeStored:
    """An MLflow that holds these observations."""

    def __init__(self, *observations: Observation) -> None:
        self.observations = observations
        self.hours: list[Hours | None] = []

    def read(self, side: Side, hours: Hours | None) -> Iterator[Observation]:
        """Those of a side."""
        self.hours.append(hours)
        return (one for one in self.observations if side.has(one))


@pytest.fixture
def store(monkeypatch: pytest.MonkeyPatch) -> Callable[..., FakeStored]:
    """Have MLflow hold observations."""

    def hold(*observations: Observation) -> FakeStored:
        stored = FakeStored(*observations)
        monkeypatch.setattr(sources, "open_stored", lambda *_: stored)
        return stored

    return hold


MLFLOW = ("--tracking-uri", "http://mlflow", "--experiment", "llm")


def metrics(result: Result) -> dict[str, Any]:
    """The metrics of the JSON document by name."""
    assert result.exit_code == 0, result.output
    return {metric["name"]: metric for metric in json.loads(result.stdout)["metrics"]}


def pairs_of(count: int, better: int) -> list[Observation]:
    """Shadowed requests: blue fails `better` of them that green passes, and the rest agree."""
    return [
        observation(variant, number, safety=float(variant == "green" or number > better))
        for number in range(1, count + 1)
        for variant in ("blue", "green")
    ]


def test_a_shadow_variant_is_compared_in_pairs(store: Callable[..., FakeStored]) -> None:
    """Twelve of forty requests went better: pairs show it, and both sides have all records."""
    store(*pairs_of(40, 12))
    result = run("compare", "--a", "blue", "--b", "green", *MLFLOW, "--json")
    safety = metrics(result)["safety"]
    assert json.loads(result.stdout)["pairs"] == 40
    assert safety["paired"] is True
    assert (safety["a"], safety["b"]) == (0.7, 1.0)
    assert safety["verdict"] == "B is better"
    assert safety["adjusted_p_value"] < 0.01


def test_an_id_that_a_side_has_twice_pairs_nothing(store: Callable[..., FakeStored]) -> None:
    """A client that sends one id for all requests gets independent samples, and no wrong pairs."""
    store(*[observation(v, 7, safety=1.0) for v in ("blue", "green") for _ in range(20)])
    document = json.loads(run("compare", "--a", "blue", "--b", "green", *MLFLOW, "--json").stdout)
    assert document["pairs"] == 0
    assert document["metrics"][0]["paired"] is False


def test_pairs_can_be_refused(store: Callable[..., FakeStored]) -> None:
    """--unpaired compares the same inferences as independent samples."""
    store(*pairs_of(40, 12))
    words = ("compare", "--a", "blue", "--b", "green", *MLFLOW, "--json", "--unpaired")
    assert metrics(run(*words))["safety"]["paired"] is False


def test_fewer_errors_are_better_and_more_tokens_are_only_more(
    store: Callable[..., FakeStored],
) -> None:
    """The direction of each metric is known; tokens have none."""
    store(
        *[observation("blue", error_rate=float(n < 30), output_tokens=100 + n) for n in range(100)],
        *[observation("green", error_rate=float(n < 5), output_tokens=200 + n) for n in range(100)],
    )
    found = metrics(run("compare", "--a", "blue", "--b", "green", *MLFLOW, "--json"))
    assert found["error_rate"]["verdict"] == "B is better"
    assert found["output_tokens"]["verdict"] == "B is higher"
    assert found["output_tokens"]["difference"] == pytest.approx(100)


def test_an_undecided_comparison_says_how_many_records_it_needs(
    store: Callable[..., FakeStored],
) -> None:
    """One point of difference in a hundred records decides nothing."""
    blue = [observation("blue", safety=float(n >= 10)) for n in range(100)]
    green = [observation("green", safety=float(n >= 9)) for n in range(100)]
    store(*blue, *green)
    safety = metrics(run("compare", "--a", "blue", "--b", "green", *MLFLOW, "--json"))["safety"]
    assert safety["verdict"] == "undecided"
    assert 500 < safety["needed"] < 650
    shown = run("compare", "--a", "blue", "--b", "green", *MLFLOW)
    assert f"undecided: {safety['needed']} more records a side" in shown.stdout


def test_enough_records_without_a_difference_say_so(store: Callable[..., FakeStored]) -> None:
    """An interval within the difference worth finding is an answer."""
    store(*[observation(v, safety=float(n % 10 > 0)) for v in ("a", "b") for n in range(2000)])
    words = ("compare", "--a", "a", "--b", "b", *MLFLOW, "--json")
    assert metrics(run(*words))["safety"]["verdict"] == "no relevant difference"


def test_categories_have_the_order_that_scorers_yaml_gives_them(
    store: Callable[..., FakeStored], tmp_path: Path
) -> None:
    """With the file they have a mean between 0 and 1; without it, only how often they occur."""
    file = tmp_path / "scorers.yaml"
    file.write_text(
        "scorers:\n- {name: tone, type: judge, instructions: 'Judge {{ outputs }}.', "
        "output: [good, fair, poor]}\n"
    )
    store(
        *[observation("blue", tone="good" if n % 2 else "poor") for n in range(60)],
        *[observation("green", tone="good" if n % 5 else "fair") for n in range(60)],
    )
    words = ("compare", "--a", "blue", "--b", "green", *MLFLOW, "--json")
    ordered = metrics(run(*words, "--scorers", str(file)))["tone"]
    assert (ordered["a"], ordered["b"]) == (0.5, pytest.approx(0.9))
    assert ordered["verdict"] == "B is better"
    unordered = metrics(run(*words))["tone"]
    assert (unordered["kind"], unordered["a"]) == ("categories", None)
    assert unordered["verdict"] == "they differ"


def test_a_few_records_are_not_compared(store: Callable[..., FakeStored]) -> None:
    """Nine records say nothing, and the command does not pretend."""
    store(*[observation(v, safety=float(v == "a")) for v in ("a", "b") for _ in range(9)])
    words = ("compare", "--a", "a", "--b", "b", *MLFLOW, "--json")
    safety = metrics(run(*words))["safety"]
    assert (safety["verdict"], safety["p_value"]) == ("too few records", None)


def captures(folder: Path, variant: str, answers: Sequence[dict[str, Any]]) -> None:
    """A capture file of a variant, in SageMaker's layout."""
    file = folder / "llm" / variant / "2026" / "11" / "25" / "09" / "part.jsonl"
    file.parent.mkdir(parents=True)
    lines = [
        json.dumps(capture({"inputs": "hello"}, answer, eventId=f"{variant}-{number}"))
        for number, answer in enumerate(answers)
    ]
    file.write_text("\n".join(lines))


def test_capture_files_are_compared_without_mlflow_or_aws(tmp_path: Path) -> None:
    """Error rate and length come from the files; a failed request has no length."""
    captures(tmp_path, "blue", [{"generated_text": "short"}] * 40)
    failed = {"error": "boom", "code": 424}
    captures(tmp_path, "green", [failed] * 20 + [{"generated_text": "a longer answer"}] * 20)
    words = ("--a", "blue", "--b", "green", "--captures", str(tmp_path), "--json")
    found = metrics(run("compare", *words))
    assert found["error_rate"]["verdict"] == "B is worse"
    assert found["error_rate"]["b"] == 0.5
    assert found["output_characters"]["records_b"] == 20
    assert found["output_characters"]["verdict"] == "B is higher"


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--a", "blue", "--b", "period:yesterday"), "write period:2026-03-01..2026-03-07"),
        (("--a", "endpoint:", "--b", "blue"), "names no side"),
        (("--a", "files:x", "--b", "blue"), "files: is for both sides"),
        (
            ("--a", "blue", "--b", "green", "--from", "2026-03-01"),
            "--from and --to belong together",
        ),
        (("--a", "blue", "--b", "green"), "name the deployment with --prefix"),
    ],
)
def test_what_cannot_be_compared_is_said_on_one_line(words: tuple[str, ...], said: str) -> None:
    """Each mistake names what to write instead; the exit status is 2."""
    result = run("compare", *words)
    assert result.exit_code == 2
    assert said in result.stderr


def test_a_side_without_inferences_is_an_error(store: Callable[..., FakeStored]) -> None:
    """A misspelt variant does not compare with nothing."""
    store(*[observation("blue", safety=1.0)] * 20)
    result = run("compare", "--a", "blue", "--b", "gren", *MLFLOW)
    assert (result.exit_code, "no inference of gren" in result.stderr) == (2, True)


def test_a_gate_passes_and_fails_by_its_rules(
    store: Callable[..., FakeStored], tmp_path: Path
) -> None:
    """The exit status is for the pipeline, and JUnit names the rule with its figures."""
    store(*[observation("green", safety=float(n > 4), error_rate=0.0) for n in range(100)])
    file = tmp_path / "gate.xml"
    words = ("--b", "green", *MLFLOW, "--max", "error_rate=0.01", "--junit", str(file))
    assert run("gate", *words, "--min", "safety=0.95").exit_code == 0
    failed = run("gate", *words, "--min", "safety=0.97")
    assert failed.exit_code == 1
    assert "FAILED  safety >= 0.97: 0.95 of 100 inferences" in failed.stdout
    suite = ElementTree.fromstring(file.read_bytes())  # noqa: S314  # written a moment ago
    assert (suite.get("tests"), suite.get("failures")) == ("2", "1")
    assert [case.get("name") for case in suite if len(case)] == ["safety >= 0.97"]


def test_a_gate_fails_on_a_metric_that_is_missing_or_scarce(
    store: Callable[..., FakeStored],
) -> None:
    """A misspelt scorer never passes, nor does a handful of records."""
    store(*[observation("green", safety=1.0) for _ in range(19)])
    for rule in ("safety=0.5", "saftey=0.5"):
        result = run("gate", "--b", "green", *MLFLOW, "--min", rule)
        assert result.exit_code == 1
        assert "the gate wants 20" in result.stdout


def test_not_worse_needs_evidence(store: Callable[..., FakeStored]) -> None:
    """Equal shares of few records do not exclude a loss of two points; of many, they do."""
    rule = ("gate", "--a", "a", "--b", "b", *MLFLOW, "--not-worse", "safety=0.02")
    store(*[observation(v, safety=float(n % 20 > 0)) for v in ("a", "b") for n in range(100)])
    assert run(*rule).exit_code == 1
    store(*[observation(v, safety=float(n % 20 > 0)) for v in ("a", "b") for n in range(4000)])
    assert run(*rule).exit_code == 0


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ((), "give a rule"),
        (("--min", "safety"), "write NAME=NUMBER"),
        (("--min", "safety=nan"), "write NAME=NUMBER"),
        (("--not-worse", "safety=0.1"), "name it with --a"),
    ],
)
def test_a_gate_without_a_usable_rule_cannot_pass(words: tuple[str, ...], said: str) -> None:
    """A mistake in the pipeline's own words is exit status 2."""
    result = run("gate", "--b", "green", *words)
    assert (result.exit_code, said in result.stderr) == (2, True)


def test_a_trace_tells_scores_tokens_and_errors() -> None:
    """The judge's latest valid verdict counts; a person's word is not the judge's."""

    def feedback(value: Any, at: int, *, human: bool = False, valid: bool = True) -> Feedback:
        kind = AssessmentSourceType.HUMAN if human else AssessmentSourceType.LLM_JUDGE
        return Feedback(
            name="safety", value=value, source=AssessmentSource(kind, "x"),
            create_time_ms=at, last_update_time_ms=at, valid=valid,
        )  # fmt: skip

    info = TraceInfo(
        trace_id="tr-1",
        trace_location=TraceLocation.from_experiment_id("1"),
        request_time=int(NOW.timestamp() * 1000),
        state=TraceState.OK,
        trace_metadata={"mlflow.trace.tokenUsage": '{"input_tokens": 7, "output_tokens": 9}'},
        tags={"endpoint": "llm", "variant": "blue", "inference_id": "r", "kind": "llm"},
        assessments=[
            feedback("yes", 1), feedback("no", 2), feedback("yes", 3, human=True),
            feedback("yes", 4, valid=False),
        ],
    )  # fmt: skip
    found = observe(info)
    assert (found.variant, found.inference_id, found.inference_time) == ("blue", "r", NOW)
    assert found.values == {
        "error_rate": 0.0, "empty_answer": 0.0, "input_tokens": 7, "output_tokens": 9,
        "safety": 0.0,
    }  # fmt: skip
