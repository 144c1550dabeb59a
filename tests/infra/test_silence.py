"""The hourly look whether captures of an invoked endpoint stay away."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from botocore.exceptions import ClientError
from botocore.session import get_session
from botocore.validate import validate_parameters

from inference_monitor import metric_names
from stacks.runtime import watch_silence
from stacks.silence import WATCH
from tests.infra.conftest import Synthesize
from tests.infra.deployed import Deployed

HOURS = 6
NOW = datetime(2026, 3, 2, 15, 40, tzinfo=UTC)
CAPTURING = {"EnableCapture": True, "CaptureStatus": "Started", "CurrentSamplingPercentage": 100}


class Aws:
    """CloudWatch and SageMaker: counts by hours ago, and what the endpoint captures."""

    def __init__(self) -> None:
        self.series: list[tuple[str, Mapping[int, float]]] = [("looks", {8: 1})]
        self.capture: dict[str, Any] | None = CAPTURING
        self.error: str | None = None
        self.asked: dict[str, Any] = {}

    def get_metric_data(self, **request: Any) -> dict[str, Any]:
        """As boto3 answers; a search gives a series for each variant."""
        model = get_session().get_service_model("cloudwatch").operation_model("GetMetricData")
        assert model.input_shape
        validate_parameters(request, model.input_shape)
        self.asked = request
        hour = NOW.replace(minute=0)
        return {
            "MetricDataResults": [
                {
                    "Id": name,
                    "Timestamps": [hour - timedelta(hours=ago) for ago in counts],
                    "Values": list(counts.values()),
                }
                for name, counts in self.series
            ]
        }

    def describe_endpoint(self, EndpointName: str) -> dict[str, Any]:  # noqa: N803  # boto3's name
        """As boto3 answers, or fails."""
        assert EndpointName == "My-Endpoint"
        if self.error:
            raise ClientError({"Error": {"Code": self.error}}, "DescribeEndpoint")
        return {"DataCaptureConfig": self.capture} if self.capture is not None else {}


@pytest.fixture
def aws(monkeypatch: pytest.MonkeyPatch) -> Aws:
    """The account, twenty to four in the afternoon."""
    aws = Aws()
    monkeypatch.setattr("boto3.client", lambda _: aws)
    monkeypatch.setattr("time.time", NOW.timestamp)
    for name, value in {
        "ENDPOINT_NAME": "My-Endpoint",
        "DEPLOYMENT": "dev",
        "HOURS": str(HOURS),
        "NAMESPACE": metric_names.NAMESPACE,
        "SERVICE": metric_names.SERVICE,
    }.items():
        monkeypatch.setenv(name, value)
    return aws


def look(aws: Aws, capsys: pytest.CaptureFixture[str], **counts: Mapping[int, float]) -> int:
    """Let the function look; gives the metric it logs."""
    aws.series += list(counts.items())
    watch_silence.handler({}, None)
    logged = json.loads(capsys.readouterr().out)
    (sent,) = logged["_aws"]["CloudWatchMetrics"]
    assert sent == {
        "Namespace": metric_names.NAMESPACE,
        "Dimensions": [["service", "deployment"]],
        "Metrics": [{"Name": metric_names.SILENT, "Unit": "Count"}],
    }
    assert (logged["service"], logged["deployment"]) == (metric_names.SERVICE, "dev")
    return int(logged[metric_names.SILENT])


def test_invocations_without_a_capture_are_silence(
    aws: Aws, capsys: pytest.CaptureFixture[str]
) -> None:
    """One invocation hours ago is enough where everything is captured."""
    assert look(aws, capsys, invoked={4: 1}) == 1
    invoked, captured, _ = aws.asked["MetricDataQueries"]
    assert "{AWS/SageMaker,EndpointName,VariantName}" in invoked["Expression"]
    assert 'EndpointName="My-Endpoint"' in invoked["Expression"]
    assert captured["MetricStat"]["Metric"]["MetricName"] == metric_names.CAPTURED


def test_every_variant_counts(aws: Aws, capsys: pytest.CaptureFixture[str]) -> None:
    """A search gives a series for each; the one with calls need not be the first."""
    aws.series += [("invoked", {4: 0}), ("invoked", {5: 9})]
    assert look(aws, capsys) == 1


@pytest.mark.parametrize(
    ("invoked", "captured"),
    [
        ({}, {}),
        ({4: 0}, {}),
        ({4: 100}, {7: 1}),
        ({4: 100}, {0: 1}),
        ({0: 100, 1: 100}, {}),
        ({8: 100}, {8: 100}),
    ],
)
def test_no_silence(
    aws: Aws,
    capsys: pytest.CaptureFixture[str],
    invoked: Mapping[int, float],
    captured: Mapping[int, float],
) -> None:
    """No invocations, a capture since, invocations that are too new, or before all that."""
    assert look(aws, capsys, invoked=invoked, captured=captured) == 0


def test_a_new_deployment_is_not_silent_for_what_was_before(
    aws: Aws, capsys: pytest.CaptureFixture[str]
) -> None:
    """Captures of hours in which nobody looked were counted by nobody."""
    aws.series = [("looks", {2: 1, 1: 1})]
    assert look(aws, capsys, invoked={6: 100, 5: 100}) == 0


@pytest.mark.parametrize(
    ("percent", "invocations", "silent"),
    [(20, 30, 0), (20, 40, 1), (1, 500, 0), (1, 800, 1), (100, 1, 1)],
)
def test_a_sample_may_be_empty_by_chance(
    aws: Aws,
    capsys: pytest.CaptureFixture[str],
    percent: int,
    invocations: int,
    silent: int,
) -> None:
    """With a share captured, it takes so many invocations that one should have been among it."""
    aws.capture = {**CAPTURING, "CurrentSamplingPercentage": percent}
    assert look(aws, capsys, invoked={4: invocations}) == silent


@pytest.mark.parametrize(
    "capture",
    [None, {**CAPTURING, "EnableCapture": False}, {**CAPTURING, "CaptureStatus": "Stopped"}],
)
def test_capture_that_is_off_is_silence(
    aws: Aws, capsys: pytest.CaptureFixture[str], capture: dict[str, Any] | None
) -> None:
    """However few invocations there are."""
    aws.capture = capture
    assert look(aws, capsys, invoked={4: 1}) == 1


def test_an_endpoint_that_is_gone_is_no_error(aws: Aws, capsys: pytest.CaptureFixture[str]) -> None:
    """What it was asked before it went still had to arrive; other errors are the function's."""
    aws.error = "ValidationException"
    assert look(aws, capsys, invoked={4: 1}) == 1
    aws.error = "AccessDeniedException"
    with pytest.raises(ClientError):
        watch_silence.handler({}, None)


