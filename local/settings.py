"""Where the local chain keeps things, and what it is told by its caller."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import boto3
from botocore.credentials import Credentials

ROOT = Path(__file__).parents[1]
ENVIRONMENTS = ROOT / ".local"
"""The environments that `make emulator` builds: `venv-emulator` and `venv-lambda`."""

ACCOUNT = "000000000000"
"""ministack's default account."""

MADE_UP = Credentials("AKIALOCALCHAIN", "made-up-secret-of-the-local-chain")
"""What everything on this machine signs with, unless the judge is a real one."""

JudgeKind = Literal["stand-in", "bedrock"]


@dataclass(frozen=True)
class ChainSettings:
    """How to run the chain.

    `folder` holds what is written: MLflow's database, logs, CDK's output. `wait_scale` shortens the
    waits between the retries of Step Functions, for tests. `mlflow_python` is the interpreter of an
    environment with another version of the MLflow server, `mlflow_database` the SQLAlchemy URI of a
    database for it other than sqlite. `record_calls` keeps a list of the AWS calls that are made.
    """

    folder: Path = ENVIRONMENTS
    judge: JudgeKind = "stand-in"
    workers: int = 2
    wait_scale: float = 1.0
    region: str = "us-east-1"
    credentials: Credentials = field(default=MADE_UP, repr=False)
    mlflow_python: Path | None = None
    mlflow_database: str | None = None
    mlflow_artifacts: str | None = None
    record_calls: bool = False

    @property
    def logs(self) -> Path:
        """Logs of the servers, of CDK and of the functions."""
        return self.folder / "logs"

    @property
    def calls(self) -> Path:
        """The list of calls, if they are recorded."""
        return self.folder / "calls.jsonl"


class MissingCredentialsError(Exception):
    """The real judge needs AWS credentials, and there are none."""


def with_real_judge(folder: Path) -> ChainSettings:
    """Settings for `JUDGE=bedrock`: the caller's own region and credentials.

    The function has only one set of credentials. They sign its calls to Bedrock, and also those to
    the emulator and the proxy on this machine, which get to see signatures but no secret.

    Raises:
        MissingCredentialsError: If boto3 finds none.
    """
    session = boto3.Session()
    found = session.get_credentials()
    if found is None or session.region_name is None:
        raise MissingCredentialsError(
            "JUDGE=bedrock needs AWS credentials and a region: set AWS_PROFILE and AWS_REGION, or "
            "leave JUDGE out for the stand-in"
        )
    frozen = found.get_frozen_credentials()
    return ChainSettings(
        folder=folder,
        judge="bedrock",
        region=session.region_name,
        credentials=Credentials(frozen.access_key or "", frozen.secret_key or "", frozen.token),
    )


def environment_of(credentials: Credentials, region: str) -> dict[str, str]:
    """The variables by which AWS SDKs find credentials and region."""
    variables = {
        "AWS_ACCESS_KEY_ID": credentials.access_key,
        "AWS_SECRET_ACCESS_KEY": credentials.secret_key,
        "AWS_REGION": region,
        "AWS_DEFAULT_REGION": region,
    }
    if credentials.token:
        variables["AWS_SESSION_TOKEN"] = credentials.token
    return variables
