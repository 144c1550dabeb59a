"""What wakes somebody up: capture files that were not processed, and scores that are missing."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from aws_cdk import ArnFormat, Duration, Stack
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_iam as iam
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_sns as sns
from aws_cdk import aws_sns_subscriptions as subscriptions
from aws_cdk import aws_sqs as sqs
from aws_cdk import aws_stepfunctions as sfn
from cdk_monitoring_constructs import (
    AlarmFactoryDefaults,
    DefaultDashboardFactory,
    MonitoringFacade,
    SnsAlarmActionStrategy,
)
from constructs import Construct

from inference_monitor.metric_names import (
    BUDGET_EXHAUSTED,
    FOREIGN,
    JUDGE_CALLS,
    JUDGE_DECLINED,
    JUDGE_REFUSED,
    JUDGE_UNAVAILABLE,
    JUDGE_UNREADABLE,
    NAMESPACE,
    SERVICE,
    SILENT,
    UNACCOUNTED,
)

PERIOD = Duration.minutes(5)
MOST_LOST_PERCENT = 5
"""Of an hour's judge calls, as many may give no verdict before somebody is told."""


@dataclass(frozen=True, slots=True)
class Watched:
    """The parts of the chain in which a capture file can get stuck, and whose metrics they send.

    `deployment` is the prefix of the stack. Another one on the same endpoint has alarms of its own.
    """

    workflow: sfn.IStateMachine
    function: lambda_.IFunction
    dead_letters: sqs.IQueue
    silence: lambda_.IFunction
    deployment: str


@dataclass(frozen=True, slots=True)
class Trouble:
    """A metric, and what it means when it stays above its threshold for so many periods."""

    name: str
    metric: cloudwatch.Metric | cloudwatch.MathExpression
    meaning: str
    periods: int = 1
    threshold: float = 0


class Alarms(Construct):
    """Alarms and a dashboard; with an address, a topic that mails the alarms."""

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        prefix: str,
        watched: Watched,
        email: str | None = None,
    ) -> None:
        super().__init__(scope, construct_id)
        name = f"sagemaker-inference-monitoring-{prefix}"
        facade = MonitoringFacade(
            self,
            "Facade",
            alarm_factory_defaults=AlarmFactoryDefaults(
                actions_enabled=True,
                alarm_name_prefix=name,
                action=SnsAlarmActionStrategy(on_alarm_topic=self._topic(name, email))
                if email
                else None,
            ),
            dashboard_factory=DefaultDashboardFactory(
                self, "Dashboards", dashboard_name_prefix=name
            ),
        )
        facade.monitor_step_function(state_machine=watched.workflow, alarm_friendly_name="workflow")
        facade.monitor_lambda_function(
            lambda_function=watched.function, alarm_friendly_name="processor"
        )
        facade.monitor_sqs_queue(queue=watched.dead_letters, alarm_friendly_name="dead-letters")
        factory = facade.create_alarm_factory("capture-files")
        for trouble in _troubles(watched):
            factory.add_alarm(
                trouble.metric,
                alarm_name_suffix=trouble.name,
                alarm_description=trouble.meaning,
                comparison_operator=cloudwatch.ComparisonOperator.GREATER_THAN_THRESHOLD,
                threshold=trouble.threshold,
                evaluation_periods=trouble.periods,
                datapoints_to_alarm=trouble.periods,
                treat_missing_data=cloudwatch.TreatMissingData.NOT_BREACHING,
            )

    def _topic(self, alarms: str, email: str) -> sns.Topic:
        topic = sns.Topic(self, "Topic", enforce_ssl=True)
        # With a policy of its own, a topic loses the one by which alarms of the account reach it.
        of_this_stack = {"ArnLike": {"aws:SourceArn": _alarms_named(self, f"{alarms}-*")}}
        topic.grant_publish(
            iam.ServicePrincipal("cloudwatch.amazonaws.com", conditions=of_this_stack)
        )
        topic.add_subscription(subscriptions.EmailSubscription(email))
        return topic


def _alarms_named(scope: Construct, name: str) -> str:
    """The ARNs of alarms of this account and Region."""
    return Stack.of(scope).format_arn(
        service="cloudwatch",
        resource="alarm",
        resource_name=name,
        arn_format=ArnFormat.COLON_RESOURCE_NAME,
    )


