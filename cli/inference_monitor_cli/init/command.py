"""`inference-monitor init`: write `.env` from what the AWS account has."""

from __future__ import annotations

import json
import sys
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import boto3
import typer
from botocore.exceptions import ClientError

from inference_monitor.aws_errors import code_of
from inference_monitor.config.models import DEFAULT_JUDGE, ModelState, model_table
from inference_monitor.env_file import ENV_FILE
from inference_monitor_cli.account.judges import judge_state, refusal
from inference_monitor_cli.account.lookups import Endpoint, Mlflow, list_endpoints, list_mlflow
from inference_monitor_cli.account.settings import AccountSettings
from inference_monitor_cli.deploy_settings import DeploySettings
from inference_monitor_cli.deployment import STACK
from inference_monitor_cli.init.choice import agree, ask_for_text, choose
from inference_monitor_cli.init.file import MEANINGS, read_values, write_values
from inference_monitor_cli.problems import CommandError, problem, told_plainly
from inference_monitor_cli.scorers_file import judge_model
from inference_monitor_cli.terminal import printable

DEFAULT_PREFIX = "dev"


@dataclass
class Found:
    """What the account has, what is set already, and what somebody should know.

    `given` holds the options by setting, which win; `set_` the settings that are set already.
    """

    session: Any
    given: dict[str, str]
    set_: dict[str, str]
    yes: bool
    endpoints: list[Endpoint] = field(default_factory=list)
    mlflows: list[Mlflow] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def wanted(self, name: str) -> str | None:
        """The value of a setting that somebody has chosen before, or chooses by an option."""
        return self.given.get(name) or self.set_.get(name)

    def settings(self) -> dict[str, str]:
        """All settings that can be found out, by name.

        Raises:
            CommandError: If there is nothing to choose from, or nobody chooses.
        """
        sagemaker = self.session.client("sagemaker")
        self.endpoints, self.mlflows = list_endpoints(sagemaker), list_mlflow(sagemaker)
        endpoint, mlflow = self._endpoint(), self._mlflow()
        found = {
            "STACK_PREFIX": self._prefix(endpoint.name),
            "SAGEMAKER_ENDPOINT_NAME": endpoint.name,
            "DATA_CAPTURE_S3_BUCKET": endpoint.bucket,
            "DATA_CAPTURE_S3_PREFIX": endpoint.folder,
            "MLFLOW_TRACKING_URI": mlflow.arn,
            "MLFLOW_ARTIFACT_S3_URI": mlflow.artifacts,
            "BEDROCK_MODEL_ID": self._judge(),
        }
        return {name: value for name, value in found.items() if value}

    def _endpoint(self) -> Endpoint:
        by_name = {endpoint.name: endpoint for endpoint in self.endpoints}
        where = f"in {self.session.region_name}"
        if not by_name:
            raise CommandError(
                f"there is no endpoint {where}: check AWS_DEFAULT_REGION and AWS_PROFILE"
            )
        name = self.wanted("SAGEMAKER_ENDPOINT_NAME") or choose(
            "endpoint",
            {
                e.name: f"{e.status}, {e.capture}, {e.destination or 'nowhere'}"
                for e in self.endpoints
            },
            option="--endpoint",
            yes=self.yes,
        )
        if name not in by_name:
            raise CommandError(
                f"there is no endpoint {name} {where}; there are {', '.join(by_name)}: name one "
                "with --endpoint"
            )
        self._note_capture(by_name[name])
        return by_name[name]

    def _note_capture(self, endpoint: Endpoint) -> None:
        name = endpoint.name
        if not endpoint.capturing:
            self.notes.append(
                f"data capture of {name} is off: nothing will arrive until it is switched on "
                "(aws sagemaker create-endpoint-config, update-endpoint)"
            )
        elif endpoint.percent < 100:
            self.notes.append(
                f"{name} captures {endpoint.percent} % of its inferences: the others have no trace"
            )
        if endpoint.capturing and (encoded := endpoint.encoded_types):
            self.notes.append(
                f"{', '.join(encoded)} not among the JSON content types of {name}'s capture: its "
                "payloads are captured as base64, which is read as well"
            )

    def _mlflow(self) -> Mlflow:
        if not self.mlflows:
            raise CommandError(
                f"there is no MLflow App and no tracking server in {self.session.region_name}: "
                "create one in SageMaker Studio or with aws sagemaker create-mlflow-app"
            )
        by_arn = {mlflow.arn: mlflow for mlflow in self.mlflows}
        by_name = {mlflow.name: mlflow for mlflow in self.mlflows}
        wanted = self.wanted("MLFLOW_TRACKING_URI") or choose(
            "MLflow",
            {m.arn: f"{m.kind} {m.name}, MLflow {m.version}, {m.status}" for m in self.mlflows},
            option="--mlflow",
            yes=self.yes,
        )
        mlflow = by_arn.get(wanted) or by_name.get(wanted)
        if mlflow is None:
            raise CommandError(
                f"there is no MLflow {wanted}; there are {', '.join(by_arn)}: name one with "
                "--mlflow"
            )
        if not mlflow.running:
            self.notes.append(f"the {mlflow.kind} {mlflow.name} is {mlflow.status}")
        return mlflow

    def _prefix(self, endpoint: str) -> str:
        """A prefix that no deployment of another endpoint has."""
        if prefix := self.wanted("STACK_PREFIX"):
            return prefix
        owner = self._deployed_for(DEFAULT_PREFIX)
        if owner in (None, endpoint):
            return DEFAULT_PREFIX
        taken = f"the prefix {DEFAULT_PREFIX} is that of a deployment for {owner}"
        if self.yes:
            raise CommandError(f"{taken}: add --prefix with another one")
        typer.echo(f"{printable(taken)}.", err=True)
        return ask_for_text("Another prefix", option="--prefix")

    def _deployed_for(self, prefix: str) -> str | None:
        """The endpoint of a deployment; None if there is no such deployment, or nobody may look."""
        try:
            answer = self.session.client("cloudformation").describe_stacks(
                StackName=STACK.format(prefix)
            )
        except ClientError as error:
            if code_of(error) != "ValidationError":
                self.notes.append(f"whether {prefix} is deployed is not known: {problem(error)}")
            return None
        tags = {tag["Key"]: tag["Value"] for tag in answer["Stacks"][0].get("Tags", ())}
        return str(tags.get("Endpoint", "another endpoint"))

    def _judge(self) -> str:
        """The judge: one that is wanted, or the default; another where that one refuses."""
        bedrock = self.session.client("bedrock")
        wanted = self.wanted("BEDROCK_MODEL_ID")
        judge = judge_model(wanted or DEFAULT_JUDGE)
        try:
            if (why := refusal(bedrock, judge)) is None:
                self._note_lifecycle(bedrock, judge)
                return judge
            self.notes.append(f"{judge}: {why}")
            if wanted:
                return judge
            today = datetime.now(UTC).date()
            living = [m for m in model_table().living(today) if refusal(bedrock, m) is None]
        except ClientError as error:
            self.notes.append(f"whether {judge} can be asked is not known: {problem(error)}")
            return judge
        return choose("judge", dict.fromkeys(living, "can be asked"), option="--judge",
                      yes=self.yes) if living else judge  # fmt: skip

    def _note_lifecycle(self, bedrock: Any, judge: str) -> None:
        state = judge_state(bedrock, judge, model_table(), datetime.now(UTC).date())
        if state.state is not ModelState.ACTIVE:
            self.notes.append(f"{judge} is {state.told}")


