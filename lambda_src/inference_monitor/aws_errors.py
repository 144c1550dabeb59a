"""What AWS answers when it refuses. Needs botocore alone, for the look-ups of a deployment."""

from __future__ import annotations

from botocore.exceptions import ClientError


def code_of(error: ClientError) -> str:
    """The error's code, empty where there is none."""
    return error.response.get("Error", {}).get("Code", "")
