"""Unit tests reach no network: a test that tries fails at once."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import boto3
import hypothesis
import pytest
import pytest_socket
from botocore.stub import Stubber

# Speed is measured in benchmarks; a busy machine must not fail a test.
hypothesis.settings.register_profile("any-machine", deadline=None)
hypothesis.settings.load_profile("any-machine")


@pytest.fixture(autouse=True)
def _no_network() -> None:
    pytest_socket.disable_socket(allow_unix_socket=True)


@pytest.fixture
def s3() -> Iterator[tuple[Any, Stubber]]:
    """An S3 client that answers what the test queues, and nothing else."""
    client = boto3.client("s3", "eu-west-1", aws_access_key_id="x", aws_secret_access_key="x")
    with Stubber(client) as stub:
        yield client, stub
        stub.assert_no_pending_responses()
