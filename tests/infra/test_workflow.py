"""The state machine: what it reads, retries, falls back to, and keeps to itself."""

from __future__ import annotations

from typing import Any

import pytest

from inference_monitor import errors
from inference_monitor.ledger import MAP_RESULTS_PREFIX
from tests.infra.conftest import Synthesize
from tests.infra.deployed import Deployed

ASKS_A_JUDGE = ["ScoreBatch", "ScoreRange"]
AWS_ERRORS = {
    "Lambda.TooManyRequestsException",
    "Lambda.CodeArtifactUserPendingException",
    "Lambda.CodeArtifactUserDeletedException",
    "Lambda.ResourceNotReadyException",
    "Lambda.ResourceConflictException",
    "Lambda.ServiceException",
    "Lambda.AWSLambdaException",
    "Lambda.SdkClientException",
    "Lambda.ClientExecutionTimeoutException",
    "Lambda.Unknown",
    "Sandbox.Timedout",
    "Runtime.ExitError",
    "Runtime.OutOfMemory",
    "States.Timeout",
}


@pytest.fixture
def every_batch(deployed: Deployed) -> dict[str, Any]:
    """The Distributed Map."""
    return dict(deployed.workflow["States"]["EveryBatch"])


@pytest.fixture
def tasks(deployed: Deployed, every_batch: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """Every Lambda task, inside and outside the maps."""
    every_range = deployed.workflow["States"]["EveryRange"]
    states = deployed.workflow["States"]
    states |= every_batch["ItemProcessor"]["States"] | every_range["ItemProcessor"]["States"]
    return {name: state for name, state in states.items() if state["Type"] == "Task"}


def retried(task: dict[str, Any]) -> set[str]:
    """The error names a task is tried again on."""
    return {name for retry in task["Retry"] for name in retry["ErrorEquals"]}


def test_the_map_reads_the_lines_of_the_file_in_the_event(every_batch: dict[str, Any]) -> None:
    """A capture file is read line by line, from the bucket and key of S3's event."""
    assert every_batch["ItemReader"]["ReaderConfig"] == {"InputType": "JSONL"}
    assert every_batch["ItemReader"]["Parameters"] == {
        "Bucket.$": "$.detail.bucket.name",
        "Key.$": "$.detail.object.key",
    }
    assert every_batch["ItemProcessor"]["ProcessorConfig"]["Mode"] == "DISTRIBUTED"


def test_a_batch_knows_its_file(every_batch: dict[str, Any]) -> None:
    """Every batch carries bucket, key and execution as values: a path without `.$` is a literal."""
    assert every_batch["ItemBatcher"]["BatchInput"] == {
        "bucket.$": "$.detail.bucket.name",
        "key.$": "$.detail.object.key",
        "execution.$": "$$.Execution.Id",
        "request.$": "$$.Execution.Input",
    }


def test_the_settings_cut_the_file_up(synthesize: Synthesize) -> None:
    """Batch sizes, width and tolerated failures of the map are the deployment's settings."""
    states = synthesize(
        batch_max_items=7,
        batch_max_bytes=20_000,
        map_max_concurrency=3,
        tolerated_failure_percentage=12,
    ).workflow["States"]
    every_batch = states["EveryBatch"]
    assert every_batch["ItemBatcher"]["MaxItemsPerBatch"] == 7
    assert every_batch["ItemBatcher"]["MaxInputBytesPerBatch"] == 20_000
    assert every_batch["MaxConcurrency"] == 3
    assert every_batch["ToleratedFailurePercentage"] == 12


def test_a_failing_batch_does_not_stop_the_others(
    every_batch: dict[str, Any], tasks: dict[str, dict[str, Any]]
) -> None:
    """The map goes on until half of the file failed; the ledger then fails a run with a loss.

    So nothing catches or retries what closing the ledger raises about it. Only of a batch that was
    never handed over the file is read again.
    """
    assert every_batch["ToleratedFailurePercentage"] == 50
    assert "UnbalancedLedgerError" not in retried(tasks["CloseLedger"])
    assert tasks["CloseLedger"]["Catch"] == [
        {"ErrorEquals": ["BatchNotStartedError"], "ResultPath": None, "Next": "CutFile"}
    ]


def test_results_are_written_to_the_stacks_own_bucket(
    deployed: Deployed, every_batch: dict[str, Any]
) -> None:
    """Outputs and failed batches are kept; without its flag CDK drops the writer silently."""
    (bucket,) = deployed.of_type("AWS::S3::Bucket")
    assert every_batch["ResultWriter"]["Parameters"] == {
        "Bucket": f"<{bucket}>",
        "Prefix": MAP_RESULTS_PREFIX,
    }
    assert every_batch["ResultWriter"]["WriterConfig"] == {
        "OutputType": "JSONL",
        "Transformation": "COMPACT",
    }


def test_every_invocation_is_retried_by_error_name(tasks: dict[str, dict[str, Any]]) -> None:
    """A busy Lambda, a dead worker and our TransientError are retried, everywhere."""
    assert sorted(tasks) == [
        "CloseLedger",
        "CutFile",
        "ScoreBatch",
        "ScoreBatchUnscored",
        "ScoreRange",
        "ScoreRangeUnscored",
    ]
    for name, task in tasks.items():
        judge = {"JudgeUnavailableError"} if name in ASKS_A_JUDGE else set()
        assert retried(task) == AWS_ERRORS | {"TransientError"} | judge, name


def test_retries_spread_out(tasks: dict[str, dict[str, Any]]) -> None:
    """Every retry backs off with full jitter and a longest wait, so that a wide map calms down."""
    for retry in (retry for task in tasks.values() for retry in task["Retry"]):
        assert retry["JitterStrategy"] == "FULL"
        assert retry["BackoffRate"] > 1
        assert retry["IntervalSeconds"] < retry["MaxDelaySeconds"] <= 300


def test_a_dead_worker_is_tried_less_often_than_a_busy_lambda(
    tasks: dict[str, dict[str, Any]],
) -> None:
    """A batch that kills its worker every time is given up soon; waiting for capacity is not."""
    attempts = {
        name: retry["MaxAttempts"]
        for retry in tasks["ScoreBatch"]["Retry"]
        for name in retry["ErrorEquals"]
    }
    assert attempts["Lambda.Unknown"] < attempts["Lambda.TooManyRequestsException"]


def test_the_names_of_our_errors_exist_in_code(tasks: dict[str, dict[str, Any]]) -> None:
    """Step Functions matches class names: renaming a class must break a test."""
    ours = {name for task in tasks.values() for name in retried(task)} - AWS_ERRORS
    assert ours == {"TransientError", "JudgeUnavailableError"}
    for name in ours:
        assert issubclass(getattr(errors, name), errors.TransientError)


@pytest.mark.parametrize("name", ASKS_A_JUDGE)
def test_without_a_judge_the_same_work_is_recorded_unscored(
    tasks: dict[str, dict[str, Any]], name: str
) -> None:
    """When the judge stays away, the same payload is handed over once more with scoring off."""
    assert tasks[name]["Catch"] == [
        {
            "ErrorEquals": ["JudgeUnavailableError"],
            "ResultPath": None,
            "Next": f"{name}Unscored",
        }
    ]
    assert tasks[f"{name}Unscored"]["Parameters"] == {
        **tasks[name]["Parameters"],
        "scoring": "off",
    }


def test_a_batch_is_handed_over_whole(tasks: dict[str, dict[str, Any]]) -> None:
    """The function gets the batch's items and its file, and answers with its summary alone."""
    assert tasks["ScoreBatch"]["Parameters"] == {
        "BatchInput.$": "$.BatchInput",
        "Items.$": "$.Items",
    }
    assert tasks["ScoreBatch"]["Resource"].endswith(".Arn>")


def test_a_file_the_reader_cannot_read_is_read_by_the_function(
    deployed: Deployed, every_batch: dict[str, Any], tasks: dict[str, dict[str, Any]]
) -> None:
    """A large record, whichever error it gives, or a broken line: the file is cut into ranges.

    So is one of which too many batches failed, which costs a lasting outage a second try.
    """
    assert every_batch["Catch"] == [
        {
            "ErrorEquals": [
                "States.ItemReaderFailed",
                "States.DataLimitExceeded",
                "States.ExceedToleratedFailureThreshold",
            ],
            "ResultPath": None,
            "Next": "CutFile",
        }
    ]
    cut, every_range = tasks["CutFile"], deployed.workflow["States"]["EveryRange"]
    assert cut["Parameters"] == {
        "cut": {"bucket.$": "$.detail.bucket.name", "key.$": "$.detail.object.key"}
    }
    assert (cut["ResultPath"], cut["Next"]) == ("$.ranges", "EveryRange")
    assert (every_range["ItemsPath"], every_range["Next"]) == ("$.ranges", "CloseLedger")
    assert "Catch" not in every_range, "a failed map is redriven, one whose error was caught is not"
    assert every_range["ItemSelector"] == {
        "bucket.$": "$.detail.bucket.name",
        "key.$": "$.detail.object.key",
        "execution.$": "$$.Execution.Id",
        "request.$": "$$.Execution.Input",
        "range.$": "$$.Map.Item.Value",
    }
    assert tasks["ScoreRange"]["Parameters"] == {
        f"{name}.$": f"$.{name}" for name in ("bucket", "key", "execution", "range", "request")
    }


def test_both_maps_are_bounded_alike(deployed: Deployed, every_batch: dict[str, Any]) -> None:
    """Width, tolerated failures and results are the same for batches and for ranges."""
    every_range = deployed.workflow["States"]["EveryRange"]
    for setting in ("MaxConcurrency", "ToleratedFailurePercentage", "ResultWriter", "ResultPath"):
        assert every_range[setting] == every_batch[setting]


def test_the_ledger_is_closed_from_the_results_of_the_map(
    every_batch: dict[str, Any], tasks: dict[str, dict[str, Any]]
) -> None:
    """After the map the summaries are summed up, and the sum is the output of the execution."""
    assert every_batch["ResultPath"] == "$.map"
    assert every_batch["Next"] == "CloseLedger"
    assert tasks["CloseLedger"]["End"] is True
    assert tasks["CloseLedger"]["Parameters"] == {
        "ledger": {
            "bucket.$": "$.detail.bucket.name",
            "key.$": "$.detail.object.key",
            "results.$": "$.map.ResultWriterDetails",
            "map_run.$": "$.map.MapRunArn",
        }
    }


def test_no_prompt_reaches_the_execution_log(deployed: Deployed) -> None:
    """Executions are logged and traced, without their data."""
    machine = deployed.only("AWS::StepFunctions::StateMachine")
    assert machine.get("StateMachineType", "STANDARD") == "STANDARD"
    assert machine["LoggingConfiguration"]["IncludeExecutionData"] is False
    assert machine["LoggingConfiguration"]["Level"] == "ALL"
    assert machine["TracingConfiguration"] == {"Enabled": True}
    assert deployed.workflow["TimeoutSeconds"] == 12 * 3600


def test_the_workflow_may_read_captures_and_write_map_results_only(deployed: Deployed) -> None:
    """Its role reads this prefix, and two Denies take back the rest of the bucket CDK grants."""
    (bucket,) = deployed.of_type("AWS::S3::Bucket")
    allowed = deployed.allowed("WorkflowStateMachineRole", "s3")
    assert allowed["s3:GetObject"] == {
        "arn:aws:s3:::captures-111122223333/llm-endpoint/*",
        f"arn:aws:s3:::<{bucket}>/*",
    }
    assert allowed["s3:PutObject"] == {f"arn:aws:s3:::<{bucket}>/*"}
    statements = deployed.statements("WorkflowStateMachineRole")
    writing, reading = (s for s in statements if s["Effect"] == "Deny")
    assert set(writing["Action"]) == set(allowed) - {"s3:GetObject"}
    assert writing["NotResource"] == f"<{bucket}.Arn>/{MAP_RESULTS_PREFIX}/*"
    assert reading["Action"] == ["s3:GetObject"]
    assert reading["Resource"] == [f"<{bucket}.Arn>/ledger/*", f"<{bucket}.Arn>/quarantine/*"]


def test_the_workflow_may_run_and_redrive_its_own_map_runs(deployed: Deployed) -> None:
    """Child executions are started on, and redriven for, this state machine only."""
    (machine,) = deployed.of_type("AWS::StepFunctions::StateMachine")
    allowed = deployed.allowed("WorkflowStateMachineRole", "states")
    assert allowed["states:StartExecution"] == {f"<{machine}>"}
    assert "states:RedriveExecution" in allowed
    for resources in allowed.values():
        assert all(machine in resource for resource in resources)
