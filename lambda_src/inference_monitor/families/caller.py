"""Whose conversation a request belongs to, as far as its body says.

`user` and `safety_identifier` are OpenAI's, `conversation` is of its Responses API,
`metadata.user_id` is Anthropic's, `config.configurable` LangServe's, `context` and `custom_inputs`
are of MLflow's agents; `session_id` is what people's own containers call it.
"""

from __future__ import annotations

from typing import Any

from inference_monitor.families.fields import object_of

_SESSION_NAMES = (
    "session_id", "sessionId", "session", "conversation_id", "conversationId", "conversation",
    "thread_id", "threadId", "chat_id", "chatId", "mlflow.trace.session",
)  # fmt: skip
_USER_NAMES = (
    "user", "user_id", "userId", "end_user_id", "endUserId", "end_user", "mlflow.trace.user",
    "safety_identifier",
)  # fmt: skip
_PLACES = ("metadata", "context", "custom_inputs", "extra_body")


def caller_of(body: dict[str, Any]) -> tuple[str | None, str | None]:
    """The session and the user that a request body names; None where it names none."""
    places = [body, *(object_of(body[key]) for key in _PLACES if key in body)]
    if "config" in body:
        config = object_of(body["config"])
        places += [object_of(config.get("configurable")), object_of(config.get("metadata"))]
    return _first(places, _SESSION_NAMES), _first(places, _USER_NAMES)


def _first(places: list[dict[str, Any]], names: tuple[str, ...]) -> str | None:
    holding = [place for place in places if not place.keys().isdisjoint(names)]
    told = (_name(place[name]) for place in holding for name in names if name in place)
    return next((name for name in told if name), None)


def _name(value: Any) -> str | None:
    """An identifier that is a text, a number, or an object with an id."""
    if isinstance(value, dict):
        value = value.get("id", value.get("user_id"))
    if isinstance(value, bool) or not isinstance(value, (str, int)):
        return None
    return str(value).strip() or None
