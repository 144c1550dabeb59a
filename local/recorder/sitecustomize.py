"""Python imports this by its name at start, in functions whose calls are recorded.

The folder is on their PYTHONPATH for that; the function's own code knows nothing of it.
"""

from __future__ import annotations

import os
from typing import Any

import botocore
from recorded_calls import record  # type: ignore[import-not-found]  # its folder is the path


def _record(**call: Any) -> None:
    # The emulator itself runs with this on its path, too, and hands it on to functions.
    if function := os.environ.get("AWS_LAMBDA_FUNCTION_NAME"):
        operation = call["model"]
        service = operation.service_model.service_name
        record(function, service, operation.name, call["params"])


botocore.register_initializer(
    lambda session: session.register("provide-client-params.*.*", _record)
)
