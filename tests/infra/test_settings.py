"""Deploy settings: what is accepted, and what is said about the rest."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from itertools import pairwise
from pathlib import Path

import pytest
from pydantic import ValidationError

from inference_monitor.config.model_checks import Findings
from inference_monitor.config.models import DEFAULT_JUDGE, model_table
from stacks import config_files, rules
from stacks.names import MAX_PREFIX_LENGTH, Names
from stacks.settings import DeploySettings, InvalidSettingsError
from tests.infra.conftest import CAPTURES, REPOSITORY, settings

KEY_ARN = "arn:aws:kms:us-east-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab"
PROFILE_ARN = "arn:aws:bedrock:us-east-1:111122223333:application-inference-profile/a1b2"
ACCEPTED: Mapping[str, Sequence[object]] = {
    "stack_prefix": ["dev", "d", "Team-1", "9" * MAX_PREFIX_LENGTH],
    "mlflow_tracking_uri": [
        "arn:aws:sagemaker:us-east-1:111122223333:mlflow-app/app-ABC123DEF456",
        "arn:aws:sagemaker:eu-west-1:111122223333:mlflow-tracking-server/my-server",
        "arn:aws-us-gov:sagemaker:us-gov-west-1:111122223333:mlflow-tracking-server/a",
    ],
    "sagemaker_endpoint_name": ["a", "my-endpoint-2", "A" * 63],
    "data_capture_s3_bucket": ["abc", "my.bucket-1", "a" * 63],
    "data_capture_s3_prefix": ["captures", "team/captures", "team/captures/", "a_b/c.d/e=1"],
    "bedrock_model_id": [
        "bedrock:/anthropic.claude-3-5-sonnet-20240620-v1:0",
        "bedrock:/amazon.nova-pro-v1:0:300k",
        "bedrock:/global.anthropic.claude-sonnet-4-6",
        "bedrock:/us-gov.anthropic.claude-sonnet-4-5-20250929-v1:0",
        "bedrock:/arn:aws:bedrock:us-east-1:111122223333:application-inference-profile/a1b2",
        "bedrock:/arn:aws:bedrock:us-east-1:111122223333:provisioned-model/a1b2",
        "bedrock:/arn:aws:bedrock:us-east-1:111122223333:custom-model/amazon.nova-lite-v1:0/x1",
        "bedrock:/arn:aws:bedrock:us-east-1::foundation-model/amazon.nova-pro-v1:0",
    ],
    "mlflow_artifact_s3_uri": ["s3://bucket", "s3://bucket/some/folder"],
    "data_capture_kms_key_arn": [KEY_ARN, "arn:aws:kms:us-east-1:111122223333:key/mrk-12ab34"],
    "alarm_email": ["team@example.com"],
    "redaction": ["off", "patterns"],
    "mlflow_trace_store": ["auto", "spans", "artifacts"],
    "log_retention_days": [1, "30", 3653],
    "judge_budget_usd_per_day": [0.01, "5", 1000],
    "judge_budget_usd_per_run": [0.01],
    "judge_requests_per_minute": [0.5, "600"],
    "judge_tokens_per_minute": [1, 2_000_000],
    "judge_prices": ["*my-profile*=3/15", "a=1/2, b = 0.06/0.24,", f"{PROFILE_ARN}=3/15"],
}
REFUSED: Mapping[str, Sequence[object]] = {
    "stack_prefix": ["", "-dev", "dev-", "dev_1", "a b", "9" * (MAX_PREFIX_LENGTH + 1)],
    "mlflow_tracking_uri": [
        "https://mlflow.example.com",
        "arn:aws:sagemaker:us-east-1:111122223333:endpoint/my-endpoint",
        "arn:aws:sagemaker:us-east-1:1111:mlflow-app/app-ABC123DEF456",
        "arn:aws:sagemaker:us-east-1:111122223333:mlflow-app/*",
        "arn:aws-cn:sagemaker:cn-north-1:111122223333:mlflow-tracking-server/a",
        "arn:aws-iso:sagemaker:us-iso-east-1:111122223333:mlflow-app/app-ABC123DEF456",
    ],
    "sagemaker_endpoint_name": ["-a", "a_b", "A" * 64, "a\nb"],
    "data_capture_s3_bucket": [
        "ab",
        "My-Bucket",
        "a..b",
        "a.-b",
        "192.168.0.1",
        "xn--bucket",
        "bucket-s3alias",
        "bucket--x-s3",
        "s3://bucket",
        "arn:aws:s3:::bucket",
        "a" * 64,
    ],
    "data_capture_s3_prefix": ["/a", "s3://bucket/a", "a//b", "a*", "a?b", "a\\b", "${aws:x}", "/"],
    "bedrock_model_id": [
        "anthropic.claude-3-5-sonnet-20240620-v1:0",
        "bedrock:/",
        "bedrock:/claude",
        "bedrock:/anthropic.claude*",
        "bedrock:/arn:aws:bedrock:us-east-1:111122223333:agent/a1b2",
        "openai:/gpt-5",
    ],
    "mlflow_artifact_s3_uri": ["bucket", "s3://B", "s3://bucket//a"],
    "data_capture_kms_key_arn": ["alias/key", "arn:aws:kms:us-east-1:111122223333:alias/key"],
    "alarm_email": ["team"],
    "log_retention_days": [0, 8, "a week"],
    "lambda_timeout_seconds": [901, 0],
    "lambda_memory_mb": [512, 10241],
    "batch_max_bytes": [262_145, 0],
    "judge_concurrency": [0, 201],
    "judge_budget_usd_per_day": [0, -5, "much", "unlimited", "inf", "nan"],
    "judge_budget_usd_per_run": [0, "unlimited"],
    "judge_requests_per_minute": [0, -1, "inf"],
    "judge_tokens_per_minute": [0, "many"],
    "judge_prices": ["3/15", "my-profile=3", "my-profile=3/x", "a=1/2; b=1/2", "a=-1/2"],
    "mlflow_trace_store": ["", "Auto", "database"],
    "redaction": ["on", "Patterns", "", "presidio"],
    "tolerated_failure_percentage": [-1, 101],
}


def cases(table: Mapping[str, Sequence[object]]) -> list[tuple[str, object]]:
    """One case for every value of the table."""
    return [(name, value) for name, values in table.items() for value in values]


@pytest.mark.parametrize(("name", "value"), cases(ACCEPTED))
def test_accepted(name: str, value: object) -> None:
    """What AWS accepts as a name, ARN or prefix is accepted."""
    assert getattr(settings(**{name: value}), name) is not None


@pytest.mark.parametrize(("name", "value"), cases(REFUSED))
def test_refused(name: str, value: object) -> None:
    """What AWS would refuse, or what would widen a permission, stops here, under its own name."""
    with pytest.raises(ValidationError) as caught:
        settings(**{name: value})
    told = [e["loc"] for e in caught.value.errors() if e["type"] != "default_factory_not_called"]
    assert told == [(name,)]


def test_the_experiment_defaults_to_the_endpoint() -> None:
    """Who names none gets the endpoint's name, and the default judge; captures are looked up."""
    defaults = settings(sagemaker_endpoint_name="other")
    assert all(DeploySettings.model_fields[name].default is None for name in CAPTURES)
    assert defaults.mlflow_experiment_name == "other"
    assert defaults.bedrock_model_id == DEFAULT_JUDGE


