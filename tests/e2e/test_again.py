"""Whatever comes a second time, on whichever way, writes nothing new."""

from __future__ import annotations

import json
import shlex
from pathlib import Path

import pytest

from local.settings import ROOT
from tests.e2e.deployed import Stack
from tests.e2e.records import chat, lines

NOTHING_NEW = {"captured": 4, "traced": 0, "duplicate": 4, "scored": 4, "judge_calls": 0}


@pytest.fixture
def processed(dev: Stack, request: pytest.FixtureRequest) -> str:
    """The key of a file with four records that has been processed."""
    name = request.node.name
    execution = dev.process(name, lines(*[chat(f"{name}-{n}") for n in range(4)]))
    assert execution["status"] == "SUCCEEDED", execution
    assert dev.ledger(dev.key(name))["traced"] == 4
    return dev.key(name)


def assessments(dev: Stack, key: str) -> list[str]:
    """The ids of all assessments of a file's traces, in order."""
    traces = dev.traces(key).values()
    return sorted(str(a.assessment_id) for trace in traces for a in trace.info.assessments)


def counts(summary: dict[str, int]) -> dict[str, int]:
    """Those counts of a summary that tell whether anything was new."""
    return {name: summary[name] for name in NOTHING_NEW}


def test_the_same_event(dev: Stack, processed: str) -> None:
    """S3 may deliver an event twice: same traces, same assessments, no judge call."""
    before, verdicts = assessments(dev, processed), dev.verdicts()
    dev.process("test_the_same_event", lines(*[chat(f"test_the_same_event-{n}") for n in range(4)]))
    assert counts(dev.ledger(processed)) == NOTHING_NEW
    assert dev.verdicts() == verdicts
    assert assessments(dev, processed) == before
    assert len(dev.traces(processed)) == 4


def test_started_by_hand(dev: Stack, processed: str) -> None:
    """`aws stepfunctions start-execution` takes the same input as S3's event."""
    event = {"detail": {"bucket": {"name": dev.deployment.bucket}, "object": {"key": processed}}}
    dev.aws(
        "stepfunctions", "start-execution",
        "--state-machine-arn", dev.deployment.state_machine_arn,
        "--input", json.dumps(event),
    )  # fmt: skip
    execution = dev.ended(processed, 2)
    assert execution["status"] == "SUCCEEDED"
    assert counts(dev.ledger(processed)) == NOTHING_NEW
    assert len(dev.traces(processed)) == 4


def test_invoked_directly(dev: Stack, processed: str, tmp_path: Path) -> None:
    """The documented `aws lambda invoke` reads the file itself and answers the counts."""
    answer = tmp_path / "answer.json"
    text = (ROOT / "docs" / "how-to" / "replay.md").read_text()
    typed = text[text.index("AWS_MAX_ATTEMPTS=1 aws lambda invoke") :].partition("```")[0]
    typed = typed.replace("$BUCKET", dev.deployment.bucket).replace("$KEY", processed)
    settings, _aws, *arguments = shlex.split(typed.replace("\\\n", " "))
    assert settings == "AWS_MAX_ATTEMPTS=1"
    assert "--cli-read-timeout 0" in typed
    # The CLI from PyPI is version 1, which takes plain JSON anyway.
    drop = arguments.index("--cli-binary-format")
    arguments[drop : drop + 2] = []
    arguments[arguments.index("--function-name") + 1] = dev.deployment.function_arn
    said = dev.aws(*arguments[:-1], str(answer))
    assert said["StatusCode"] == 200
    assert "FunctionError" not in said
    assert counts(json.loads(answer.read_text())) == NOTHING_NEW
    assert len(dev.traces(processed)) == 4


def test_an_event_of_no_known_shape(dev: Stack, tmp_path: Path) -> None:
    """A wrong event is an error of its own name that says what is expected."""
    answer = tmp_path / "answer.json"
    said = dev.aws(
        "lambda", "invoke",
        "--function-name", dev.deployment.function_arn,
        "--payload", '{"file": "x.jsonl"}',
        str(answer),
    )  # fmt: skip
    assert said["FunctionError"] == "Unhandled"
    error = json.loads(answer.read_text())
    assert error["errorType"] == "InvalidEventError"
    assert '"bucket"' in error["errorMessage"]