def _troubles(watched: Watched) -> Iterator[Trouble]:
    workflow, dead_letters = watched.workflow, watched.dead_letters
    yield Trouble(
        "failed",
        workflow.metric_failed(period=PERIOD),
        "A capture file was not processed in full: start its execution again, with the same input.",
    )
    yield Trouble(
        "timed-out",
        workflow.metric_timed_out(period=PERIOD),
        "A capture file took too long: start its execution again, with the same input.",
    )
    yield Trouble(
        "throttled",
        workflow.metric_throttled(period=PERIOD),
        "Step Functions slows down the transitions between states: more of them than the quota of"
        " this account and Region has room for. Executions that cannot be started at all are in"
        " the dead-letter queue after a day.",
    )
    yield Trouble(
        "not-started",
        dead_letters.metric_approximate_number_of_messages_visible(
            period=PERIOD, statistic="Maximum"
        ),
        "Capture files started no workflow, or the function failed at an event that nobody waited"
        " for: `inference-monitor replay --dlq` starts the workflow over these files.",
    )
    # A single error is a retry at work, and one that was in vain fails its execution.
    yield Trouble(
        "errors",
        watched.function.metric_errors(period=PERIOD),
        "The function fails again and again.",
        periods=3,
    )
    yield Trouble(
        "unaccounted",
        _own_metric(UNACCOUNTED, watched.deployment),
        "Records were in batches that failed for good: they are neither traced nor quarantined."
        " `inference-monitor replay --failed-batches` sends them again.",
    )
    yield Trouble(
        "silent",
        _own_metric(SILENT, watched.deployment, Duration.hours(1)),
        "The endpoint is invoked and no capture of it has arrived for SILENCE_ALARM_HOURS: look"
        " whether its data capture is on (an update of an endpoint may drop it), and writes to"
        " DATA_CAPTURE_S3_BUCKET below DATA_CAPTURE_S3_PREFIX, where these are set; `cdk deploy`"
        " looks it up again. Then bring in what was missed with"
        " `inference-monitor replay --from HOUR --to HOUR`.",
    )
    yield Trouble(
        "silence-unwatched",
        watched.silence.metric_errors(period=Duration.hours(1)),
        "Nobody would tell if captures stayed away: the function that looks for them fails. See"
        " its log.",
    )
    yield Trouble(
        "foreign-files",
        _own_metric(FOREIGN, watched.deployment, Duration.hours(1)),
        "Capture files of other endpoints lie below DATA_CAPTURE_S3_PREFIX: they were skipped, and"
        " each costs an execution. Name the folder of the endpoint itself, or take them with"
        " OTHER_ENDPOINTS=include, and deploy.",
    )
    yield Trouble(
        "budget-exhausted",
        _own_metric(BUDGET_EXHAUSTED, watched.deployment),
        "The judge's budget is used up for this hour, or for a run: records are traced, but not"
        " judged. A 24th of JUDGE_BUDGET_USD_PER_DAY is released every hour (UTC): wait for the"
        " next hour, or raise it or JUDGE_BUDGET_USD_PER_RUN and deploy; then send the files again,"
        " which fills in what is missing.",
    )
    yield Trouble(
        "scores-missing",
        _own_metric(JUDGE_UNAVAILABLE, watched.deployment),
        "The judge could not be reached: records are traced, but not judged. See Bedrock's quotas"
        " and the function's log, then send the files again, which fills in what is missing.",
    )
    yield Trouble(
        "judge-refused",
        _own_metric(JUDGE_REFUSED, watched.deployment),
        "The judge refuses every call until somebody mends it: the model is dead, not allowed, or"
        " not in this Region. Records are traced and tagged scoring = 'judge_refused'; their"
        " assessments say what to do. `inference-monitor scorers check --live` asks the judge once;"
        " when it answers, `inference-monitor backfill` fills in what is missing.",
    )
    yield Trouble(
        "verdicts-unreadable",
        _share_of_calls(JUDGE_UNREADABLE, watched.deployment),
        f"More than {MOST_LOST_PERCENT} % of an hour's judge calls gave no verdict that can be"
        " read: they are paid for, and their assessments are errors. Try the judge with"
        " `inference-monitor scorers check --live`, raise max_tokens or name another model.",
        threshold=MOST_LOST_PERCENT,
    )
    yield Trouble(
        "content-declined",
        _share_of_calls(JUDGE_DECLINED, watched.deployment),
        f"For more than {MOST_LOST_PERCENT} % of an hour's judge calls the judge would not judge"
        " the content, which is probably unsafe: look at the traces with tags.scoring ="
        " 'judge_declined'.",
        threshold=MOST_LOST_PERCENT,
    )


def _share_of_calls(name: str, deployment: str) -> cloudwatch.MathExpression:
    """A count as percent of an hour's judge calls."""
    hour = Duration.hours(1)
    return cloudwatch.MathExpression(
        expression="100 * lost / calls",
        using_metrics={
            "lost": _own_metric(name, deployment, hour),
            "calls": _own_metric(JUDGE_CALLS, deployment, hour),
        },
        period=hour,
        label=f"{name}, percent of judge calls",
    )


def _own_metric(name: str, deployment: str, period: Duration = PERIOD) -> cloudwatch.Metric:
    return cloudwatch.Metric(
        namespace=NAMESPACE,
        metric_name=name,
        dimensions_map={"service": SERVICE, "deployment": deployment},
        period=period,
        statistic="Sum",
    )
