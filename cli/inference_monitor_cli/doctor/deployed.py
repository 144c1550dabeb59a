"""Checks of a deployed stack: whether it is whole, and whether it has lost or left something."""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from typing import Any

from botocore.exceptions import ClientError

from inference_monitor.aws_errors import code_of
from inference_monitor.metric_names import (
    BUDGET_EXHAUSTED,
    FOREIGN,
    JUDGE_REFUSED,
    NAMESPACE,
    SERVICE,
    UNACCOUNTED,
)
from inference_monitor_cli.deployment import RULE, STACK, Deployment
from inference_monitor_cli.doctor.account import newest_capture
from inference_monitor_cli.doctor.checks import Check, Context, Finding, failed, note, ok, skipped
from inference_monitor_cli.problems import CommandError

DEPLOY = "npx cdk deploy"
ALARMS = "sagemaker-inference-monitoring-{}-"
"""How the names of a deployment's alarms begin, as `stacks.alarms` gives them (tested)."""
_WHOLE = ("CREATE_COMPLETE", "UPDATE_COMPLETE", "IMPORT_COMPLETE")
_SHOWN = 3
_CAUSE_CHARACTERS = 200
ENVIRONMENT = {
    "mlflow_tracking_uri": "MONITOR_MLFLOW_TRACKING_URI",
    "mlflow_experiment_name": "MONITOR_EXPERIMENT_NAME",
    "sagemaker_endpoint_name": "MONITOR_ENDPOINT_NAME",
}
"""Settings, and the function's variables that they become."""


def check_stack(context: Context) -> Finding:
    """The stack is deployed, and its last deployment went through."""
    name, stack = STACK.format(context.stack_prefix), context.stack
    if stack is None:
        return skipped(f"{name} is not deployed yet: {DEPLOY}")
    status = stack["StackStatus"]
    if status in _WHOLE:
        return ok(f"{name} is {status}")
    if status.endswith("_IN_PROGRESS"):
        return note(f"{name} is {status}: a deployment is under way")
    why = (
        f"aws cloudformation describe-stack-events --stack-name {name} --query "
        "\"StackEvents[?contains(ResourceStatus,'FAILED')].ResourceStatusReason\""
    )
    if status in ("ROLLBACK_COMPLETE", "ROLLBACK_FAILED", "DELETE_FAILED", "CREATE_FAILED"):
        return failed(f"{name} is {status}", f"{why}; then npx cdk destroy, and {DEPLOY}")
    return failed(f"{name} is {status}: the last deployment failed", f"{why}; then {DEPLOY}")


def check_outputs(context: Context) -> Finding:
    """The stack names its parts."""
    if not context.is_deployed:
        return skipped("not deployed")
    try:
        deployment = Deployment.find(context.session, context.stack_prefix)
    except CommandError as error:
        return failed(str(error), DEPLOY)
    return ok(f"results in {deployment.results_bucket}")


def check_function(context: Context) -> Finding:
    """The function can be invoked."""
    found = context.client("lambda").get_function_configuration(
        FunctionName=context.deployment.function_arn
    )
    name, state = found["FunctionName"], found.get("State", "Active")
    if state == "Inactive":
        return note(f"{name} is Inactive: its first invocation takes a minute or two")
    if state == "Failed":
        return failed(f"{name} is Failed: {found.get('StateReason', '')}", DEPLOY)
    if found.get("LastUpdateStatus") == "Failed":
        return failed(
            f"the last update of {name} failed: {found.get('LastUpdateStatusReason', '')}", DEPLOY
        )
    if state == "Pending":
        return note(f"{name} is Pending: its image is being made ready")
    return ok(f"{name} is {state}, updated {found.get('LastModified', '')[:19]}")


def check_deployed_settings(context: Context) -> Finding:
    """What is deployed is what `.env` says."""
    variables, told = context.deployment.function_environment, []
    for setting, variable in ENVIRONMENT.items():
        given = getattr(context.given, setting)
        if given is not None and variables.get(variable) not in (None, given):
            told.append(f"{setting.upper()} is {given}, deployed is {variables[variable]}")
    bucket = context.given.data_capture_s3_bucket
    if bucket not in (None, context.deployment.capture_bucket):
        told.append(
            f"DATA_CAPTURE_S3_BUCKET is {bucket}, deployed is {context.deployment.capture_bucket}"
        )
    return failed("; ".join(told), DEPLOY) if told else ok("as deployed")