def test_judging_costs_at_most_ten_dollars_a_day_unless_it_is_said_otherwise() -> None:
    """There is a cap by default, and none where that is said."""
    assert (settings().caps.per_day, settings().caps.per_run) == (10, None)
    unlimited = settings(judge_budget_usd_per_day="none", judge_budget_usd_per_run="none")
    assert (unlimited.caps.per_day, unlimited.caps.per_run) == (None, None)


@pytest.mark.parametrize("said", ["0", "unlimited", "-5"])
def test_what_could_mean_anything_is_no_cap(said: str, tmp_path: Path) -> None:
    """One line names the setting, what it may be, and an example."""
    (tmp_path / ".env").write_text((REPOSITORY / ".env.example").read_text())
    run = run_app(tmp_path, JUDGE_BUDGET_USD_PER_DAY=said)
    assert run.returncode == 1
    (told,) = problems(run)
    assert told == (
        f"JUDGE_BUDGET_USD_PER_DAY: {said!r} is neither an amount of USD above 0 nor `none` for no"
        " cap; for example JUDGE_BUDGET_USD_PER_DAY=10"
    )


def test_a_trailing_slash_of_the_prefix_is_dropped() -> None:
    """`captures/` and `captures` mean the same folder."""
    assert settings(data_capture_s3_prefix="captures/").data_capture_s3_prefix == "captures"


