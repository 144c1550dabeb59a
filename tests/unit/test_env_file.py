"""Names in `.env` and the environment that are no setting, and files that cannot be read."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest

from inference_monitor.env_file import UnreadableEnvFileError, check_names
from inference_monitor_cli.deploy_settings import DEPLOYMENT_ONLY, DeploySettings
from inference_monitor_cli.problems import CommandError

SETTINGS = [*DEPLOYMENT_ONLY, *(name.upper() for name in DeploySettings.model_fields)]


@pytest.fixture
def env_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where the working directory's `.env` is to be."""
    monkeypatch.chdir(tmp_path)
    return tmp_path / ".env"


def meant(text: str, path: Path, environment: Mapping[str, str] | None = None) -> list[str]:
    """The settings that are suggested for this file and environment."""
    path.write_text(text)
    problems = check_names(SETTINGS, environment or {}, path)
    return [problem.rpartition("did you mean ")[2].rstrip("?") for problem in problems]


@pytest.mark.parametrize(
    ("name", "setting"),
    [
        ("JUDGE_BUDGET_USD_PER_DY", "JUDGE_BUDGET_USD_PER_DAY"),
        ("JUDGE_BUGDET_USD_PER_DAY", "JUDGE_BUDGET_USD_PER_DAY"),
        ("JUDGE_BUDGET_USD", "JUDGE_BUDGET_USD_PER_DAY"),
        ("judge-budget", "JUDGE_BUDGET_USD_PER_DAY"),
        ("REDACT", "REDACTION"),
        ("MONITOR_REDACTION", "REDACTION"),
        ("REDACTION_MODE", "REDACTION"),
        ("BEDROCK_MODEL", "BEDROCK_MODEL_ID"),
        ("ENDPOINT_NAME", "SAGEMAKER_ENDPOINT_NAME"),
        ("DATA_CAPTURE_BUCKET", "DATA_CAPTURE_S3_BUCKET"),
        ("LAMBDA_TIMEOUT", "LAMBDA_TIMEOUT_SECONDS"),
        ("MLFLOW_EXPERIMENT", "MLFLOW_EXPERIMENT_NAME"),
        ("export ALARM_MAIL", "ALARM_EMAIL"),
        ("STACKPREFIX", "STACK_PREFIX"),
    ],
)
def test_a_name_like_a_setting_is_not_ignored(name: str, setting: str, env_file: Path) -> None:
    """Letters exchanged or left out, words left out or added: what was meant is said."""
    assert meant(f"{name}=x\n", env_file) == [setting]


@pytest.mark.parametrize(
    "name",
    [
        "AWS_PROFILE",
        "CDK_DEFAULT_REGION",
        "DATABASE_URL",
        "EMAIL_HOST",
        "LAMBDA_TASK_ROOT",
        "LOG_LEVEL",
        "MLFLOW_EXPERIMENT_ID",
        "MLFLOW_TRACKING_USERNAME",
        "MODEL_ID",
        "OPENAI_API_KEY",
        "SAGEMAKER_ROLE_ARN",
        "bedrock_model_id",
        *SETTINGS,
    ],
)
def test_other_names_are_let_be(name: str, env_file: Path) -> None:
    """What belongs to others, and the settings themselves in whatever case, in both places."""
    assert meant(f"{name}=x\n", env_file) == []
    assert meant("", env_file, {name: "x"}) == []


def test_in_the_environment_only_slips_are_taken_for_settings(env_file: Path) -> None:
    """It is full of others' variables: words left out, numbers added and twins mean nothing."""
    assert meant("", env_file, {"REDACTON": "patterns"}) == ["REDACTION"]
    others = {"BEDROCK_MODEL": "x", "BEDROCK_MODEL_ID_2": "x", "ENDPOINT_NAME": "x"}
    assert meant("", env_file, others) == []
    assert meant("STACK_PREFIX=dev\n", env_file, {"SLACK_PREFIX": "x"}) == []
    assert meant("", env_file, {"STACK_PREFIX": "dev", "SLACK_PREFIX": "x"}) == []


@pytest.mark.parametrize(
    ("content", "told"),
    [
        ("A=ü\n".encode("utf-16"), "is UTF-16"),
        ("A=ü\n".encode("utf-16-le"), "holds NUL"),
        ("A=1\nB=ü\n".encode("latin-1"), "is not UTF-8 in line 2"),
        (b"A=1\nB=\0\n", "holds NUL"),
        (b"A=1\nREDACTION: patterns\n", "line 2 is not of the form NAME=value"),
        (b"REDACTION\n", "line 1 is not of the form NAME=value"),
    ],
)
def test_an_unreadable_file_is_one_line(content: bytes, told: str, env_file: Path) -> None:
    """Encodings that are not UTF-8, and lines that would be left out, are said with the file."""
    env_file.write_bytes(content)
    with pytest.raises(UnreadableEnvFileError, match=told) as caught:
        check_names(SETTINGS, {}, env_file)
    assert str(env_file) in str(caught.value)
    with pytest.raises(CommandError, match=told):
        DeploySettings.load()


def test_no_file_and_a_byte_order_mark_are_fine(env_file: Path) -> None:
    """There need not be a file; what Windows writes before UTF-8 belongs to no name."""
    assert check_names(SETTINGS, {}, env_file) == []
    env_file.write_bytes("REDACTION=patterns\r\n".encode("utf-8-sig"))
    assert check_names(SETTINGS, {}, env_file) == []
    assert DeploySettings.load().redaction == "patterns"


def test_the_command_stops_at_a_misspelt_setting(env_file: Path) -> None:
    """It says the same as the deployment does."""
    env_file.write_text("REDACT=patterns\n")
    with pytest.raises(CommandError, match=r"^REDACT in \.env: .* did you mean REDACTION\?$"):
        DeploySettings.load()