def init(  # each is an option of the command
    *,
    endpoint: Annotated[
        str | None, typer.Option(help="The endpoint, where there are several.")
    ] = None,
    mlflow: Annotated[
        str | None, typer.Option(help="MLflow by its name or ARN, where there are several.")
    ] = None,
    prefix: Annotated[
        str | None, typer.Option(help=f"The STACK_PREFIX; {DEFAULT_PREFIX}, where it is free.")
    ] = None,
    judge: Annotated[
        str | None, typer.Option(help="The judge as bedrock:/…; the default where it can be asked.")
    ] = None,
    yes: Annotated[bool, typer.Option("--yes", help="Ask nothing, for scripts.")] = False,
    force: Annotated[
        bool, typer.Option("--force", help="Change a .env that is there without asking.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document.")] = False,
) -> None:
    """Write .env from the AWS account: endpoint, capture bucket and folder, MLflow and judge.

    Asks only where there is a choice. A .env that is there keeps what it says: only missing
    settings are added, and those that an option names are changed.
    """
    with told_plainly("init"):
        path = Path(ENV_FILE)
        before = read_values(path)
        known = AccountSettings.load().model_dump(exclude_none=True)
        known |= DeploySettings.load().model_dump(include={"bedrock_model_id"}, exclude_unset=True)
        set_ = {name.upper(): value for name, value in known.items()}
        options = {
            "SAGEMAKER_ENDPOINT_NAME": endpoint,
            "MLFLOW_TRACKING_URI": mlflow,
            "STACK_PREFIX": prefix,
            "BEDROCK_MODEL_ID": judge,
        }
        given = {name: value for name, value in options.items() if value}
        found = Found(boto3.Session(), given, set_, yes)
        changes = _changes(found.settings(), before, given)
        written = bool(changes) and _may_write(path, list(changes), yes=yes, force=force)
        if written:
            write_values(path, changes)
        if as_json:
            sys.stdout.write(json.dumps(_document(found, changes, written=written)) + "\n")
        else:
            _print(found, changes, written=written)