def test_an_empty_variable_is_a_missing_one(monkeypatch: pytest.MonkeyPatch) -> None:
    """`ALARM_EMAIL=` in the environment is as if it were not there."""
    monkeypatch.setenv("ALARM_EMAIL", "")
    assert settings().alarm_email is None


def test_the_longest_prefix_still_makes_legal_names() -> None:
    """Role, function and rule names are at most 64 characters long, state machine names 80."""
    names = Names("9" * MAX_PREFIX_LENGTH)
    assert max(len(names.role), len(names.function), len(names.rule)) == 64
    assert len(names.state_machine) <= 80


def test_the_names_are_the_documented_ones() -> None:
    """Names, once deployed, are relied on: they do not change."""
    names = Names("dev")
    assert names.stack == "SageMakerInferenceMonitoringStack-dev"
    assert names.role == "sagemaker-data-capture-processing-dev"
    assert names.function == "sagemaker-data-capture-processor-dev"
    assert names.state_machine == "sagemaker-data-capture-monitoring-dev"
    assert names.rule == "sagemaker-s3-event-rule-dev"
    assert names.log_group == "/aws/vendedlogs/states/sagemaker-monitoring-dev"


def run_app(folder: Path, **variables: str) -> subprocess.CompletedProcess[str]:
    """Run the app as the CDK CLI does, in a folder of its own with this environment."""
    system = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
    return subprocess.run(
        [sys.executable, str(REPOSITORY / "app.py")],
        cwd=folder,
        env=system | variables,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def problems(run: subprocess.CompletedProcess[str]) -> list[str]:
    """The lines of the app; jsii's box about an old Node is not one of them."""
    return [line for line in run.stderr.splitlines() if not line.startswith("b'!!")]


def test_every_problem_is_one_line_with_an_example(tmp_path: Path) -> None:
    """All problems are told at once, without a traceback, and nothing is synthesized."""
    (tmp_path / ".env").write_text("DATA_CAPTURE_S3_BUCKET=My_Bucket\nLOG_RETENTION_DAYS=8\n")
    run = run_app(tmp_path, SAGEMAKER_ENDPOINT_NAME="a b", MAP_MAX_CONCURRENCY="many")
    assert run.returncode == 1
    told = problems(run)
    assert [line.partition(":")[0] for line in told] == [
        "STACK_PREFIX",
        "MLFLOW_TRACKING_URI",
        "SAGEMAKER_ENDPOINT_NAME",
        "DATA_CAPTURE_S3_BUCKET",
        "MAP_MAX_CONCURRENCY",
        "LOG_RETENTION_DAYS",
    ]
    assert all("; for example " in line for line in told)
    assert told[0] == "STACK_PREFIX: is missing; for example STACK_PREFIX=dev"
    assert "'My_Bucket' is not an S3 bucket name" in told[3]
    assert list(tmp_path.iterdir()) == [tmp_path / ".env"]


def test_a_misspelt_setting_stops_the_synthesis(tmp_path: Path) -> None:
    """Each is a line with the name that was meant, beside the other problems; no traceback."""
    example = (REPOSITORY / ".env.example").read_text()
    (tmp_path / ".env").write_text(f"{example}JUDGE_BUDGET_USD_PER_DY=5\nOPENAI_API_KEY=x\n")
    run = run_app(tmp_path, REDACTOIN="patterns", LOG_RETENTION_DAYS="8")
    assert run.returncode == 1
    *misspelt, invalid = problems(run)
    assert misspelt == [
        (
            "JUDGE_BUDGET_USD_PER_DY in .env: there is no such setting;"
            " did you mean JUDGE_BUDGET_USD_PER_DAY?"
        ),
        "REDACTOIN in the environment: there is no such setting; did you mean REDACTION?",
    ]
    assert invalid.startswith("LOG_RETENTION_DAYS: ")
    assert list(tmp_path.iterdir()) == [tmp_path / ".env"]


@pytest.mark.parametrize("encoding", ["utf-16", "latin-1"])
def test_an_unreadable_env_file_stops_the_synthesis(tmp_path: Path, encoding: str) -> None:
    """One line says what is wrong with the file; no traceback."""
    text = (REPOSITORY / ".env.example").read_text() + "ALARM_EMAIL=tür@example.com\n"
    (tmp_path / ".env").write_bytes(text.encode(encoding))
    run = run_app(tmp_path)
    assert run.returncode == 1
    (told,) = problems(run)
    assert told.startswith(".env: is ")
    assert "save it as UTF-8" in told


def test_a_partition_without_managed_mlflow_is_refused_with_its_reason() -> None:
    """The plugin that signs knows two partitions; the line says which."""
    with pytest.raises(ValidationError, match="it knows aws and aws-us-gov only"):
        settings(
            mlflow_tracking_uri="arn:aws-cn:sagemaker:cn-north-1:111122223333:mlflow-app/app-A"
        )


@pytest.mark.parametrize(
    ("budget", "told"),
    [
        ({}, "at most 10 USD a day, released hour by hour (UTC)"),
        ({"JUDGE_BUDGET_USD_PER_DAY": "none"}, "no cap"),
    ],
)
def test_the_synthesis_says_what_judging_may_cost(
    budget: Mapping[str, str], told: str, tmp_path: Path
) -> None:
    """The cap that is in force, and that there is none, are on stderr."""
    (tmp_path / ".env").write_text((REPOSITORY / ".env.example").read_text())
    run = run_app(tmp_path, **budget)
    assert f"What judging may cost: {told}" in problems(run)


def test_a_dead_judge_stops_the_synthesis(tmp_path: Path) -> None:
    """One line names the judge, the day of its end and living ones; nothing is synthesized."""
    (tmp_path / ".env").write_text((REPOSITORY / ".env.example").read_text())
    dead = "bedrock:/us.anthropic.claude-3-7-sonnet-20250219-v1:0"
    run = run_app(tmp_path, BEDROCK_MODEL_ID=dead)
    assert run.returncode == 1
    (told,) = problems(run)
    assert told.startswith(f"BEDROCK_MODEL_ID: {dead} reached its end of life on 2026-04-28 and ")
    assert DEFAULT_JUDGE in told
    assert list(tmp_path.iterdir()) == [tmp_path / ".env"]


def test_warnings_are_told_beside_what_prevents_the_deployment(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A judge at its end of life does not hide that the price of another one is unknown."""
    monkeypatch.setattr(DeploySettings, "load", settings)
    monkeypatch.setattr(
        config_files, "check", lambda *_: Findings(problems=["it is dead"], warnings=["no price"])
    )
    told: list[str] = []
    with pytest.raises(config_files.InvalidInputError, match=r"^it is dead$"):
        config_files.load(told.append)
    assert told == ["no price"]


def test_an_unknown_judge_is_synthesized_with_warnings(tmp_path: Path) -> None:
    """An opaque profile is named as unknown; a budget tells what price it assumes of it."""
    (tmp_path / ".env").write_text((REPOSITORY / ".env.example").read_text())
    judge = f"bedrock:/{PROFILE_ARN}"
    run = run_app(tmp_path, JUDGE_BUDGET_USD_PER_DAY="5", BEDROCK_MODEL_ID=judge)
    assert run.returncode == 0
    unknown, unpriced = (line for line in problems(run) if line.startswith("warning: "))
    assert unknown.startswith(f"warning: BEDROCK_MODEL_ID: {judge} is not in models.yaml")
    assert unpriced.startswith(f"warning: JUDGE_BUDGET_USD_PER_DAY: the price of {judge} is not ")
    assert f"JUDGE_PRICES={PROFILE_ARN}=3/15" in unpriced


def test_a_price_of_ones_own_is_no_assumption() -> None:
    """With a price for the judge, or without a budget, nothing is assumed and nothing told."""
    settled = settings(
        bedrock_model_id=f"bedrock:/{PROFILE_ARN}",
        judge_budget_usd_per_run=5,
        judge_prices=f"{PROFILE_ARN}=3/15",
    )
    config, table = config_files.load_scorers_file(), model_table()
    (unknown,) = config_files.check(settled, config, table).warnings
    assert "is not in models.yaml" in unknown
    no_cap = {"judge_budget_usd_per_day": None, "judge_budget_usd_per_run": None}
    without = settled.model_copy(update={**no_cap, "judge_prices": None})
    assert config_files.check(without, config, table).warnings == [unknown]


def test_every_example_is_valid() -> None:
    """The example shown with a problem would itself be accepted."""
    fields = DeploySettings.model_fields
    examples = {name: (field.examples or [None])[0] for name, field in fields.items()}
    assert None not in examples.values()
    DeploySettings(_env_file=None, **examples)


def described(text: str) -> dict[str, str]:
    """Variables of an env file, commented out or not, with the line above each."""
    lines = text.splitlines()
    return {
        line.removeprefix("# ").partition("=")[0]: above
        for above, line in pairwise(lines)
        if line.removeprefix("# ").partition("=")[0].isupper() and "=" in line
    }


def test_the_example_file_describes_every_setting() -> None:
    """`.env.example` has every setting, each below a line of explanation."""
    found = described((REPOSITORY / ".env.example").read_text())
    assert set(found) == {name.upper() for name in DeploySettings.model_fields}
    assert all(above.startswith("# ") and above.endswith(".") for above in found.values())


def test_the_example_file_is_a_valid_env_file(tmp_path: Path) -> None:
    """Copied as it is, and with every optional line switched on, the example can be synthesized."""
    text = (REPOSITORY / ".env.example").read_text()
    names = described(text)
    switched_on = "\n".join(
        line.removeprefix("# ") if line.removeprefix("# ").partition("=")[0] in names else line
        for line in text.splitlines()
    )
    for content in (text, switched_on):
        (tmp_path / ".env").write_text(content)
        loaded = DeploySettings(_env_file=tmp_path / ".env")
        assert loaded.stack_prefix == "dev"
    assert loaded.lambda_reserved_concurrency == 20


def test_commented_values_of_the_example_file_are_the_defaults() -> None:
    """Where a setting has a default that is a value, the example shows that value."""
    defaults = settings(
        sagemaker_endpoint_name="my-llm-endpoint", **dict.fromkeys(CAPTURES)
    ).model_dump()
    text = (REPOSITORY / ".env.example").read_text()
    shown = dict(
        line.removeprefix("# ").split("=", 1)
        for line in text.splitlines()
        if line.startswith("# ") and line[2:].partition("=")[0].isupper() and "=" in line
    )
    said = {n: f"{v:g}" if isinstance(v, float) else str(v) for n, v in defaults.items()}
    differing = {n for n, v in shown.items() if said[n.lower()] != v}
    assert {defaults[name.lower()] for name in differing} == {None}


def test_problems_are_raised_as_one_error(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """`load` says all problems in one exception, a line each."""
    monkeypatch.chdir(tmp_path)
    with pytest.raises(InvalidSettingsError) as caught:
        DeploySettings.load()
    assert len(str(caught.value).splitlines()) == 3


def test_redaction_by_presidio_needs_it_in_the_image(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """A function that could not start is not deployed; the line says what to install."""
    with pytest.raises(ValidationError, match=r"presidio-analyzer is not in req.*`make lock`"):
        settings(redaction="presidio")
    locked = tmp_path / "requirements.txt"
    locked.write_text("presidio-analyzer==2.2.366 \\\n")
    monkeypatch.setattr(rules, "_REQUIREMENTS", locked)
    assert settings(redaction="presidio").redaction == "presidio"
