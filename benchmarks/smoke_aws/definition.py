"""What Step Functions itself says of the deployed definition: validation, and each state alone.

ValidateStateMachineDefinition and TestState (with `mock` and `stateName`), as in the model of
botocore 1.44.5; looked up 2026-11-25.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from benchmarks.smoke_aws.findings import Finding, compared, told, unknown

# Whatever the paths of any state lead to.
_INPUT = {
    "detail": {"bucket": {"name": "b"}, "object": {"key": "k"}},
    "ranges": [],
    **dict.fromkeys(("bucket", "key", "execution"), "text"),
    **{name: {} for name in ("range", "request", "BatchInput")},
    "Items": [],
    "map": {"ResultWriterDetails": {}, "MapRunArn": "m"},
}


@dataclass(frozen=True, slots=True)
class Handled:
    """An error that a state handles: it is tried again, or caught and taken to `next_state`."""

    state: str
    error: str
    status: str
    next_state: str | None = None


def states_of(definition: Mapping[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """All states by their names, also those within maps."""
    for name, state in definition["States"].items():
        yield name, state
        if "ItemProcessor" in state:
            yield from states_of(state["ItemProcessor"])


def handled(definition: Mapping[str, Any]) -> Iterator[Handled]:
    """Every error name of every Retry, and those of a Catch that are in no Retry before."""
    for name, state in states_of(definition):
        retried = [error for retry in state.get("Retry", ()) for error in retry["ErrorEquals"]]
        for error in retried:
            yield Handled(name, error, "RETRIABLE")
        for catch in state.get("Catch", ()):
            for error in catch["ErrorEquals"]:
                if error not in retried:
                    yield Handled(name, error, "CAUGHT_ERROR", catch["Next"])


def check_definition(session: Any, state_machine_arn: str) -> Iterator[Finding]:
    """Validate the deployed definition, and play each handled error on its state."""
    # TestState has a host of its own, `sync-…`, which an endpoint of one's own has not.
    own = bool(os.environ.get("AWS_ENDPOINT_URL"))
    sfn = session.client("stepfunctions", config=Config(inject_host_prefix=not own))
    text = sfn.describe_state_machine(stateMachineArn=state_machine_arn)["definition"]
    yield _validated(sfn, text)
    for one in handled(json.loads(text)):
        yield _tested(sfn, text, one)


def _validated(sfn: Any, text: str) -> Finding:
    expected = "OK, no diagnostics"
    try:
        answer = sfn.validate_state_machine_definition(
            definition=text, type="STANDARD", severity="WARNING"
        )
    except (BotoCoreError, ClientError) as error:
        return unknown("validate-state-machine-definition", expected, told(error))
    problems = [
        f"{d['severity']} {d['code']} at {d.get('location', '?')}" for d in answer["diagnostics"]
    ]
    return compared(
        "validate-state-machine-definition", answer["result"] == "OK" and not problems,
        expected=expected, found="; ".join([answer["result"], *problems]),
        means="Correct the definition in stacks/workflow.py or stacks/map_runs.py.",
    )  # fmt: skip


def _tested(sfn: Any, text: str, one: Handled) -> Finding:
    check = f"test-state: {one.state}, {one.error}"
    expected = f"{one.status} {one.next_state or ''}".strip()
    mock = {"errorOutput": {"error": one.error, "cause": "made up"}}
    try:
        answer = sfn.test_state(
            definition=text, stateName=one.state, input=json.dumps(_INPUT), mock=mock,
            inspectionLevel="DEBUG",
        )  # fmt: skip
    except (BotoCoreError, ClientError) as error:
        return unknown(check, expected, told(error))
    found = f"{answer.get('status', '?')} {answer.get('nextState') or ''}".strip()
    if answer.get("error") not in (None, one.error):
        return unknown(check, expected, f"{found}: the mock was not played: {answer['error']}")
    right = answer.get("status") == one.status and (
        one.next_state is None or answer.get("nextState") == one.next_state
    )
    return compared(
        check, right, expected=expected, found=found,
        means="Step Functions does not handle this error as the definition says.",
    )  # fmt: skip
