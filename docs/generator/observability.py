"""The page of metrics and alarms: names of the code, and the alarms of a synthesized stack."""

from __future__ import annotations

import json
from typing import Any

import app
from docs.generator.markdown import code, page, table
from docs.generator.source import ROOT
from inference_monitor.metric_names import NAMESPACE, SERVICE
from stacks.config_files import Deployable, load_scorers_file
from stacks.settings import DeploySettings

_EXAMPLE = {
    "stack_prefix": "dev",
    "mlflow_tracking_uri": "arn:aws:sagemaker:us-east-1:111122223333:mlflow-app/app-ABC123DEF456",
    "sagemaker_endpoint_name": "my-llm-endpoint",
    "data_capture_s3_bucket": "my-data-capture-bucket",
    "data_capture_s3_prefix": "my-llm-endpoint",
}
MEANINGS = {
    "Captured": "lines of capture files, without those counted as `Foreign`",
    "Traced": "inferences written to MLflow",
    "Duplicate": "lines whose inference was written by an earlier delivery",
    "Skipped": "lines that hold no inference, or belong to another endpoint",
    "Quarantined": "lines that could not be read or written; each is kept with its reason",
    "Scored": "inferences with at least one judged assessment",
    "Unscored": "all other inferences",
    "Foreign": "lines in files of other endpoints, which were skipped",
    "Unaccounted": "lines in batches that failed for good: neither traced nor quarantined",
    "EmptyAnswers": "answers of LLMs that took tokens and have no text and no tool call",
    "BudgetExhausted": "inferences that were not judged in full, because the budget had no room",
    "JudgeUnavailable": "inferences whose judge did not answer, after all retries",
    "JudgeRefused": "inferences whose judge refuses for good: end of life, no access, other Region",
    "JudgeDeclined": "inferences whose content the judge would not judge",
    "JudgeUnreadable": "judge calls whose answer held no verdict",
    "JudgeCalls": "judge calls that were answered or refused; retries count as one",
    "JudgeInputTokens": "input tokens of judge calls",
    "JudgeOutputTokens": "output tokens of judge calls",
    "JudgeCostUsd": "price of judge calls, as far as prices are known",
    "Silent": "1 in an hour in which the endpoint was invoked and no capture arrived",
}
_COMPARISONS = {
    "GreaterThanThreshold": "above",
    "GreaterThanOrEqualToThreshold": "at least",
    "LessThanThreshold": "below",
    "LessThanOrEqualToThreshold": "at most",
}


def observability_page() -> str:
    """The metrics that the function sends, and the alarms of a deployment."""
    return page(
        "Metrics and alarms",
        "the metrics of the function and the synthesized stack",
        "## Metrics",
        f"Namespace {code(NAMESPACE)}. Each metric is sent twice: with the dimensions `service` "
        f"({code(SERVICE)}) and `endpoint`, and with `service` and `deployment`, the "
        "`STACK_PREFIX`.",
        table(("metric", "meaning"), ((code(name), text) for name, text in MEANINGS.items())),
        "## Alarms",
        "Alarm names begin with `sagemaker-inference-monitoring-` and the `STACK_PREFIX`. With "
        "`ALARM_EMAIL` they are sent by mail; without it they only change their state.",
        table(("alarm", "rings when", "description"), [_alarm(one) for one in alarms()]),
    )


def alarms() -> list[dict[str, Any]]:
    """The properties of every alarm of a stack with example settings, by name."""
    context = json.loads((ROOT / "cdk.json").read_text(encoding="utf-8"))["context"]
    settings = DeploySettings(_env_file=None, **_EXAMPLE)  # type: ignore[arg-type]
    deployable = Deployable(settings, load_scorers_file())
    template = app.build_app(deployable, context).synth().stacks[0].template
    found = [
        resource["Properties"]
        for resource in template["Resources"].values()
        if resource["Type"] == "AWS::CloudWatch::Alarm"
    ]
    return sorted(found, key=lambda alarm: str(alarm["AlarmName"]))


def _alarm(alarm: dict[str, Any]) -> tuple[str, str, str]:
    name = str(alarm["AlarmName"]).removeprefix("sagemaker-inference-monitoring-dev-")
    comparison = _COMPARISONS[alarm["ComparisonOperator"]]
    metrics = [alarm, *(one.get("MetricStat", {}).get("Metric", {}) for one in _metrics(alarm))]
    watched = " / ".join(code(one["MetricName"]) for one in metrics if "MetricName" in one)
    times = alarm["EvaluationPeriods"]
    periods = f", {times} periods in a row" if times > 1 else ""
    rings = f"{watched} {comparison} {alarm['Threshold']:g}{periods}"
    return code(name), rings, str(alarm.get("AlarmDescription", ""))


def _metrics(alarm: dict[str, Any]) -> list[dict[str, Any]]:
    listed: list[dict[str, Any]] = alarm.get("Metrics", [])
    return listed
