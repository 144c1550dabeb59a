"""The MLflow servers and databases under which the faults are made to happen."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

from benchmarks.reliability.postgres import postgres
from local.chain import Chain
from local.settings import ENVIRONMENTS, ChainSettings

# Of its own for each run, so that two do not meet.
FOLDER = ENVIRONMENTS / f"reliability/{os.getpid()}"
# Waits between retries take a fiftieth of the time they take on AWS.
WAIT_SCALE = 0.02
NEWEST = version("mlflow")
POSTGRES = "postgres"
ARTIFACTS = "mlflow-artifacts"


class MissingEnvironmentError(Exception):
    """An environment cannot be had; says what to do."""


@dataclass(frozen=True, slots=True)
class Environment:
    """A version of the MLflow server, and its database (`sqlite`, `postgres`, a SQLAlchemy URI).

    Without `everything`, only what may depend on the server is made to happen.
    """

    mlflow: str = NEWEST
    database: str = "sqlite"
    everything: bool = True

    @property
    def name(self) -> str:
        """As it is shown; a URI has a password in it."""
        return f"MLflow {self.mlflow} on {self.database.partition('+')[0].partition(':')[0]}"

    @property
    def _python(self) -> Path | None:
        if self.mlflow == NEWEST:
            return None
        python = ENVIRONMENTS / f"venv-mlflow-{self.mlflow}/bin/python"
        if not python.exists():
            raise MissingEnvironmentError(
                f"{python} is missing: run `make .local/venv-mlflow-{self.mlflow}/.installed`"
            )
        return python

    @contextmanager
    def chain(self) -> Iterator[Chain]:
        """A running chain with this server and an empty database, in an empty FOLDER."""
        shutil.rmtree(FOLDER, ignore_errors=True)
        with self._database() as uri:
            settings = ChainSettings(
                folder=FOLDER,
                wait_scale=WAIT_SCALE,
                mlflow_python=self._python,
                mlflow_database=uri,
                mlflow_artifacts=f"s3://{ARTIFACTS}",
            )
            with Chain(settings) as chain, _reading_artifacts(chain):
                chain.emulated("s3").create_bucket(Bucket=ARTIFACTS)
                chain.mlflow.wait()
                yield chain

    @contextmanager
    def _database(self) -> Iterator[str | None]:
        if self.database == POSTGRES:
            with postgres() as uri:
                yield uri
        else:
            yield None if self.database == "sqlite" else self.database


@contextmanager
def _reading_artifacts(chain: Chain) -> Iterator[None]:
    """Let MLflow's client, by which the traces are read, find their artifacts in the emulated S3.

    MLflow's own variable is what counts: it keeps its clients of S3 by that for five minutes, and
    would ask the environment before, which has ended, for the artifacts of this one.
    """
    before = dict(os.environ)
    os.environ.update(chain.aws.environment, MLFLOW_S3_ENDPOINT_URL=chain.aws.url)
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)


def environments() -> list[Environment]:
    """The one that the environment variables name, or all that are to be proven."""
    mlflow, database = (os.environ.get(f"RELIABILITY_{n}", "") for n in ("MLFLOW", "DATABASE"))
    if mlflow or database:
        return [Environment(mlflow or NEWEST, database or "sqlite")]
    return [
        Environment(),
        Environment("3.10.1", everything=False),
        Environment(database=POSTGRES, everything=False),
        Environment("3.4.0", everything=False),
    ]
