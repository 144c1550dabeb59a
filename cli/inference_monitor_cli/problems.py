"""What went wrong, as one line for the person at the terminal: what, where, and what to do."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager

import typer
from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    CredentialRetrievalError,
    NoCredentialsError,
    NoRegionError,
    PartialCredentialsError,
    SSOError,
)

from inference_monitor.aws_errors import code_of
from inference_monitor.errors import MonitorError
from inference_monitor_cli.terminal import READER_GONE, printable

FAILED = 1
"""Exit status when the work was done, and something of it is left or missing."""
UNABLE = 2
"""Exit status when the work could not be done."""

DENIED = ("AccessDenied", "AccessDeniedException", "UnauthorizedOperation", "403", "Forbidden")
EXPIRED = ("ExpiredToken", "ExpiredTokenException", "InvalidClientTokenId", "RequestExpired")
LOG_IN = "set AWS_PROFILE, or log in with `aws sso login`"
NO_CREDENTIALS = (
    NoCredentialsError, PartialCredentialsError, CredentialRetrievalError, SSOError
)  # fmt: skip


class CommandError(Exception):
    """The command cannot do what it was asked to; the text says why and what to do."""


EXPECTED = (CommandError, MonitorError, OSError, ClientError, BotoCoreError)
"""What may go wrong outside of this program; anything else is a mistake in it."""


def problem(error: Exception) -> str:
    """One printable line about an error; the texts of AWS and MLflow may quote a stranger's."""
    return printable(_told(error))


@contextmanager
def told_plainly(verb: str) -> Iterator[None]:
    """End the command with one line on stderr instead of a traceback."""
    try:
        yield
    except BrokenPipeError:
        raise typer.Exit(READER_GONE) from None
    except EXPECTED as error:
        typer.secho(f"{verb}: {problem(error)}", fg="red", err=True)
        raise typer.Exit(UNABLE) from None


def needs_mlflow(what_for: str) -> AbstractContextManager[None]:
    """Say what to install where MLflow's client is not.

    `what_for` is why it is needed, as in "reconcile asks MLflow".
    """
    return _needs_extra("mlflow", what_for)


def needs_statistics() -> AbstractContextManager[None]:
    """Say what to install where SciPy and statsmodels are not."""
    return _needs_extra("compare", "comparing needs it")


@contextmanager
def _needs_extra(extra: str, what_for: str) -> Iterator[None]:
    try:
        yield
    except ModuleNotFoundError as error:
        raise CommandError(
            f"{error.name} is not installed, and {what_for}: "
            f"pip install 'sagemaker-inference-monitor[{extra}]'"
        ) from error


def _told(error: Exception) -> str:
    if isinstance(error, NO_CREDENTIALS):
        return f"no usable AWS credentials ({error}): {LOG_IN}"
    if isinstance(error, NoRegionError):
        return "no AWS region: set AWS_DEFAULT_REGION to the one the stack is deployed in"
    if isinstance(error, ClientError):
        code = code_of(error)
        if code in EXPIRED:
            return f"the AWS credentials are not accepted ({code}): {LOG_IN}"
        if code in DENIED:
            return f"your AWS credentials may not call {error.operation_name}: {error}"
    if isinstance(error, OSError) and error.filename:
        return f"cannot read {error.filename}: {error.strerror}"
    return str(error)
