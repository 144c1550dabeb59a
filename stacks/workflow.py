"""The workflow over one capture file: read it in batches, trace and score, close the ledger."""

from __future__ import annotations

from aws_cdk import ArnFormat, Duration, Fn, RemovalPolicy, Stack
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_logs as logs
from aws_cdk import aws_s3 as s3
from aws_cdk import aws_stepfunctions as sfn
from aws_cdk import aws_stepfunctions_tasks as tasks
from constructs import Construct

from inference_monitor.errors import BatchNotStartedError
from stacks.map_runs import BUCKET, KEY, RANGES, Batching, every_batch, every_range
from stacks.nag import acknowledge_wildcards
from stacks.names import Names
from stacks.processor_tasks import invoke

# A line that is no JSON fails the reader. What a record above 256 KiB does is not documented: it
# fails the reader, or passes the limit of a child's input, or fails a child, which is too much for
# a file of few batches. `States.ALL` would not catch the second.
NOT_READ = [
    "States.ItemReaderFailed",
    "States.DataLimitExceeded",
    "States.ExceedToleratedFailureThreshold",
]


class Workflow(Construct):
    """A Standard state machine, started with S3's event or with the same two fields by hand.

    Its output is the summary of counts of the file. A run that lost a batch for good has failed;
    started again with the same input it does only what is missing. One whose judge was away has
    succeeded, and its summary says `unscored`.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        names: Names,
        processor: lambda_.IFunction,
        results: s3.IBucket,
        batching: Batching,
        log_retention: logs.RetentionDays,
    ) -> None:
        super().__init__(scope, construct_id)
        self._processor = processor
        batches = every_batch(self, processor=processor, results=results, batching=batching)
        ranges = every_range(self, processor=processor, results=results, batching=batching)
        closed = self._close_ledger()
        batches.next(closed)
        cut = self._cut_file()
        cut.next(ranges).next(closed)
        batches.add_catch(cut, errors=NOT_READ, result_path=sfn.JsonPath.DISCARD)
        # Few batches failed, and one of them was never handed over.
        closed.add_catch(
            cut, errors=[BatchNotStartedError.__name__], result_path=sfn.JsonPath.DISCARD
        )
        log_group = logs.LogGroup(
            self,
            "Logs",
            log_group_name=names.log_group,
            retention=log_retention,
            # A log group that stayed behind would stop the same prefix from being deployed again.
            removal_policy=RemovalPolicy.DESTROY,
        )
        self.state_machine = sfn.StateMachine(
            self,
            "StateMachine",
            state_machine_name=names.state_machine,
            definition_body=sfn.DefinitionBody.from_chainable(batches),
            timeout=Duration.hours(12),
            tracing_enabled=True,
            # Execution data is prompts and answers.
            logs=sfn.LogOptions(
                destination=log_group, level=sfn.LogLevel.ALL, include_execution_data=False
            ),
        )
        self._acknowledge_what_cdk_grants()

    def _acknowledge_what_cdk_grants(self) -> None:
        machine = self.state_machine
        reasons = {
            "*": "X-Ray and log delivery have no resources to name.",
            f"{self._processor.function_arn}:*": "Versions of the one function it invokes.",
            self._executions(":*"): "Child executions of its own map runs.",
            self._executions("/*:*"): "Child executions of its own map runs, when redriven.",
        }
        for arn, reason in reasons.items():
            acknowledge_wildcards(machine, [arn], reason)

    def _executions(self, which: str) -> str:
        # As CDK's own policy spells it; a state machine's name is the last part of its ARN.
        name = Fn.select(6, Fn.split(":", self.state_machine.state_machine_arn))
        return Stack.of(self).format_arn(
            service="states",
            resource="execution",
            resource_name=f"{name}{which}",
            arn_format=ArnFormat.COLON_RESOURCE_NAME,
        )

    def _cut_file(self) -> tasks.LambdaInvoke:
        return invoke(
            self,
            "CutFile",
            processor=self._processor,
            payload={"cut": {"bucket": BUCKET, "key": KEY}},
            result_path=RANGES,
        )

    def _close_ledger(self) -> tasks.LambdaInvoke:
        return invoke(
            self,
            "CloseLedger",
            processor=self._processor,
            payload={
                "ledger": {
                    "bucket": BUCKET,
                    "key": KEY,
                    "results": sfn.JsonPath.object_at("$.map.ResultWriterDetails"),
                    "map_run": sfn.JsonPath.string_at("$.map.MapRunArn"),
                }
            },
        )
