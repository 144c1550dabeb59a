"""The run: what is asked, in which order, and what is made and removed for it."""

from __future__ import annotations

import json
import signal
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from io import BytesIO
from pathlib import Path

from botocore.exceptions import BotoCoreError, ClientError

from benchmarks.smoke_aws import judges
from benchmarks.smoke_aws.captures import Capture, captures, first
from benchmarks.smoke_aws.definition import check_definition
from benchmarks.smoke_aws.deploying import Folder
from benchmarks.smoke_aws.executions import Watch
from benchmarks.smoke_aws.findings import (
    Finding,
    Step,
    compared,
    run_step,
    told,
    unknown,
)
from benchmarks.smoke_aws.function import function_state, out_of_memory
from benchmarks.smoke_aws.report import Report
from benchmarks.smoke_aws.server import Server
from benchmarks.smoke_aws.throwaway import Account, Removals
from inference_monitor.config.models import DEFAULT_JUDGE
from inference_monitor.traces.records import SPANS_UPLOADED
from inference_monitor_cli.backfill.batch.jobs import BatchJobs
from inference_monitor_cli.deployment import Deployment
from inference_monitor_cli.problems import CommandError

USD_PER_EXECUTION = 0.25
_BATCH_RECORDS = 100
_BATCH_LOOKS, _BATCH_SECONDS = 60, 30


