"""`inference-monitor agreement` on feedback that people gave in MLflow, as its UI stores it."""

from __future__ import annotations

import json
from typing import Any

import pytest
import requests
from mlflow import MlflowClient
from typer.testing import CliRunner

from inference_monitor.identity import span_id
from inference_monitor_cli.agreement.human_feedback import TIE
from inference_monitor_cli.main import app
from tests import inferences
from tests.integration.conftest import Endpoint

# What the UI leaves out of the assessment that somebody edits, before it sends it as a new one.
_NOT_COPIED = ("assessment_id", "create_time", "last_update_time")


class Person:
    """Somebody at MLflow's UI, by the requests that its code makes in 3.10.1 and 3.17.2."""

    def __init__(self, uri: str, name: str) -> None:
        self._uri = uri
        self._name = name

    def edits(self, trace: str, assessment: str, value: Any, why: str) -> str:
        """Edit an assessment: a new one, by this person, that overrides it."""
        address = f"{self._address(trace)}/{assessment}"
        shown = requests.get(address, timeout=30).json()["assessment"]
        kept = {k: v for k, v in shown.items() if k not in _NOT_COPIED}
        changed = {"feedback": {"value": value}, "rationale": why, "overrides": assessment}
        return self._create(trace, kept | changed)

    def adds(self, trace: str, name: str, value: Any, span: str | None = None) -> str:
        """Add feedback: one that overrides nothing; about the span that is selected, if one is."""
        about = {"span_id": span} if span else {}
        return self._create(trace, {"assessment_name": name, "feedback": {"value": value}, **about})

    def takes_back(self, trace: str, assessment: str) -> None:
        """Delete one's own; what it had overridden is valid again."""
        requests.delete(f"{self._address(trace)}/{assessment}", timeout=30).raise_for_status()

    def _create(self, trace: str, assessment: dict[str, Any]) -> str:
        source = {"source_type": "HUMAN", "source_id": self._name}
        body = {"assessment": {**assessment, "trace_id": trace, "source": source}}
        answer = requests.post(self._address(trace), json=body, timeout=30)
        answer.raise_for_status()
        return str(answer.json()["assessment"]["assessment_id"])

    def _address(self, trace: str) -> str:
        return f"{self._uri}/api/3.0/mlflow/traces/{trace}/assessments"


def _judged(endpoint: Endpoint, *verdicts: str) -> list[tuple[str, str]]:
    """Write a trace for each verdict; gives the ids of traces and assessments."""
    written = []
    for number, value in enumerate(verdicts):
        chat = inferences.chat(endpoint.event(number))
        safety = inferences.feedback(chat.event_id, "safety", value)
        fluency = inferences.feedback(chat.event_id, "fluency")
        record = inferences.scored(chat, safety, fluency)
        assert endpoint.store.write([record]) == {}
        written.append((endpoint.trace_id(chat), str(safety.assessment_id)))
    return written


def _report(uri: str, endpoint: Endpoint, *more: str) -> Any:
    where = ("--tracking-uri", uri, "--experiment", endpoint.experiment_name)
    result = CliRunner().invoke(app, ["agreement", *where, "--json", *more])
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout)


@pytest.fixture
def ann(server_uri: str) -> Person:
    """Somebody."""
    return Person(server_uri, "ann")


@pytest.fixture
def bob(server_uri: str) -> Person:
    """Somebody else."""
    return Person(server_uri, "bob")


def test_what_people_edit_and_add_is_read_back(
    server_uri: str, endpoint: Endpoint, ann: Person, bob: Person
) -> None:
    """Edits, additions and changes of mind end up in the figures once, each with its page."""
    written = _judged(endpoint, "yes", "yes", "no", "no", "yes", "yes")
    (first, safety), (second, _), (third, _), (fourth, fourth_safety), (fifth, _), _ = written
    ann.edits(first, safety, "no", "It threatens the customer.")
    ann.adds(second, "safety", value=True, span=span_id(second, "root"))
    bob.adds(second, "safety", value=False, span=span_id(second, "tool-0"))
    own = ann.adds(third, "safety", value=True)
    ann.edits(third, own, value=False, why="I have read it again.")
    ann.takes_back(fourth, ann.edits(fourth, fourth_safety, "yes", "A slip."))
    bob.adds(fourth, "safety", "no")
    ann.adds(fifth, "safety", "no")
    bob.adds(fifth, "safety", "yes")
    ann.adds(fifth, "User feedback", "thumbs up")

    document = _report(server_uri, endpoint)
    assert (document["traces"], document["with_feedback"]) == (6, 5)
    (report,) = document["scorers"]
    assert (report["scorer"], report["n"], report["left_out"]) == ("safety", 4, {TIE: 1})
    counts = {(c["reference"], c["judge"]): c["count"] for c in report["confusion"]}
    assert counts == {("no", "yes"): 1, ("yes", "yes"): 1, ("no", "no"): 2}
    assert report["kappa"]["value"] == pytest.approx(0.5)  # (0.75 - 0.5) / (1 - 0.5)
    assert report["fails"]["precision"]["value"] == 1
    assert report["fails"]["recall"]["value"] == pytest.approx(2 / 3)
    (wrong,) = report["disagreements"]
    assert (wrong["where"], wrong["reference"], wrong["judge"]) == (first, "no", "yes")
    assert wrong["reference_why"] == "It threatens the customer."
    assert wrong["judge_why"] == "Nothing speaks against safety."
    assert (wrong["people"], wrong["judge_model"]) == (["ann"], "bedrock:/judge")
    experiment = MlflowClient(server_uri).get_experiment_by_name(endpoint.experiment_name)
    assert experiment
    page = f"/#/experiments/{experiment.experiment_id}/traces"
    assert wrong["link"].startswith(f"{server_uri}{page}?")
    assert wrong["link"].endswith(f"selectedEvaluationId={first}")


def test_only_the_hours_that_are_asked_for(
    server_uri: str, endpoint: Endpoint, ann: Person
) -> None:
    """By the time of the inference, which all of these have at 22:18 on the 7th of January."""
    ((trace, _),) = _judged(endpoint, "yes")
    ann.adds(trace, "safety", "yes")
    hour = ("--from", "2026-01-07T22", "--to", "2026-01-07T22")
    assert _report(server_uri, endpoint, *hour)["traces"] == 1
    where = ("--tracking-uri", server_uri, "--experiment", endpoint.experiment_name)
    later = CliRunner().invoke(app, ["agreement", *where, "--from", "2026-01-07T23"])
    assert later.exit_code == 2
    assert "of 0 traces" in later.stderr


def test_an_experiment_that_is_not_there(server_uri: str) -> None:
    """It is not created, and the message says what may be wrong."""
    where = ("--tracking-uri", server_uri, "--experiment", "nowhere")
    result = CliRunner().invoke(app, ["agreement", *where])
    assert result.exit_code == 2
    assert "no experiment 'nowhere'" in result.stderr
    assert MlflowClient(server_uri).get_experiment_by_name("nowhere") is None
