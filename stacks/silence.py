"""An endpoint that is invoked while no capture of it arrives: looked for every hour."""

from __future__ import annotations

from pathlib import Path

from aws_cdk import Duration, Stack
from aws_cdk import aws_events as events
from aws_cdk import aws_events_targets as targets
from aws_cdk import aws_iam as iam
from constructs import Construct

from inference_monitor.metric_names import NAMESPACE, SERVICE
from stacks.inline_function import inline_function
from stacks.nag import acknowledge_wildcards

WATCH = Path(__file__).parent / "runtime" / "watch_silence.py"


class Silence(Construct):
    """A function of its own, so that it tells also when the processor cannot run.

    Its metric `Silent` is 1 when there were invocations in so many hours and no capture since.
    """

    def __init__(
        self, scope: Construct, construct_id: str, *, endpoint: str, deployment: str, hours: int
    ) -> None:
        super().__init__(scope, construct_id)
        # SageMaker writes endpoint names in ARNs in lower case.
        arn = Stack.of(self).format_arn(
            service="sagemaker", resource="endpoint", resource_name=endpoint.lower()
        )
        self.function = inline_function(
            self,
            "Watch",
            file=WATCH,
            description="Tells when an endpoint is invoked and no capture of it arrives",
            allowed=[
                iam.PolicyStatement(actions=["cloudwatch:GetMetricData"], resources=["*"]),
                iam.PolicyStatement(actions=["sagemaker:DescribeEndpoint"], resources=[arn]),
            ],
            environment={
                "ENDPOINT_NAME": endpoint,
                "DEPLOYMENT": deployment,
                "HOURS": str(hours),
                "NAMESPACE": NAMESPACE,
                "SERVICE": SERVICE,
            },
        )
        acknowledge_wildcards(self, ["*"], "CloudWatch knows no resources for GetMetricData.")
        events.Rule(
            self,
            "Hourly",
            description="Looks whether captures of an invoked endpoint stay away",
            schedule=events.Schedule.rate(Duration.hours(1)),
            targets=[targets.LambdaFunction(self.function)],
        )
