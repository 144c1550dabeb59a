"""A deployed stack, as the tests use it: files in, executions, ledgers and traces out."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

from mlflow import MlflowClient
from mlflow.entities import Trace

from inference_monitor.ledger import ledger_key
from local.chain import Chain, Deployment
from local.settings import ROOT

SECONDS = 240
T = TypeVar("T")


def eventually(get: Callable[[], T | None], what: str, seconds: float = SECONDS) -> T:
    """Wait until there is something to get; fails after `seconds`."""
    deadline = time.monotonic() + seconds
    while (found := get()) is None:
        assert time.monotonic() < deadline, f"not within {seconds} s: {what}"
        time.sleep(0.1)
    return found


@dataclass(frozen=True)
class Stack:
    """One deployed stack of a running chain."""

    chain: Chain
    deployment: Deployment

    def key(self, name: str) -> str:
        """A key in SageMaker's folder layout under the watched prefix."""
        return f"{self.deployment.prefix}/AllTraffic/2026/03/02/09/{name}.jsonl"

    def put(self, name: str, body: bytes) -> str:
        """Put a capture file, and give its key."""
        s3, key = self.chain.emulated("s3"), self.key(name)
        s3.put_object(Bucket=self.deployment.bucket, Key=key, Body=body)
        return key

    def process(self, name: str, body: bytes) -> dict[str, Any]:
        """Put a capture file and wait for the execution that this starts."""
        before = len(self.executions(self.key(name)))
        key = self.put(name, body)
        return self.ended(key, before + 1)

    def executions(self, key: str) -> list[dict[str, Any]]:
        """All executions over a file, the latest first, as DescribeExecution has them."""
        sfn = self.chain.emulated("stepfunctions")
        listed = sfn.list_executions(stateMachineArn=self.deployment.state_machine_arn)
        described = [
            sfn.describe_execution(executionArn=execution["executionArn"])
            for execution in listed["executions"]
        ]
        return [e for e in described if json.loads(e["input"])["detail"]["object"]["key"] == key]

    def ended(self, key: str, number: int) -> dict[str, Any]:
        """The latest execution over a file, once there are so many and all have ended."""

        def found() -> dict[str, Any] | None:
            executions = self.executions(key)
            running = [e for e in executions if e["status"] == "RUNNING"]
            return executions[0] if len(executions) == number and not running else None

        return eventually(found, f"{number} executions over {key} have ended")

    def children(self, execution: dict[str, Any]) -> list[dict[str, Any]]:
        """The child executions of an execution so far."""
        sfn = self.chain.emulated("stepfunctions")
        runs = sfn.list_map_runs(executionArn=execution["executionArn"])["mapRuns"]
        return [
            sfn.describe_execution(executionArn=child["executionArn"])
            for run in runs
            for child in sfn.list_executions(mapRunArn=run["mapRunArn"])["executions"]
        ]

    def ledger(self, key: str) -> dict[str, Any]:
        """What the results bucket says about a file."""
        return dict(json.loads(self.result(ledger_key(self.deployment.bucket, key))))

    def result(self, key: str) -> bytes:
        """An object of the results bucket."""
        s3 = self.chain.emulated("s3")
        found = s3.get_object(Bucket=self.deployment.results_bucket, Key=key)
        return bytes(found["Body"].read())

    def results(self, prefix: str) -> list[str]:
        """The keys of the results bucket below a prefix."""
        s3 = self.chain.emulated("s3")
        found = s3.list_objects_v2(Bucket=self.deployment.results_bucket, Prefix=prefix)
        return [content["Key"] for content in found.get("Contents", [])]

    def traces(self, key: str) -> dict[str, Trace]:
        """What MLflow holds of a file, with spans, by event id."""
        client = MlflowClient(self.chain.mlflow.url)
        experiment = client.get_experiment_by_name(self.deployment.experiment)
        assert experiment, f"there is no experiment {self.deployment.experiment}"
        uri = f"s3://{self.deployment.bucket}/{key}"
        found = client.search_traces(
            locations=[experiment.experiment_id],
            filter_string=f"tags.source_uri = '{uri}'",
            max_results=500,
        )
        by_event = {trace.info.tags["event_id"]: trace for trace in found}
        assert len(by_event) == len(found), "an inference has two traces"
        return by_event

    def verdicts(self) -> int:
        """How often the stand-in judge has been asked so far."""
        assert self.chain.judge
        return self.chain.judge.stats.calls

    def command(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run `inference-monitor` with the environment of somebody who works with this account."""
        assert self.chain.judge
        env = {
            **{name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ},
            **self.chain.aws.environment,
            "AWS_ENDPOINT_URL_BEDROCK": self.chain.batches.url,
            "AWS_ENDPOINT_URL_BEDROCK_RUNTIME": self.chain.judge.url,
            "SAGEMAKER_MLFLOW_CUSTOM_ENDPOINT": self.chain.proxy.url,
            "STACK_PREFIX": self.deployment.settings["STACK_PREFIX"],
            "COLUMNS": "160",
            # The command of this checkout, wherever the environment has it installed from.
            "PYTHONPATH": os.pathsep.join(str(ROOT / folder) for folder in ("cli", "lambda_src")),
        }
        program = str(ROOT / ".venv/bin/inference-monitor")
        return subprocess.run(
            [sys.executable, program, *arguments],
            env=env, capture_output=True, text=True, timeout=240, check=False,
        )  # fmt: skip

    def aws(self, *arguments: str) -> dict[str, Any]:
        """Run the AWS CLI against the emulated AWS, and give its JSON."""
        command = [str(ROOT / ".venv/bin/aws"), *arguments, "--output", "json"]
        env = {"PATH": os.environ["PATH"], **self.chain.aws.environment}
        done = subprocess.run(
            command, env=env, capture_output=True, text=True, timeout=60, check=False
        )
        assert done.returncode == 0, done.stderr
        return dict(json.loads(done.stdout))
