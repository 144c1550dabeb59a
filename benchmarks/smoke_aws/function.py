"""The deployed function: its state, and the error name when it is given too little memory."""

from __future__ import annotations

from typing import Any

from benchmarks.smoke_aws.captures import Capture, first
from benchmarks.smoke_aws.executions import Watch
from benchmarks.smoke_aws.findings import Finding, Outcome, compared, unknown
from inference_monitor_cli.deployment import Deployment
from stacks.processor_tasks import WORKER_DIED

LITTLE_MB = 128


def function_state(session: Any, deployment: Deployment) -> Finding:
    """What Lambda says of the function after its deployment."""
    found = session.client("lambda").get_function_configuration(
        FunctionName=deployment.function_arn
    )
    names = ("State", "StateReasonCode", "LastUpdateStatus", "LastUpdateStatusReasonCode")
    said = {name: found[name] for name in names if found.get(name)}
    return compared(
        "state of the function", said.get("State") == "Active", expected="State Active",
        found=", ".join(f"{name} {value}" for name, value in said.items()) or "nothing told",
        means="The first invokes are rejected until it is Active.",
    )  # fmt: skip


def out_of_memory(watch: Watch, prefix: str) -> Finding:
    """Run one file with 128 MB, which is too little to import MLflow, and put the memory back."""
    check = "error name of a function without memory"
    expected = f"one of {', '.join(WORKER_DIED.errors)}"
    client = watch.deployment.session.client("lambda")
    name = watch.deployment.function_arn
    before = client.get_function_configuration(FunctionName=name)["MemorySize"]
    try:
        _set_memory(client, name, LITTLE_MB)
        ran = watch.file(Capture("out-of-memory", first(f"{prefix}-memory").body, 1))
    finally:
        _set_memory(client, name, before)
    errors = {error.rpartition(" ")[2] for error in ran.details.get("errors", ())}
    died = {error for error in errors if not error.startswith("States.Exceed")}
    if ran.outcome is Outcome.EXPECTED:
        return unknown(check, expected, "the file was processed: memory is not enforced here")
    if not died:
        return unknown(check, expected, ran.found)
    return compared(
        check, died <= set(WORKER_DIED.errors), expected=expected, found=", ".join(sorted(died)),
        means="This name has to be in WORKER_DIED in stacks/processor_tasks.py.",
    )  # fmt: skip


def _set_memory(client: Any, name: str, megabytes: int) -> None:
    client.update_function_configuration(FunctionName=name, MemorySize=megabytes)
    client.get_waiter("function_updated_v2").wait(FunctionName=name)