@dataclass(frozen=True)
class Smoke:
    """One run in one account.

    `mlflow` is the deploy settings of MLflow that the prefix takes over, `folder` where CDK
    writes, `batch` whether a batch job is created, `show` what is done with each finding.
    """

    account: Account
    server: Server
    mlflow: dict[str, str]
    folder: Path
    show: Callable[[Finding], None]
    batch: bool = False
    event_seconds: float = 600

    def run(self) -> Report:
        """Ask everything, remove everything, and report, also when interrupted."""
        began, started = datetime.now(UTC), time.monotonic()
        findings: list[Finding] = []
        removals = Removals()
        interrupted = False
        try:
            with removals:
                try:
                    for finding in self._findings(removals):
                        findings.append(finding)
                        self.show(finding)
                finally:
                    # What is removed now would stay if a second Ctrl-C ended this.
                    signal.signal(signal.SIGINT, signal.SIG_IGN)
        except KeyboardInterrupt:
            interrupted = True
        return Report(
            prefix=self.account.prefix,
            region=self.account.region,
            began=f"{began:%Y-%m-%d %H:%M} UTC",
            seconds=time.monotonic() - started,
            findings=findings,
            removals=removals.done,
            interrupted=interrupted,
        )

    @property
    def bucket(self) -> str:
        """The bucket of the capture files."""
        return f"{self.account.prefix}-captures"

    def _findings(self, removals: Removals) -> Iterator[Finding]:
        session = self.account.session
        removals.add("everything tagged with the prefix", self._nothing_left)
        removals.add("log groups", self.account.remove_log_groups)
        removals.add("the MLflow experiment", self.server.delete_experiment)
        for step in (
            Step("what the MLflow server serves", self.server.serves),
            Step("verdicts of the recommended models", judges.verdicts),
            Step("geographic profiles", lambda: judges.geographies(session)),
        ):
            yield from run_step(step)
        yield from _not_to_be_seen()
        problem = self._deploy(removals)
        yield compared(
            "deployment", problem is None, expected="cdk deploy succeeds",
            found=problem or "deployed", means="Nothing else can be tried before it deploys.",
        )  # fmt: skip
        if problem is None:
            yield from run_step(Step("the deployment's outputs", lambda: self._deployed(removals)))

    def _deploy(self, removals: Removals) -> str | None:
        """Make the bucket and deploy; gives the problem, if there is one."""
        prefix = self.account.prefix
        removals.add("the capture bucket", lambda: self.account.remove_bucket(self.bucket))
        endpoint = f"{prefix}-endpoint"
        settings = {
            "STACK_PREFIX": prefix,
            "SAGEMAKER_ENDPOINT_NAME": endpoint,
            "DATA_CAPTURE_S3_BUCKET": self.bucket,
            "DATA_CAPTURE_S3_PREFIX": endpoint,
            "MLFLOW_EXPERIMENT_NAME": prefix,
            "JUDGE_BUDGET_USD_PER_DAY": "none",
            "JUDGE_BUDGET_USD_PER_RUN": str(USD_PER_EXECUTION),
            **self.mlflow,
        }
        try:
            self.account.make_bucket(self.bucket)
            removals.add("the stack and its results bucket", self.account.remove_stack)
            Folder(self.folder).deploy(settings)
        except (BotoCoreError, ClientError, OSError) as error:
            return told(error)
        return None

    def _deployed(self, removals: Removals) -> Iterator[Finding]:
        session = self.account.session
        try:
            deployment = Deployment.find(session, self.account.prefix)
        except CommandError as error:
            raise LookupError(str(error)) from error
        watch = Watch(deployment, event_seconds=self.event_seconds)
        removals.add("running executions", watch.stop_all)
        steps = [
            Step("EventBridge's delay", lambda: watch.first_event(first(self.account.prefix))),
            *(
                Step(f"file: {c.name}", _file(watch, c))
                for c in captures(self.account.prefix)
            ),
            Step("the trace of a file", lambda: [self._trace(watch)]),
            Step("the deployed definition",
                 lambda: check_definition(session, deployment.state_machine_arn)),
            Step("the function's state", lambda: [function_state(session, deployment)]),
            Step("out of memory", lambda: [out_of_memory(watch, self.account.prefix)]),
            Step("a batch job", lambda: self._batch_job(deployment, removals)),
        ]  # fmt: skip
        for step in steps:
            yield from run_step(step)

    def _trace(self, watch: Watch) -> Finding:
        """What the function, with its own rights, has written of a plain record."""
        traces = self.server.traces_of(f"s3://{self.bucket}/{watch.key('plain')}")
        tags = [trace.get("tags", {}) for trace in traces]
        uploaded = [SPANS_UPLOADED in trace.get("trace_metadata", {}) for trace in traces]
        spans = ["artifact store" if up else "database" if "mlflow.trace.spansLocation" in tag
                 else "nowhere" for up, tag in zip(uploaded, tags, strict=True)]  # fmt: skip
        assessments = sum(len(trace.get("assessments", ())) for trace in traces)
        good = len(traces) == 1 and "nowhere" not in spans and assessments > 0
        return compared(
            "trace written by the function", good, expected="1 trace with spans and assessments",
            found=f"{len(traces)} traces, spans in: {', '.join(spans) or '-'}; "
            f"{assessments} assessments; scoring: {tags[0].get('scoring', '-') if tags else '-'}",
            means="The function's role lacks a right, or the server stores less than it says: "
            "see MLFLOW_ACTIONS in stacks/processor.py.",
        )  # fmt: skip

    def _batch_job(self, deployment: Deployment, removals: Removals) -> Iterable[Finding]:
        if not self.batch:
            return [unknown("batch job in the deployed role", "validated, then scheduled",
                            "not asked for: --batch creates one")]  # fmt: skip
        jobs, name = BatchJobs(deployment), f"{self.account.prefix}-batch"
        looks = iter(range(_BATCH_LOOKS))

        def create() -> str:
            jobs.create(name, DEFAULT_JUDGE, BytesIO(b""), BytesIO(_batch_records()))
            job = jobs.find(name)
            if job:
                bedrock = self.account.client("bedrock")
                removals.add(
                    "the batch job",
                    lambda: (
                        None
                        if jobs.state(job.arn).has_ended
                        else bedrock.stop_model_invocation_job(jobIdentifier=job.arn)
                    ),
                )
            return name

        def state(job_name: str) -> tuple[str, str]:
            job = jobs.find(job_name)
            return (job.status, job.message) if job else ("Submitted", "")

        def wait() -> bool:
            if next(looks, None) is None:
                return False
            time.sleep(_BATCH_SECONDS)
            return True

        return [judges.batch_job(create, state, wait)]

    def _nothing_left(self) -> None:
        if left := self.account.left_behind():
            raise OSError(f"still listed: {', '.join(left)}")


def _file(watch: Watch, capture: Capture) -> Callable[[], Iterable[Finding]]:
    return lambda: [watch.file(capture)]


def _not_to_be_seen() -> Iterator[Finding]:
    """What nobody can find out in one run."""
    yield unknown(
        "EventBridge's bill for events that match no rule", "none",
        "no API tells it within a run: look at the bill of EventBridge in Cost Explorer after a "
        "day with many objects", "An estimate without it is right only if there is none.",
    )  # fmt: skip
    yield unknown(
        "first invoke of a function that was idle for weeks",
        "Lambda.CodeArtifactUserPendingException, tried again",
        "a function has to be idle for weeks", "The Retry of the workflow lists the name or not.",
    )  # fmt: skip


def _batch_records() -> bytes:
    question = "Is this sentence in English? Answer with yes or no."
    body = {
        "messages": [{"role": "user", "content": [{"text": question}]}],
        "inferenceConfig": {"maxTokens": 64},
    }
    records = ({"recordId": f"{n:011d}", "modelInput": body} for n in range(_BATCH_RECORDS))
    return "".join(json.dumps(record) + "\n" for record in records).encode()