def check_rule(context: Context) -> Finding:
    """The rule is on, and starts the state machine."""
    name = RULE.format(context.stack_prefix)
    events = context.client("events")
    try:
        rule = events.describe_rule(Name=name)
        targets = events.list_targets_by_rule(Rule=name)["Targets"]
    except ClientError as error:
        if code_of(error) != "ResourceNotFoundException":
            raise
        return failed(f"there is no rule {name}", DEPLOY)
    if rule.get("State") == "DISABLED":
        return failed(f"rule {name} is disabled", f"aws events enable-rule --name {name}")
    if context.deployment.state_machine_arn not in [target["Arn"] for target in targets]:
        return failed(f"rule {name} does not start the state machine", DEPLOY)
    return ok(f"{name} is on")


def check_pattern(context: Context) -> Finding:
    """The rule matches the newest capture file of the endpoint."""
    bucket, folder = context.endpoint.bucket, context.endpoint.folder
    if bucket is None or folder is None:
        return skipped("the endpoint captures nowhere")
    newest = newest_capture(context, bucket, folder)
    key = newest["Key"] if newest else f"{folder}/AllTraffic/2026/01/01/00/x.jsonl"
    if not rule_matches(context, bucket, key):
        return failed(
            f"rule {RULE.format(context.stack_prefix)} does not match s3://{bucket}/{key}",
            f"set DATA_CAPTURE_S3_BUCKET={bucket} and DATA_CAPTURE_S3_PREFIX={folder} in .env; "
            f"{DEPLOY}",
        )
    return ok(f"it matches {key}")


def rule_matches(context: Context, bucket: str, key: str) -> bool:
    """Whether the deployment's rule takes the event of a new object, as EventBridge says."""
    events, now = context.client("events"), f"{context.now:%Y-%m-%dT%H:%M:%SZ}"
    rule = events.describe_rule(Name=RULE.format(context.stack_prefix))
    event = {
        "id": "1",
        "account": context.account_id,
        "source": "aws.s3",
        "time": now,
        "region": context.session.region_name,
        "resources": [f"arn:aws:s3:::{bucket}"],
        "detail-type": "Object Created",
        "detail": {"bucket": {"name": bucket}, "object": {"key": key}},
    }
    answer = events.test_event_pattern(EventPattern=rule["EventPattern"], Event=json.dumps(event))
    return bool(answer["Result"])


def check_executions(context: Context) -> Finding:
    """No execution of the last day has failed."""
    states, machine = context.client("stepfunctions"), context.deployment.state_machine_arn
    listed = states.list_executions(stateMachineArn=machine, maxResults=100)["executions"]
    since = context.now - timedelta(days=1)
    recent = [one for one in listed if one["startDate"] > since]
    bad = [one for one in recent if one["status"] in ("FAILED", "TIMED_OUT", "ABORTED")]
    if not bad:
        return ok(f"{len(recent)} in the last day" if recent else "none in the last day")
    last = states.describe_execution(executionArn=bad[0]["executionArn"])
    cause = f"{last.get('error', '')}: {last.get('cause', '')}"[:_CAUSE_CHARACTERS]
    return failed(
        f"{len(bad)} of {len(recent)} in the last day failed; the last: {cause}",
        "inference-monitor replay --failed-batches, or aws stepfunctions redrive-execution "
        f"--execution-arn {bad[0]['executionArn']}",
    )


def check_dead_letters(context: Context) -> Finding:
    """No event waits that did not start the workflow."""
    answer = context.client("sqs").get_queue_attributes(
        QueueUrl=context.deployment.dead_letters_url,
        AttributeNames=["ApproximateNumberOfMessages"],
    )
    waiting = int(answer["Attributes"]["ApproximateNumberOfMessages"])
    if waiting:
        return failed(f"{waiting} events started no workflow", "inference-monitor replay --dlq")
    return ok("empty")


def check_alarms(context: Context) -> Finding:
    """No alarm of the deployment rings."""
    alarms = _alarms(context)
    ringing = [alarm for alarm in alarms if alarm["StateValue"] == "ALARM"]
    if not ringing:
        return ok(f"none of {len(alarms)} rings")
    start = len(ALARMS.format(context.stack_prefix))
    names = ", ".join(alarm["AlarmName"][start:] for alarm in ringing[:_SHOWN])
    return failed(
        f"{len(ringing)} of {len(alarms)} in ALARM: {names}",
        ringing[0].get("AlarmDescription") or "see the alarm in CloudWatch's console",
    )


