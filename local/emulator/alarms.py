"""Alarms over metric math, which CloudWatch has and ministack's CloudFormation refuses.

They are kept as alarms over a metric that nobody writes: deployed and described, never evaluated.
"""

from __future__ import annotations

from typing import Any

from ministack.services.cloudformation import provisioners

_alarm_record = provisioners._cw_metric_alarm_record


def alarm_record(name: str, props: dict[str, Any]) -> Any:
    """Make the record of an alarm; one over an expression gets a metric of its own name."""
    if props.get("Metrics"):
        told = {key: value for key, value in props.items() if key != "Metrics"}
        props = {**told, "Namespace": "MetricMath", "MetricName": name}
    return _alarm_record(name, props)
