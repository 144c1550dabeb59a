"""`inference-monitor init`: the settings of an account, asked for only where there is a choice."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from dotenv import dotenv_values
from typer.testing import CliRunner

from inference_monitor.config.models import DEFAULT_JUDGE
from inference_monitor_cli.main import app
from tests.unit.emulated_account import APP, BUCKET, OTHER_APP, SERVER, Account, emulated, healthy

SHOP = ("--endpoint", "shop", "--mlflow", "shop-mlflow")
WRITTEN = {
    "STACK_PREFIX": "dev",
    "SAGEMAKER_ENDPOINT_NAME": "shop",
    "DATA_CAPTURE_S3_BUCKET": BUCKET,
    "DATA_CAPTURE_S3_PREFIX": "model-monitor/data-capture/shop",
    "MLFLOW_TRACKING_URI": APP,
    "MLFLOW_ARTIFACT_S3_URI": f"s3://{BUCKET}-artifacts/shop-mlflow",
    "BEDROCK_MODEL_ID": DEFAULT_JUDGE,
}

Run = Callable[..., Any]


@pytest.fixture
def account(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Account]:
    """Three endpoints, two MLflow Apps and a server; the working directory is empty."""
    monkeypatch.chdir(tmp_path)
    with emulated(monkeypatch) as account:
        healthy(account)
        yield account


@pytest.fixture
def run(account: Account) -> Run:  # noqa: ARG001  # stands in for AWS
    """Run the command, with what somebody types."""

    def run(*arguments: str, typed: str | None = None) -> Any:
        return CliRunner().invoke(app, ["init", *arguments], input=typed, env={"COLUMNS": "80"})

    return run


def env() -> dict[str, str | None]:
    """What `.env` says."""
    return dict(dotenv_values(".env"))


def test_typed_answers(run: Run) -> None:
    """Endpoint and MLflow are asked for, by number or name; nothing else is."""
    result = run(typed="shop\n2\n")
    assert result.exit_code == 0, result.output
    assert env() == {
        **WRITTEN,
        "MLFLOW_TRACKING_URI": OTHER_APP,
        "MLFLOW_ARTIFACT_S3_URI": f"s3://{BUCKET}-artifacts/lab-mlflow",
    }
    assert "1  lab\n     InService, captures 20 %, s3://captures-of-shop/model" in result.stderr
    assert "2  quiet\n     InService, capture off, nowhere" in result.stderr
    assert result.stderr.count("? Its number or name") == 2
    assert f"DATA_CAPTURE_S3_BUCKET={BUCKET}" in result.stdout
    assert "next: inference-monitor doctor" in result.stdout


def test_a_wrong_answer_is_asked_again(run: Run) -> None:
    """What is none of them, also a number too high, is not taken."""
    result = run("--mlflow", APP, typed="9\nshopp\n3\n")
    assert "'9' is none of them" in result.stderr
    assert "'shopp' is none of them" in result.stderr
    assert env() == WRITTEN


def test_scripts_name_what_is_to_be_chosen(run: Run) -> None:
    """With --yes a choice is refused with the option and the names; nothing is written."""
    result = run("--yes")
    assert (result.exit_code, result.stdout) == (2, "")
    assert "more than one endpoint: add --endpoint with one of lab, quiet, shop" in result.stderr
    result = run("--yes", "--endpoint", "shop")
    assert result.exit_code == 2
    assert f"more than one MLflow: add --mlflow with one of {APP}, {OTHER_APP}, {SERVER}" in (
        result.stderr
    )
    assert not Path(".env").exists()
    result = run("--yes", *SHOP)
    assert (result.exit_code, result.stderr) == (0, "")
    assert env() == WRITTEN


def test_only_one_is_no_choice(account: Account, run: Run) -> None:
    """With one endpoint and one MLflow nothing is asked."""
    for name in ("lab", "quiet"):
        del account.endpoints[name]
    del account.apps[OTHER_APP], account.servers["old-server"]
    assert run("--yes").exit_code == 0
    assert env() == WRITTEN


def test_what_is_written_can_be_deployed(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """The deployment takes the file as it is."""
    from stacks.settings import DeploySettings  # noqa: PLC0415  # needs the CDK

    run("--yes", *SHOP)
    for name in WRITTEN:
        monkeypatch.delenv(name, raising=False)
    settings = DeploySettings.load()
    assert settings.data_capture_s3_prefix == WRITTEN["DATA_CAPTURE_S3_PREFIX"]
    assert settings.mlflow_tracking_uri == APP


def test_settings_that_are_there_win(run: Run) -> None:
    """Values, comments and secrets stay, byte for byte; only what is missing is added."""
    before = "# mine\r\nexport STACK_PREFIX='prod' # x\r\nTOKEN=s3cret\r\nALARM_EMAIL=me@x.org"
    before += "\r\nDATA_CAPTURE_S3_BUCKET=other-bucket\r\n"
    Path(".env").write_bytes(before.encode())
    result = run("--yes", "--force", *SHOP)
    assert result.exit_code == 0, result.output
    assert Path(".env").read_bytes().startswith(before.encode().replace(
        b"DATA_CAPTURE_S3_BUCKET=other-bucket", f"DATA_CAPTURE_S3_BUCKET={BUCKET}".encode()
    ))  # fmt: skip
    assert env() == {
        **WRITTEN, "STACK_PREFIX": "prod", "TOKEN": "s3cret", "ALARM_EMAIL": "me@x.org",
    }  # fmt: skip
    assert "s3cret" not in result.output
    assert "me@x.org" not in result.output


def test_an_unnamed_endpoint_leaves_its_bucket(run: Run) -> None:
    """Only an option changes a setting; without one even a bucket that differs stays."""
    Path(".env").write_text(
        f"SAGEMAKER_ENDPOINT_NAME=shop\nMLFLOW_TRACKING_URI={APP}\nDATA_CAPTURE_S3_BUCKET=mine\n"
    )
    assert run("--yes", "--force").exit_code == 0
    assert env() == {**WRITTEN, "DATA_CAPTURE_S3_BUCKET": "mine"}


def test_the_environment_is_what_is_set(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """It wins over `.env` when it is deployed, so it decides here, too."""
    monkeypatch.setenv("SAGEMAKER_ENDPOINT_NAME", "shop")
    monkeypatch.setenv("MLFLOW_TRACKING_URI", APP)
    monkeypatch.setenv("BEDROCK_MODEL_ID", "bedrock:/amazon.nova-pro-v1:0")
    assert run("--yes").exit_code == 0
    assert env() == {**WRITTEN, "BEDROCK_MODEL_ID": "bedrock:/amazon.nova-pro-v1:0"}


def test_a_file_is_not_changed_unasked(run: Run) -> None:
    """A `.env` that is there is changed after a yes or with --force; else not a byte of it."""
    Path(".env").write_text("STACK_PREFIX=prod\n")
    result = run("--yes", *SHOP)
    assert result.exit_code == 2
    assert "add --force" in result.stderr
    result = run(*SHOP, typed="n\n")
    assert (result.exit_code, "nothing was written" in result.stdout) == (0, True)
    result = run(*SHOP)
    assert (result.exit_code, "nobody answered" in result.stderr) == (2, True)
    assert Path(".env").read_text() == "STACK_PREFIX=prod\n"
    assert run(*SHOP, typed="y\n").exit_code == 0
    assert env() == {**WRITTEN, "STACK_PREFIX": "prod"}
    result = run("--yes")
    assert (result.exit_code, "says it all already" in result.stdout) == (0, True)


def test_notes_about_the_capture(run: Run) -> None:
    """A capture that is off, sampled or in base64 is told, and fails nothing."""
    result = run("--yes", "--endpoint", "lab", "--mlflow", APP, "--prefix", "lab")
    assert result.exit_code == 0
    assert "note: lab captures 20 % of its inferences" in result.stderr
    assert "application/json, application/jsonlines, text/event-stream not among" in result.stderr
    result = run("--yes", "--force", "--endpoint", "quiet")
    assert result.exit_code == 0
    assert "note: data capture of quiet is off" in result.stderr
    assert env()["SAGEMAKER_ENDPOINT_NAME"] == "quiet"


def test_a_prefix_of_another_endpoint_is_not_taken(run: Run, account: Account) -> None:
    """Deploying with it would replace the monitor of that endpoint."""
    assert account.stack
    account.stack["Tags"] = [{"Key": "Endpoint", "Value": "theirs"}]
    result = run("--yes", *SHOP)
    assert result.exit_code == 2
    assert "the prefix dev is that of a deployment for theirs: add --prefix" in result.stderr
    assert run(*SHOP, typed="mine\n").exit_code == 0
    assert env() == {**WRITTEN, "STACK_PREFIX": "mine"}


def test_a_judge_that_refuses(run: Run, account: Account) -> None:
    """Why is told; another is not taken without a word."""
    account.authorization = "NOT_AUTHORIZED"
    result = run("--yes", *SHOP)
    assert result.exit_code == 0
    assert f"note: {DEFAULT_JUDGE}: this account is not authorized to use the model" in (
        result.stderr
    )
    assert env() == WRITTEN


def test_what_may_not_be_looked_at_is_told(run: Run, account: Account) -> None:
    """Without Bedrock's permissions the default judge is written, with a note."""
    account.denied = {"bedrock:GetInferenceProfile", "cloudformation:DescribeStacks"}
    result = run("--yes", *SHOP)
    assert result.exit_code == 0
    assert "can be asked is not known: your AWS credentials may not call" in result.stderr
    assert "whether dev is deployed is not known" in result.stderr
    account.denied = {"sagemaker:ListEndpoints"}
    assert run("--yes", "--force", *SHOP).exit_code == 2


def test_names_that_are_not_there(run: Run, account: Account) -> None:
    """A wrong name is told with those there are; an empty account with what to check."""
    result = run("--endpoint", "shopp")
    assert (result.exit_code, "there are lab, quiet, shop" in result.stderr) == (2, True)
    result = run("--endpoint", "shop", "--mlflow", "x")
    assert (result.exit_code, "there is no MLflow x" in result.stderr) == (2, True)
    account.endpoints.clear()
    assert "there is no endpoint in eu-west-1: check AWS_DEFAULT_REGION" in run().stderr


def test_json(run: Run) -> None:
    """One document with what was found and written."""
    document = json.loads(run("--yes", "--json", *SHOP).stdout)
    assert (document["settings"], document["written"]) == (WRITTEN, True)
    assert [e["percent_captured"] for e in document["endpoints"]] == [20, 0, 100]
    assert [m["name"] for m in document["mlflow"]] == ["shop-mlflow", "lab-mlflow", "old-server"]
