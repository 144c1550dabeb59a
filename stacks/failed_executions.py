"""What is done when the workflow ends before it has closed its ledger, or the function in vain."""

from __future__ import annotations

from aws_cdk import Duration
from aws_cdk import aws_events as events
from aws_cdk import aws_events_targets as targets
from aws_cdk import aws_iam as iam
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_sqs as sqs
from aws_cdk import aws_stepfunctions as sfn
from constructs import Construct

from inference_monitor.events import EXECUTION_ENDED

ENDED_BADLY = ["FAILED", "TIMED_OUT", "ABORTED"]
PATIENCE = Duration.hours(6)


class FailedExecutions(Construct):
    """Has the function close the ledgers of executions that could not.

    A Catch in the workflow would do for one of the three ways an execution ends badly, and would
    take from Step Functions what it redrives: a failed map, of which only the failed batches run
    again.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        state_machine: sfn.IStateMachine,
        processor: lambda_.Function,
        dead_letters: sqs.IQueue,
    ) -> None:
        super().__init__(scope, construct_id)
        events.Rule(
            self,
            "Rule",
            description="Closes the ledger of a capture file whose execution ended badly",
            event_pattern=events.EventPattern(
                source=["aws.states"],
                detail_type=[EXECUTION_ENDED],
                detail={
                    "stateMachineArn": [state_machine.state_machine_arn],
                    "status": ENDED_BADLY,
                },
            ),
            targets=[targets.LambdaFunction(processor, dead_letter_queue=dead_letters)],
        )
        # For these events, and for what people send with `--invocation-type Event`.
        # Not CDK's own destination, which also grants what only a receiver needs.
        processor.add_to_role_policy(
            iam.PolicyStatement(actions=["sqs:SendMessage"], resources=[dead_letters.queue_arn])
        )
        lambda_.CfnEventInvokeConfig(
            self,
            "Unwatched",
            function_name=processor.function_name,
            qualifier="$LATEST",
            destination_config=lambda_.CfnEventInvokeConfig.DestinationConfigProperty(
                on_failure=lambda_.CfnEventInvokeConfig.OnFailureProperty(
                    destination=dead_letters.queue_arn
                )
            ),
            maximum_event_age_in_seconds=int(PATIENCE.to_seconds()),
            maximum_retry_attempts=2,
        )