def _changes(
    settings: dict[str, str], before: dict[str, str], given: dict[str, str]
) -> dict[str, str]:
    """The settings that are to be written: missing ones, and those that an option changes.

    Bucket, folder and artifact store go with the endpoint and the MLflow that they are of.
    """
    follow = {
        "DATA_CAPTURE_S3_BUCKET": "SAGEMAKER_ENDPOINT_NAME",
        "DATA_CAPTURE_S3_PREFIX": "SAGEMAKER_ENDPOINT_NAME",
        "MLFLOW_ARTIFACT_S3_URI": "MLFLOW_TRACKING_URI",
    }
    return {
        name: value
        for name, value in settings.items()
        if before.get(name) != value and (name not in before or follow.get(name, name) in given)
    }


def _may_write(path: Path, names: list[str], *, yes: bool, force: bool) -> bool:
    """Whether the file may be written; somebody is asked about one that is there."""
    if force or not path.exists():
        return True
    told = f"{path} is there; {', '.join(names)} would be written, everything else stays"
    if yes:
        raise CommandError(f"{told}: add --force")
    return agree(f"{told}. Do it?", option="--force")


def _print(found: Found, changes: dict[str, str], *, written: bool) -> None:
    for name in MEANINGS:
        if name in changes:
            typer.echo(f"{name}={printable(changes[name])}")
    for told in found.notes:
        typer.secho(printable(f"note: {told}"), fg="yellow", err=True)
    if written:
        typer.echo(f"written to {ENV_FILE}; next: inference-monitor doctor, then npx cdk deploy")
    elif not changes:
        typer.echo(f"{ENV_FILE} says it all already; next: inference-monitor doctor")
    else:
        typer.echo("nothing was written")


def _document(found: Found, changes: dict[str, str], *, written: bool) -> dict[str, Any]:
    return {
        "file": ENV_FILE,
        "written": written,
        "settings": changes,
        "notes": found.notes,
        "endpoints": [
            {
                "name": e.name,
                "status": e.status,
                "percent_captured": e.percent,
                "bucket": e.bucket,
                "folder": e.folder,
                "base64": e.encoded_types if e.capturing else [],
            }
            for e in found.endpoints
        ],
        "mlflow": [
            {"arn": m.arn, "name": m.name, "kind": m.kind, "version": m.version, "status": m.status}
            for m in found.mlflows
        ],
    }
