"""Read the attributes a caller sends in `X-Amzn-SageMaker-Custom-Attributes`.

The header is free text of at most 1,024 visible ASCII characters, captured as a list with one
string. Callers were seen to send a JSON object, or pairs such as `accept_eula=true`.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

_NAMES = {
    "session": "session_id",
    "session_id": "session_id",
    "sessionid": "session_id",
    "conversation_id": "session_id",
    "conversationid": "session_id",
    "mlflow_trace_session": "session_id",
    "user": "user_id",
    "user_id": "user_id",
    "userid": "user_id",
    "mlflow_trace_user": "user_id",
    "trace_id": "trace_id",
    "traceid": "trace_id",
    "traceparent": "trace_id",
}
# https://www.w3.org/TR/trace-context/: version, trace id, parent id, flags.
_TRACEPARENT = re.compile(r"[0-9a-f]{2}-([0-9a-f]{32})-[0-9a-f]{16}-[0-9a-f]{2}")
_LONGEST = 4096  # four times what SageMaker lets through; longer text is not parsed


@dataclass(frozen=True, slots=True)
class Caller:
    """The session, user and trace id that a caller sent, None where it did not."""

    session_id: str | None = None
    user_id: str | None = None
    trace_id: str | None = None


def read_caller(custom_attributes: Iterable[str]) -> Caller:
    """Read session, user and trace id; of several values the first counts."""
    values: dict[str, str] = {}
    for text in custom_attributes:
        for name, value in _pairs(text):
            field = _NAMES.get(re.sub(r"[-. ]", "_", name.strip().lower()))
            if field and (given := _value(value)):
                values.setdefault(field, given)
    return Caller(**values)


def caller_attributes(custom_attributes: Iterable[str]) -> dict[str, str]:
    """Read all attributes by the names the caller used; of several values the first counts."""
    values: dict[str, str] = {}
    for text in custom_attributes:
        for name, value in _pairs(text):
            if (given := _value(value)) is not None:
                values.setdefault(name.strip(), given)
    return values


def _pairs(text: str) -> Iterator[tuple[str, Any]]:
    if len(text) > _LONGEST:
        return
    try:
        document = json.loads(text)
    except (ValueError, RecursionError):
        for part in re.split("[,;]", text):
            name, _, value = part.partition("=")
            yield name, value
        return
    if isinstance(document, dict):
        yield from document.items()


def _value(value: Any) -> str | None:
    if isinstance(value, bool) or not isinstance(value, str | int):
        return None
    text = str(value).strip().strip("\"'")
    parent = _TRACEPARENT.fullmatch(text)
    return parent[1] if parent else text or None
