"""Hourly: is an endpoint invoked while nothing of it arrives? The answer is a metric, 1 or 0.

Runs in AWS Lambda as inline code (at most 4,096 characters), with nothing but boto3 beside it.
An alarm cannot tell this: it would have to search for the metrics of all variants, and to know how
many of the inferences are captured at all.
"""

import json
import os
import time
from datetime import UTC, datetime, timedelta
from typing import Any

import boto3
from botocore.exceptions import ClientError

HOUR = timedelta(hours=1)
BY_CHANCE = 0.001
"""A sample that is so likely to be empty is not taken for silence."""


def handler(_event: Any, _context: Any) -> None:
    """Log the metric `Silent` of this deployment, in CloudWatch's embedded format."""
    endpoint, percent = os.environ["ENDPOINT_NAME"], 100.0
    invoked, captured = counts(boto3.client("cloudwatch"), endpoint, int(os.environ["HOURS"]))
    if silent := invoked > 0 and not captured:
        percent = sampled(boto3.client("sagemaker"), endpoint)
        silent = not percent or (1 - percent / 100) ** invoked < BY_CHANCE
    same = {"Namespace": os.environ["NAMESPACE"], "Dimensions": [list(dimensions())]}
    sent = [{**same, "Metrics": [{"Name": "Silent", "Unit": "Count"}]}]
    aws = {"Timestamp": int(time.time() * 1000), "CloudWatchMetrics": sent}
    seen = {"invocations": invoked, "captured": captured, "percent_captured": percent}
    print(json.dumps({"_aws": aws, **dimensions(), **seen, "Silent": int(silent)}))  # noqa: T201


def counts(cloudwatch: Any, endpoint: str, hours: int) -> tuple[float, float]:
    """Invocations in so many full hours, and what was captured since these began.

    The last full hour is left out: its files may be under way. Hours before the first look, when
    nobody would have counted a capture, have no invocations.
    """
    now = datetime.fromtimestamp(time.time(), UTC)
    end = now.replace(minute=0, second=0, microsecond=0) - HOUR
    start = end - hours * HOUR
    search = (
        "SEARCH('{AWS/SageMaker,EndpointName,VariantName} "
        f'MetricName="Invocations" EndpointName="{endpoint}"\', \'Sum\', 3600)'
    )
    queries: list[dict[str, Any]] = [
        {"Id": "invoked", "Expression": search},
        {"Id": "captured", "MetricStat": own("Captured", "Sum")},
        {"Id": "looks", "MetricStat": own("Silent", "SampleCount")},
    ]
    answer = cloudwatch.get_metric_data(
        StartTime=start - HOUR, EndTime=now, MetricDataQueries=queries
    )
    at: dict[str, list[tuple[datetime, float]]] = {query["Id"]: [] for query in queries}
    for series in answer["MetricDataResults"]:
        at[series["Id"]] += zip(series["Timestamps"], series["Values"], strict=True)
    watched = any(hour < start + HOUR for hour, _ in at["looks"])
    invoked = sum(count for hour, count in at["invoked"] if watched and start <= hour < end)
    return invoked, sum(count for hour, count in at["captured"] if hour >= start)


def own(name: str, statistic: str) -> dict[str, Any]:
    """A metric of this deployment, by the hour."""
    named = [{"Name": name, "Value": value} for name, value in dimensions().items()]
    metric = {"Namespace": os.environ["NAMESPACE"], "MetricName": name, "Dimensions": named}
    return {"Metric": metric, "Period": 3600, "Stat": statistic}


def dimensions() -> dict[str, str]:
    """Those that the processor's metrics have."""
    return {"service": os.environ["SERVICE"], "deployment": os.environ["DEPLOYMENT"]}


def sampled(sagemaker: Any, endpoint: str) -> float:
    """How many percent of the inferences are captured; 100 for an endpoint that is gone."""
    try:
        capture = sagemaker.describe_endpoint(EndpointName=endpoint).get("DataCaptureConfig", {})
    except ClientError as error:
        if error.response["Error"]["Code"] != "ValidationException":
            raise
        return 100.0
    on = capture.get("EnableCapture") and capture.get("CaptureStatus") != "Stopped"
    return float(capture["CurrentSamplingPercentage"]) if on else 0.0
