"""The stack: composes the capabilities, and lets each of them do what it has to."""

from __future__ import annotations

from collections.abc import Sequence

from aws_cdk import CfnOutput, Duration, Stack, Tags
from constructs import Construct

from inference_monitor.config.caps import NO_CAP
from stacks.alarms import Alarms, Watched
from stacks.batch_judging import BatchJudging
from stacks.capture_files import CaptureFiles
from stacks.capture_trigger import CaptureTrigger
from stacks.failed_executions import FailedExecutions
from stacks.judge_models import JudgeModel
from stacks.log_retention import retention
from stacks.lookups import Lookups
from stacks.map_runs import Batching
from stacks.processor import Limits, Processor
from stacks.results import Results
from stacks.settings import DeploySettings
from stacks.silence import Silence
from stacks.workers_tables import claims, counters
from stacks.workflow import Workflow


class MonitoringStack(Stack):
    """The monitor of one endpoint; two with different prefixes depend on nothing of each other.

    `judges` are all models the configured scorers may ask; `moment` tells one deployment from the
    next, each of which looks anew at what the account has.
    """

    def __init__(
        self,
        scope: Construct,
        *,
        settings: DeploySettings,
        judges: Sequence[JudgeModel],
        moment: str,
    ) -> None:
        names = settings.names
        super().__init__(
            scope,
            names.stack,
            description=f"Traces and scores inferences of {settings.sagemaker_endpoint_name}",
        )
        lookups = Lookups(self, "Lookups", settings=settings, moment=moment)
        captures = CaptureFiles(
            self,
            "Captures",
            bucket_name=lookups.capture_bucket,
            prefix=lookups.capture_prefix,
            kms_key_arn=lookups.capture_key,
        )
        # A bucket that cannot do is refused with a sentence, before anything is switched on there.
        captures.node.add_dependency(lookups)
        results = Results(self, "Results", kms_key_arn=settings.results_kms_key_arn)
        claims_table, counters_table = claims(self), counters(self)
        log_retention = retention(settings.log_retention_days)
        processor = Processor(
            self,
            "Processor",
            names=names,
            environment=_environment(
                settings,
                results_bucket=results.bucket.bucket_name,
                claims_table=claims_table.table.table_name,
                counters_table=counters_table.table.table_name,
            ),
            limits=Limits(
                memory_mb=settings.lambda_memory_mb,
                timeout=Duration.seconds(settings.lambda_timeout_seconds),
                ephemeral_storage_mb=settings.lambda_ephemeral_storage_mb,
                reserved_concurrency=settings.lambda_reserved_concurrency,
            ),
            log_retention=log_retention,
        )
        workflow = Workflow(
            self,
            "Workflow",
            names=names,
            processor=processor.function,
            results=results.bucket,
            batching=Batching(
                max_items=settings.batch_max_items,
                max_bytes=settings.batch_max_bytes,
                max_concurrency=settings.map_max_concurrency,
                tolerated_failure_percentage=settings.tolerated_failure_percentage,
            ),
            log_retention=log_retention,
        )
        trigger = CaptureTrigger(
            self,
            "Trigger",
            rule_name=names.rule,
            captures=captures,
            state_machine=workflow.state_machine,
        )
        FailedExecutions(
            self,
            "FailedExecutions",
            state_machine=workflow.state_machine,
            processor=processor.function,
            dead_letters=trigger.dead_letters,
        )
        silence = Silence(
            self,
            "Silence",
            endpoint=settings.sagemaker_endpoint_name,
            deployment=names.prefix,
            hours=settings.silence_alarm_hours,
        )
        Alarms(
            self,
            "Alarms",
            prefix=names.prefix,
            watched=Watched(
                workflow=workflow.state_machine,
                function=processor.function,
                dead_letters=trigger.dead_letters,
                silence=silence.function,
                deployment=names.prefix,
            ),
            email=settings.alarm_email,
        )
        batch_judging = BatchJudging(self, "BatchJudging")
        captures.grant_read(processor.role)
        captures.grant_read(workflow.state_machine.role)
        results.grant_processor(processor.role)
        claims_table.grant_write(processor.role)
        counters_table.grant_write(processor.role)
        results.grant_map_run(workflow.state_machine.role)
        results.grant_batch_judging(batch_judging.role)
        processor.grant_mlflow(
            settings.mlflow_tracking_uri,
            artifact_store=lookups.artifact_store,
            artifact_key=lookups.artifact_key,
        )
        processor.grant_judges(judges)
        batch_judging.grant_judges(judges)
        for output, value in {
            **lookups.outputs,
            "StateMachineArn": workflow.state_machine.state_machine_arn,
            "ProcessorLambdaArn": processor.function.function_arn,
            "ResultsBucketName": results.bucket.bucket_name,
            "BatchJudgingRoleArn": batch_judging.role.role_arn,
        }.items():
            CfnOutput(self, output, value=value, export_name=names.export(output))
        for tag, value in {
            "Project": "sagemaker-inference-monitor",
            "StackPrefix": names.prefix,
            "Endpoint": settings.sagemaker_endpoint_name,
        }.items():
            Tags.of(self).add(tag, value)


def _environment(
    settings: DeploySettings, *, results_bucket: str, claims_table: str, counters_table: str
) -> dict[str, str]:
    """What `inference_monitor.settings.Settings` reads, and how much is logged."""
    return {
        "MONITOR_MLFLOW_TRACKING_URI": settings.mlflow_tracking_uri,
        "MONITOR_EXPERIMENT_NAME": settings.mlflow_experiment_name,
        "MONITOR_TRACE_STORE": settings.mlflow_trace_store,
        "MONITOR_ENDPOINT_NAME": settings.sagemaker_endpoint_name,
        "MONITOR_DEPLOYMENT": settings.stack_prefix,
        "MONITOR_OTHER_ENDPOINTS": settings.other_endpoints,
        "MONITOR_JUDGE_MODEL": settings.bedrock_model_id,
        "MONITOR_RESULTS_BUCKET": results_bucket,
        "MONITOR_CLAIMS_TABLE": claims_table,
        "MONITOR_COUNTERS_TABLE": counters_table,
        "MONITOR_JUDGE_BUDGET_USD_PER_DAY": str(settings.judge_budget_usd_per_day or NO_CAP),
        "MONITOR_JUDGE_BUDGET_USD_PER_RUN": str(settings.judge_budget_usd_per_run or NO_CAP),
        "MONITOR_JUDGE_PRICES": settings.judge_prices or "",
        "MONITOR_JUDGE_REQUESTS_PER_MINUTE": str(settings.judge_requests_per_minute or 0),
        "MONITOR_JUDGE_TOKENS_PER_MINUTE": str(settings.judge_tokens_per_minute or 0),
        "MONITOR_JUDGE_CONCURRENCY": str(settings.judge_concurrency),
        "MONITOR_JUDGE_TIMEOUT_SECONDS": str(settings.judge_timeout_seconds),
        "MONITOR_REDACTION": settings.redaction,
        "POWERTOOLS_LOG_LEVEL": "INFO",
    }
