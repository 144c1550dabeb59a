"""The calls of a real run, in `recorded_calls.json`: who called what, on which kind of resource.

`tests/e2e` compares every call that its stacks make with these. Written anew they are by

    UPDATE_RECORDED_CALLS=1 .venv/bin/pytest tests/e2e
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path

FILE = Path(__file__).with_name("recorded_calls.json")

# What differs between runs and stacks, and what it stands for; CloudFormation cuts logical ids in
# the names it makes. A name that is none of these stays, and then the call is an unknown one.
_ROLES = (
    (r"sagemaker-data-capture-processor-[\w-]+", "function"),
    (r"SageMakerInferenceMonitoringStack-\w+-CapturesSwit\w+", "switch"),
    (r"SageMakerInferenceMonitoringStack-\w+-Lookups\w+", "lookups"),
)
_NAMES = {
    "Bucket": (
        (r"captures-of-several-teams", "captures"),
        (r"sagemakerinferencemonitoringstack-\w+-resultsbuck\w+", "results"),
        (r"artifacts-of-mlflow", "artifacts"),
    ),
    "Key": (
        # Of a key only the first folder is granted, and therefore kept.
        (r"[a-z]+-llm/.+", "endpoint/object"),
        (r"([\w-]+)/.+", r"\1/object"),
    ),
    "TableName": (
        (r"(?i)sagemakerinferencemonitoringstack-\w+-claimstabl[\w-]+", "claims"),
        (r"(?i)sagemakerinferencemonitoringstack-\w+-counterstab[\w-]+", "counters"),
    ),
    "FunctionName": ((r".*:function:sagemaker-data-capture-processor-[\w-]+", "function"),),
    "stateMachineArn": ((r".*:stateMachine:sagemaker-data-capture-monitoring-[\w-]+", "workflow"),),
    "executionArn": (
        (r".*:execution:sagemaker-data-capture-monitoring-[\w-]+/\w+:[\w-]+", "child"),
    ),
    "mlflow": ((r".*:(mlflow-[a-z-]+)/[\w-]+", r"\1"),),
}
_TRACE = re.compile(r"/traces/tr-[^/]+")
_ASSESSMENT = re.compile(r"/assessments/[^/]+")


@dataclass(frozen=True, order=True)
class Call:
    """One call, or many that no permission tells apart.

    `by` is one of `account.ROLES`; `operation` is botocore's name of it, or method and path of
    MLflow's REST API; `on` are the names that say which resources it is about.
    """

    by: str
    service: str
    operation: str
    on: tuple[tuple[str, str], ...]


def load() -> list[Call]:
    """The recorded calls."""
    rows = json.loads(FILE.read_text())
    return [Call(**{**row, "on": tuple(row["on"].items())}) for row in rows]


def save(calls: Iterable[Call]) -> None:
    """Write the recording anew."""
    rows = [{**asdict(call), "on": dict(call.on)} for call in sorted(calls)]
    FILE.write_text("".join(["[\n", ",\n".join(map(json.dumps, rows)), "\n]\n"]))


def from_lines(lines: Iterable[str]) -> set[Call]:
    """What the recorder has written."""
    rows = [json.loads(line) for line in lines]
    return {
        Call(
            _named(row["by"], _ROLES),
            row["service"],
            row["operation"],
            tuple(sorted((name, _named(v, _NAMES.get(name, ()))) for name, v in row["on"].items())),
        )
        for row in rows
    }


def from_mlflow(requests: Iterable[tuple[str, str]]) -> set[Call]:
    """What reached MLflow's front door: method and path, and the ARN it was for."""
    return {
        Call(
            "function",
            "mlflow",
            _ASSESSMENT.sub("/assessments/{id}", _TRACE.sub("/traces/{id}", request)),
            (("mlflow", _named(arn, _NAMES["mlflow"])),),
        )
        for request, arn in requests
    }


def _named(text: str, names: Iterable[tuple[str, str]]) -> str:
    for pattern, name in names:
        if re.fullmatch(pattern, text):
            return re.sub(pattern, name, text, count=1)
    return text
