"""Which errors of DynamoDB pass."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from botocore.exceptions import BotoCoreError, ClientError

from inference_monitor.aws_errors import code_of
from inference_monitor.errors import TransientError

CONDITION_FAILED = "ConditionalCheckFailedException"
_LASTING = ("AccessDeniedException", "ResourceNotFoundException", "ValidationException")


@contextmanager
def dynamodb_errors(table: str) -> Iterator[None]:
    """Let an unmet condition and lasting errors through as they are.

    Raises:
        TransientError: Instead of every other error; names the table.
    """
    try:
        yield
    except ClientError as error:
        code = code_of(error)
        if code == CONDITION_FAILED or code in _LASTING:
            raise
        raise TransientError(f"{table}: {code}") from error
    except BotoCoreError as error:
        raise TransientError(f"{table}: {type(error).__name__}") from error
