"""What a run has found: a row for each thing that only AWS can tell."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict, dataclass, field
from enum import StrEnum
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from inference_monitor.errors import MonitorError

_ABSENT = frozenset(
    {
        "501", "InternalFailure", "InvalidAction", "NotImplemented", "UnknownOperationException",
        "UnsupportedOperation",
    }
)  # fmt: skip
"""Error codes of a service, or of an emulation, that does not have an operation."""

_CAUSE_CHARACTERS = 200


class Outcome(StrEnum):
    """How what was found compares with what the product relies on."""

    EXPECTED = "as expected"
    DIFFERS = "differs"
    NOT_KNOWN = "not known"


@dataclass(frozen=True, slots=True)
class Finding:
    """One row of the report; `check` is a short name of the question."""

    check: str
    outcome: Outcome
    expected: str
    found: str
    means: str
    details: dict[str, Any] = field(default_factory=dict)

    def document(self) -> dict[str, Any]:
        """It as JSON."""
        return asdict(self)


@dataclass(frozen=True, slots=True)
class Step:
    """A part of the run: gives its findings one by one."""

    name: str
    run: Callable[[], Iterable[Finding]]


def run_step(step: Step) -> Iterator[Finding]:
    """Give the findings of a step; a step that fails ends with a finding that says so."""
    try:
        yield from step.run()
    except (BotoCoreError, ClientError, MonitorError, OSError, LookupError, ValueError) as error:
        yield unknown(step.name, "the step runs to its end", told(error))


def unknown(check: str, expected: str, why: str, means: str = "Nothing was learned.") -> Finding:
    """A row whose question was not answered."""
    return Finding(check, Outcome.NOT_KNOWN, expected, why, means)


def compared(check: str, as_expected: bool, *, expected: str, found: str, means: str,
             **details: Any) -> Finding:  # fmt: skip
    """A row whose question was answered; `means` is what follows where it differs."""
    if as_expected:
        return Finding(check, Outcome.EXPECTED, expected, found, "Nothing to change.", details)
    return Finding(check, Outcome.DIFFERS, expected, found, means, details)


def told(error: Exception) -> str:
    """An error in one line: AWS's code and operation, else the kind of the error and its text."""
    if isinstance(error, ClientError):
        code = str(error.response.get("Error", {}).get("Code", ""))
        status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode")
        if code in _ABSENT or status == 501:
            return f"not available here: {error.operation_name} ({code})"
        message = str(error.response.get("Error", {}).get("Message", ""))
        return f"{error.operation_name}: {code}: {message[:_CAUSE_CHARACTERS]}"
    return f"{type(error).__name__}: {str(error)[:_CAUSE_CHARACTERS]}"