def test_the_function_looks_every_hour(synthesize: Synthesize) -> None:
    """With the endpoint, the deployment and the hours of the settings; its code fits inline."""
    stack = synthesize(silence_alarm_hours=12, sagemaker_endpoint_name="My-Endpoint")
    ((name, function),) = (
        (name, f)
        for name, f in stack.of_type("AWS::Lambda::Function").items()
        if "HOURS" in f.get("Environment", {}).get("Variables", {})
    )
    variables = function["Environment"]["Variables"]
    assert (variables["HOURS"], variables["ENDPOINT_NAME"]) == ("12", "My-Endpoint")
    assert variables["DEPLOYMENT"] == "dev"
    (rule,) = (r for r in stack.of_type("AWS::Events::Rule").values() if "ScheduleExpression" in r)
    assert rule["ScheduleExpression"] == "rate(1 hour)"
    assert [target["Arn"] for target in rule["Targets"]] == [f"<{name}.Arn>"]
    assert stack.allowed("SilenceWatchRole", "sagemaker")["sagemaker:DescribeEndpoint"] == {
        "arn:aws:sagemaker:us-east-1:111122223333:endpoint/my-endpoint"
    }
    assert len(WATCH.read_text()) <= 4096


def test_silence_sets_off_an_alarm(deployed: Deployed) -> None:
    """It says where to look; and a look that fails sets off another."""
    alarms = deployed.of_type("AWS::CloudWatch::Alarm").values()
    (silent,) = (a for a in alarms if a.get("MetricName") == metric_names.SILENT)
    assert silent["Namespace"] == metric_names.NAMESPACE
    assert {d["Name"]: d["Value"] for d in silent["Dimensions"]} == {
        "service": metric_names.SERVICE, "deployment": "dev"
    }  # fmt: skip
    assert (silent["Period"], silent["EvaluationPeriods"], silent["Statistic"]) == (3600, 1, "Sum")
    for told in ("data capture is on", "DATA_CAPTURE_S3_PREFIX", "replay --from"):
        assert told in silent["AlarmDescription"]
    (unwatched,) = (a for a in alarms if a["AlarmName"].endswith("silence-unwatched"))
    assert unwatched["MetricName"] == "Errors"
