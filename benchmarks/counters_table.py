"""An emulated DynamoDB with the table that all workers of a deployment share."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from inference_monitor.tables import COUNTERS_KEY
from local.emulator_process import EmulatedAws
from local.settings import ChainSettings

TABLE = "counters"


@contextmanager
def counters_table() -> Iterator[EmulatedAws]:
    """Emulated AWS, on a free port, with an empty table; ended afterwards."""
    with tempfile.TemporaryDirectory() as folder:
        aws = EmulatedAws(ChainSettings(folder=Path(folder)), {})
        try:
            aws.wait()
            aws.client("dynamodb").create_table(
                TableName=TABLE,
                KeySchema=[{"AttributeName": COUNTERS_KEY, "KeyType": "HASH"}],
                AttributeDefinitions=[{"AttributeName": COUNTERS_KEY, "AttributeType": "S"}],
                BillingMode="PAY_PER_REQUEST",
            )
            yield aws
        finally:
            aws.stop()
