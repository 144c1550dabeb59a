"""Which errors of S3 and DynamoDB are temporary, so that Step Functions tries again."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    ConnectionError,  # noqa: A004  # botocore's: DNS, refused and broken connections
    HTTPClientError,
    IncompleteReadError,
)

from inference_monitor.aws_errors import code_of
from inference_monitor.errors import MissingFileError, TransientError

CONDITION_FAILED = "ConditionalCheckFailedException"
_PERMANENT = ("AccessDeniedException", "ResourceNotFoundException", "ValidationException")
_MISSING = ("NoSuchKey", "NoSuchBucket", "404")


@contextmanager
def dynamodb_errors(table: str) -> Iterator[None]:
    """Let an unmet condition and permanent errors through unchanged.

    Raises:
        TransientError: Instead of every other error; names the table.
    """
    try:
        yield
    except ClientError as error:
        code = code_of(error)
        if code == CONDITION_FAILED or code in _PERMANENT:
            raise
        raise TransientError(f"{table}: {code}") from error
    except BotoCoreError as error:
        raise TransientError(f"{table}: {type(error).__name__}") from error


@contextmanager
def s3_errors(uri: str) -> Iterator[None]:
    """Let permanent errors through unchanged, except that of a missing object.

    Raises:
        MissingFileError: If the object or its bucket does not exist.
        TransientError: If S3 answers 429 or 5xx, or the connection fails; names the object.
    """
    try:
        yield
    except ClientError as error:
        status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
        code = code_of(error)
        if code in _MISSING:
            raise MissingFileError(f"{uri} does not exist") from error
        if status >= 500 or status == 429:
            raise TransientError(f"{uri}: S3 answered {status} {code}") from error
        raise
    except (HTTPClientError, ConnectionError, IncompleteReadError) as error:
        raise TransientError(f"{uri}: {type(error).__name__}") from error
