"""Find a deployed stack by its prefix, and what it is made of."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import boto3
from botocore.exceptions import ClientError

from inference_monitor.capture.source import source_of
from inference_monitor.inference import Source
from inference_monitor_cli.problems import CommandError

# The public names of a deployment, as `stacks.names` gives them (tested).
STACK = "SageMakerInferenceMonitoringStack-{}"
RULE = "sagemaker-s3-event-rule-{}"

_OUTPUTS = ("DataCaptureBucketName", "ResultsBucketName", "StateMachineArn", "ProcessorLambdaArn")


@dataclass(frozen=True)
class Deployment:
    """One deployed stack. What its outputs do not name is asked for when it is needed."""

    session: Any
    prefix: str
    capture_bucket: str
    results_bucket: str
    state_machine_arn: str
    function_arn: str

    @classmethod
    def find(cls, session: Any, prefix: str) -> Deployment:
        """Read the outputs of the stack with this prefix.

        Args:
            session: A `boto3.Session`.
            prefix: The deploy setting STACK_PREFIX.

        Raises:
            CommandError: If there is no such stack, or an older one that lacks an output.
        """
        return cls(session, prefix, *_outputs(session, prefix, *_OUTPUTS))

    @cached_property
    def batch_judging_role(self) -> str:
        """The ARN of the role in which Bedrock runs batch jobs."""
        (role,) = _outputs(self.session, self.prefix, "BatchJudgingRoleArn")
        return role

    @cached_property
    def capture_prefix(self) -> str:
        """The folder in the capture bucket whose files start the workflow, with its last slash."""
        rule = self.session.client("events").describe_rule(Name=RULE.format(self.prefix))
        (key,) = json.loads(rule["EventPattern"])["detail"]["object"]["key"]
        return str(key["wildcard"]).rpartition("*")[0]

    @cached_property
    def dead_letters_url(self) -> str:
        """The queue of the events that did not start the workflow."""
        rule = RULE.format(self.prefix)
        targets = self.session.client("events").list_targets_by_rule(Rule=rule)["Targets"]
        arns = [t["DeadLetterConfig"]["Arn"] for t in targets if "DeadLetterConfig" in t]
        if len(arns) != 1:
            raise CommandError(f"rule {rule} has {len(arns)} dead-letter queues: deploy it again")
        queue = self.session.client("sqs").get_queue_url(QueueName=arns[0].rpartition(":")[2])
        return str(queue["QueueUrl"])

    @cached_property
    def function_environment(self) -> dict[str, str]:
        """The environment of the function."""
        function = self.session.client("lambda").get_function_configuration(
            FunctionName=self.function_arn
        )
        return dict(function.get("Environment", {}).get("Variables", {}))

    def source_of(self, key: str) -> Source:
        """What the function makes of a capture file; `foreign` is what it skips."""
        source = source_of(self.capture_bucket, key, self.variable("MONITOR_ENDPOINT_NAME"))
        # A function that is older than the setting takes every file.
        skips = self.function_environment.get("MONITOR_OTHER_ENDPOINTS") == "skip"
        return source if skips else replace(source, foreign=False)

    def variable(self, name: str) -> str:
        """A variable of the function's environment.

        Raises:
            CommandError: If it has none of this name.
        """
        if name not in self.function_environment:
            raise CommandError(f"the deployed function has no {name}: deploy the stack again")
        return self.function_environment[name]


def _outputs(session: Any, prefix: str, *wanted: str) -> list[str]:
    """The values of outputs of the stack with this prefix."""
    name = STACK.format(prefix)
    try:
        answer = session.client("cloudformation").describe_stacks(StackName=name)
    except ClientError as error:
        if error.response.get("Error", {}).get("Code") != "ValidationError":
            raise
        where = f"in region {session.region_name}"
        raise CommandError(
            f"there is no stack {name} {where}: check --prefix (STACK_PREFIX), "
            "AWS_DEFAULT_REGION and "
            "AWS_PROFILE"
        ) from error
    (stack,) = answer["Stacks"]
    outputs = {o["OutputKey"]: o["OutputValue"] for o in stack.get("Outputs", ())}
    if missing := [output for output in wanted if output not in outputs]:
        raise CommandError(f"stack {name} has no output {missing[0]}: deploy it again")
    return [outputs[output] for output in wanted]


def locate_experiment(
    *, prefix: str | None, tracking_uri: str | None, experiment: str | None, otherwise: str
) -> tuple[str, str]:
    """The MLflow server and the experiment: as given, else as the deployed function has them.

    `otherwise` says what a person can do instead of naming either, as in "read capture files".

    Raises:
        CommandError: If neither a deployment nor both are named, or the function lacks a setting.
    """
    if tracking_uri and experiment:
        return tracking_uri, experiment
    if not prefix:
        raise CommandError(
            "name the deployment with --prefix (STACK_PREFIX), or MLflow with --tracking-uri and "
            f"--experiment, or {otherwise}"
        )
    environment = Deployment.find(boto3.Session(), prefix).function_environment
    names = ("MONITOR_MLFLOW_TRACKING_URI", "MONITOR_EXPERIMENT_NAME")
    if missing := [name for name in names if name not in environment]:
        raise CommandError(f"the deployed function has no {missing[0]}: deploy the stack again")
    return tracking_uri or environment[names[0]], experiment or environment[names[1]]
