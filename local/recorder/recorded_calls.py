"""One JSON line for every AWS call, in the file that RECORDED_CALLS names.

It stands alone: a function's worker has nothing of ours but the function's own code.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

VARIABLE = "RECORDED_CALLS"
NAMING = (
    "Bucket", "Key", "TableName", "modelId", "stateMachineArn", "executionArn", "FunctionName"
)  # fmt: skip
"""The parameters, among all operations in use, that name what a permission is about."""


def record(by: str, service: str, operation: str, parameters: Mapping[str, Any]) -> None:
    """Write down one call, without its contents; does nothing where calls are not recorded."""
    if file := os.environ.get(VARIABLE):
        # The `Key` of DynamoDB is an item's contents.
        on = {name: parameters[name] for name in NAMING if isinstance(parameters.get(name), str)}
        call = {"by": by, "service": service, "operation": operation, "on": on}
        with Path(file).open("a") as calls:
            calls.write(json.dumps(call) + "\n")
