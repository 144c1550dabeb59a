"""Start the workflow for every new capture file, and keep the events that did not start it."""

from __future__ import annotations

from aws_cdk import Duration
from aws_cdk import aws_events as events
from aws_cdk import aws_events_targets as targets
from aws_cdk import aws_sqs as sqs
from aws_cdk import aws_stepfunctions as sfn
from constructs import Construct

from stacks.capture_files import CaptureFiles
from stacks.nag import acknowledge


class CaptureTrigger(Construct):
    """The EventBridge rule from capture files to the workflow, with its dead-letter queue."""

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        rule_name: str,
        captures: CaptureFiles,
        state_machine: sfn.IStateMachine,
    ) -> None:
        super().__init__(scope, construct_id)
        self.dead_letters = sqs.Queue(
            self,
            "DeadLetters",
            encryption=sqs.QueueEncryption.SQS_MANAGED,
            enforce_ssl=True,
            retention_period=Duration.days(14),
        )
        self.rule = events.Rule(
            self,
            "Rule",
            rule_name=rule_name,
            description="Scores each new capture file of a SageMaker endpoint",
            event_pattern=captures.created,
            targets=[
                targets.SfnStateMachine(
                    state_machine,
                    dead_letter_queue=self.dead_letters,
                    max_event_age=Duration.hours(24),
                    retry_attempts=185,
                )
            ],
        )
        acknowledge(self.dead_letters, {"AwsSolutions-SQS3": "This is the dead-letter queue."})