def check_alarm_mail(context: Context) -> Finding:
    """Whoever is to be mailed has confirmed it."""
    topics = sorted({arn for alarm in _alarms(context) for arn in alarm["AlarmActions"]})
    topics = [arn for arn in topics if ":sns:" in arn]
    if not topics:
        return note("alarms mail nobody", f"set ALARM_EMAIL in .env, and {DEPLOY}")
    sns = context.client("sns")
    found = [
        s for t in topics for s in sns.list_subscriptions_by_topic(TopicArn=t)["Subscriptions"]
    ]
    pending = [s for s in found if s["SubscriptionArn"] == "PendingConfirmation"]
    if pending or not found:
        return failed(
            "nobody has confirmed the subscription to the alarms",
            "follow the link in the mail from AWS Notifications; to get another one: aws sns "
            f"subscribe --topic-arn {topics[0]} --protocol email --notification-endpoint ADDRESS",
        )
    return ok("confirmed")


def check_unaccounted(context: Context) -> Finding:
    """No record of the last day was lost on its way."""
    lost = _sum(context, UNACCOUNTED, context.now - timedelta(days=1))
    if lost:
        return failed(
            f"{lost:.0f} records of the last day are in batches that failed for good",
            "inference-monitor replay --failed-batches",
        )
    return ok("every record is accounted for")


def check_foreign(context: Context) -> Finding:
    """No file of another endpoint lies in the watched folder."""
    foreign = _sum(context, FOREIGN, context.now - timedelta(days=1))
    if foreign:
        return note(
            f"{foreign:.0f} records of other endpoints were skipped in the last day",
            f"set DATA_CAPTURE_S3_PREFIX={context.endpoint.folder} or OTHER_ENDPOINTS=include; "
            f"{DEPLOY}",
        )
    return ok("only files of this endpoint")


def check_budget(context: Context) -> Finding:
    """The judge's budget of today has not been used up."""
    today = context.now.replace(hour=0, minute=0, second=0, microsecond=0)
    waiting = _sum(context, BUDGET_EXHAUSTED, today)
    if waiting:
        return note(
            f"{waiting:.0f} records of today (UTC) are not judged: the budget was used up",
            f"raise JUDGE_BUDGET_USD_PER_DAY in .env, {DEPLOY}; then inference-monitor backfill "
            f"--from {context.now:%Y-%m-%d} --to {context.now:%Y-%m-%d}",
        )
    return ok("not used up")


def check_refusals(context: Context) -> Finding:
    """No judge has refused for good in the last day (tag `judge_refused`)."""
    refused = _sum(context, JUDGE_REFUSED, context.now - timedelta(days=1))
    if refused:
        return failed(
            f"{refused:.0f} records of the last day have a judge that refuses (tag judge_refused)",
            "inference-monitor scorers check --live; then inference-monitor backfill --from "
            f"{context.now - timedelta(days=1):%Y-%m-%d} --to {context.now:%Y-%m-%d}",
        )
    return ok("no judge refuses")


def _alarms(context: Context) -> list[dict[str, Any]]:
    """The alarms of the deployment; nothing to look at before it is deployed."""
    prefix = ALARMS.format(context.deployment.prefix)
    pages = context.client("cloudwatch").get_paginator("describe_alarms")
    return [
        alarm
        for page in pages.paginate(AlarmNamePrefix=prefix, AlarmTypes=["MetricAlarm"])
        for alarm in page["MetricAlarms"]
    ]


def _sum(context: Context, metric: str, since: datetime) -> float:
    """The sum of a metric of the deployment since then."""
    answer = context.client("cloudwatch").get_metric_statistics(
        Namespace=NAMESPACE,
        MetricName=metric,
        Dimensions=[
            {"Name": "service", "Value": SERVICE},
            {"Name": "deployment", "Value": context.deployment.prefix},
        ],
        StartTime=since,
        EndTime=context.now + timedelta(minutes=1),
        Period=3600,
        Statistics=["Sum"],
    )
    return float(sum(point["Sum"] for point in answer["Datapoints"]))


CHECKS = (
    Check("stack", "the stack is deployed", check_stack),
    Check("outputs", "the stack names its parts", check_outputs),
    Check("function", "the function can be invoked", check_function),
    Check("deployed-settings", "what is deployed is what .env says", check_deployed_settings),
    Check("rule", "the rule starts the workflow", check_rule),
    Check("pattern", "the rule matches the capture files", check_pattern),
    Check("executions", "no execution has failed", check_executions),
    Check("dead-letters", "no event waits in the dead-letter queue", check_dead_letters),
    Check("alarms", "no alarm rings", check_alarms),
    Check("alarm-mail", "somebody gets the alarms", check_alarm_mail),
    Check("unaccounted", "no record was lost", check_unaccounted),
    Check("foreign-files", "no other endpoint's files are watched", check_foreign),
    Check("budget", "the judge's budget is not used up", check_budget),
    Check("judge-refusals", "no judge refuses for good", check_refusals),
)
