"""Write settings into `.env`, and leave everything else in it as it is."""

from __future__ import annotations

import re
from collections.abc import Mapping
from io import StringIO
from pathlib import Path

from dotenv import dotenv_values
from dotenv.parser import parse_stream

from inference_monitor.env_file import ENCODING, UnreadableEnvFileError, read_names
from inference_monitor_cli.problems import CommandError

MEANINGS = {
    "STACK_PREFIX": "Names every resource, so that several deployments live side by side.",
    "SAGEMAKER_ENDPOINT_NAME": "The endpoint whose captured inferences are scored.",
    "DATA_CAPTURE_S3_BUCKET": "The bucket the endpoint's data capture writes to.",
    "DATA_CAPTURE_S3_PREFIX": "Folder of the endpoint's capture files in that bucket.",
    "MLFLOW_TRACKING_URI": "ARN of the MLflow that takes the traces.",
    "MLFLOW_ARTIFACT_S3_URI": "Its artifact store, for spans that it does not take.",
    "BEDROCK_MODEL_ID": "The judge; see lambda_src/models.yaml.",
}
"""What `init` writes, in this order, each with its comment."""

_HEAD = "# Written by `inference-monitor init`; .env.example describes every setting.\n"
_PLAIN = re.compile(r"[\w./:@+,=-]+", re.ASCII)


def read_values(path: Path) -> dict[str, str]:
    """The values that a settings file gives; empty ones count as none, as in the deployment.

    Raises:
        CommandError: If it cannot be read as settings.
    """
    try:
        read_names(path)
    except UnreadableEnvFileError as error:
        raise CommandError(str(error)) from None
    values = dotenv_values(path, encoding=ENCODING) if path.is_file() else {}
    return {
        name.upper(): value.strip() for name, value in values.items() if value and value.strip()
    }


def write_values(path: Path, values: Mapping[str, str]) -> None:
    """Give settings these values: in their lines where they have one, else at the end."""
    before, encoding = "", "utf-8"
    if path.is_file():
        content = path.read_bytes()
        encoding = ENCODING if content.startswith(b"\xef\xbb\xbf") else "utf-8"
        before = content.decode(ENCODING)
    newline = "\r\n" if "\r\n" in before else "\n"
    left, lines = dict(values), []
    for binding in parse_stream(StringIO(before)):
        name, line = (binding.key or "").upper(), binding.original.string
        if name in values:
            left.pop(name, None)
            line = f"{_assignment(name, values[name])}{newline}"
        lines.append(line)
    text = "".join(lines)
    if text and not text.endswith("\n"):
        text += newline
    if not text:
        text = _HEAD
    for name, meaning in MEANINGS.items():
        if name in left:
            text += f"# {meaning}{newline}{_assignment(name, left[name])}{newline}"
    path.write_bytes(text.encode(encoding))


def _assignment(name: str, value: str) -> str:
    if _PLAIN.fullmatch(value):
        return f"{name}={value}"
    escaped = value.replace("\\", "\\\\").replace("'", "\\'")
    return f"{name}='{escaped}'"
