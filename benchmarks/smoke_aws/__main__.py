"""`make smoke-aws`: one run on the AWS account that your credentials are for."""

from __future__ import annotations

import secrets
import signal
from pathlib import Path
from typing import Annotated, Literal

import boto3
import typer
from botocore.exceptions import BotoCoreError, ClientError
from pydantic import AfterValidator, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict
from rich.console import Console
from rich.markup import escape

from benchmarks.smoke_aws.findings import Finding, Outcome, told
from benchmarks.smoke_aws.run import USD_PER_EXECUTION, Smoke
from benchmarks.smoke_aws.server import Server
from benchmarks.smoke_aws.throwaway import Account
from inference_monitor.env_file import ENCODING, ENV_FILE
from inference_monitor.traces.server import connect
from inference_monitor_cli.problems import FAILED, CommandError, told_plainly
from local.settings import ENVIRONMENTS
from stacks import rules

REPORT = ENVIRONMENTS / "smoke-aws.md"
_STYLES = {Outcome.EXPECTED: "green", Outcome.DIFFERS: "red", Outcome.NOT_KNOWN: "yellow"}


class MlflowSettings(BaseSettings):
    """The deploy settings of MLflow, which the throw-away prefix takes over."""

    model_config = SettingsConfigDict(
        env_file=ENV_FILE, env_file_encoding=ENCODING, env_ignore_empty=True, extra="ignore"
    )

    mlflow_tracking_uri: Annotated[str, AfterValidator(rules.mlflow_arn)]
    mlflow_artifact_s3_uri: Annotated[str, AfterValidator(rules.s3_uri)] | None = None
    mlflow_trace_store: Literal["auto", "spans", "artifacts"] = "auto"

    def deploy_settings(self) -> dict[str, str]:
        """Those that are set, by their names."""
        told = self.model_dump(exclude_none=True)
        return {name.upper(): str(value) for name, value in told.items()}


app = typer.Typer(add_completion=False, pretty_exceptions_show_locals=False)


@app.command()
def smoke(
    *,
    yes: Annotated[
        bool, typer.Option("--yes", envvar="CONFIRM", help="Do not ask; CONFIRM=yes does the same.")
    ] = False,
    batch: Annotated[
        bool, typer.Option("--batch", help="Also create a batch job of 100 small records.")
    ] = False,
    report: Annotated[Path, typer.Option(help="The Markdown; the JSON stands beside it.")] = REPORT,
    event_seconds: Annotated[
        float, typer.Option(help="Longest wait for EventBridge's first event.")
    ] = 600,
) -> None:
    """Deploy a throw-away prefix, try what only AWS can tell, report, and remove everything.

    Exits with 1 when something differs from what the product relies on, or stays behind.
    """
    console = Console()
    with told_plainly("smoke-aws"):
        mlflow = _mlflow_settings()
        session = boto3.Session()
        if session.region_name is None:
            raise CommandError("no AWS Region: set AWS_REGION")
        number = session.client("sts").get_caller_identity()["Account"]
        account = Account(session, f"smoke-{secrets.token_hex(4)}")
        _say_what_happens(console, account, number, mlflow, batch=batch)
        if not yes:
            typer.confirm("Go on?", abort=True)
        _check_bootstrapped(account)
        settings = _with_artifact_store(session, mlflow)
        # Ended by a signal, it removes what it has made, as after Ctrl-C.
        signal.signal(signal.SIGTERM, signal.default_int_handler)
        run = Smoke(
            account=account,
            server=Server(connect(mlflow.mlflow_tracking_uri), account.prefix),
            mlflow=settings,
            folder=report.resolve().parent / "smoke-aws" / account.prefix,
            show=lambda finding: _show(console, finding),
            batch=batch,
            event_seconds=event_seconds,
        ).run()
        beside = run.write(report)
        for removal in run.removals:
            if removal.problem:
                console.print(f"✗ stays: {removal.what}: {removal.problem}", style="red",
                              markup=False)  # fmt: skip
        console.print(f"{report} and {beside}", markup=False, soft_wrap=True)
    differs = any(finding.outcome is Outcome.DIFFERS for finding in run.findings)
    raise typer.Exit(FAILED if differs or not run.clean or run.interrupted else 0)


def _mlflow_settings() -> MlflowSettings:
    try:
        return MlflowSettings()
    except ValidationError as error:
        lines = [f"{str(e['loc'][0]).upper()}: {e['msg']}" for e in error.errors()]
        raise CommandError(f"{'; '.join(lines)}; see .env.example") from None


def _say_what_happens(
    console: Console, account: Account, number: str, mlflow: MlflowSettings, *, batch: bool
) -> None:
    console.print(
        f"""Account {number}, Region {account.region}, MLflow {mlflow.mlflow_tracking_uri}.

This makes a bucket {account.prefix}-captures, deploys the stack of prefix {account.prefix} (an
image is built and pushed), puts about ten small capture files, gives the function too little
memory for one of them, and asks one verdict of each recommended Bedrock model{
            ", and a batch job of 100 records" if batch else ""
        }. It takes about half an hour.

Judging costs at most {USD_PER_EXECUTION} USD an execution, in all less than 5 USD and usually some
cents; the rest costs cents. At the end, also after a failure or Ctrl-C, everything that it has
made is removed, except the image in CDK's repository, which the next deployment shares, and
MLflow's own trash, which keeps deleted experiments.
""",
        markup=False,
        highlight=False,
    )


def _check_bootstrapped(account: Account) -> None:
    try:
        account.client("cloudformation").describe_stacks(StackName="CDKToolkit")
    except ClientError as error:
        if error.response.get("Error", {}).get("Code") != "ValidationError":
            raise
        raise CommandError(
            f"the CDK is not set up in {account.region}: run `npx cdk bootstrap`"
        ) from None


def _with_artifact_store(session: boto3.Session, mlflow: MlflowSettings) -> dict[str, str]:
    """The deploy settings; the server's artifact store is looked up where it is not set."""
    settings = mlflow.deploy_settings()
    arn = mlflow.mlflow_tracking_uri
    if "MLFLOW_ARTIFACT_S3_URI" in settings:
        return settings
    sagemaker = session.client("sagemaker")
    try:
        if ":mlflow-app/" in arn:
            described = dict(sagemaker.describe_mlflow_app(Arn=arn))
        else:
            name = arn.rpartition("/")[2]
            described = dict(sagemaker.describe_mlflow_tracking_server(TrackingServerName=name))
    except (BotoCoreError, ClientError) as error:
        typer.secho(f"the artifact store is not looked up: {told(error)}", fg="yellow", err=True)
        return settings
    if uri := described.get("ArtifactStoreUri"):
        settings["MLFLOW_ARTIFACT_S3_URI"] = str(uri).rstrip("/")
    return settings


def _show(console: Console, finding: Finding) -> None:
    style = _STYLES[finding.outcome]
    console.print(
        f"[{style}]{finding.outcome}[/] {escape(finding.check)}: {escape(finding.found)}",
        highlight=False,
    )


if __name__ == "__main__":
    app()
