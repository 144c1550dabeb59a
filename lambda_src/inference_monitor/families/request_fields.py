"""What the readers of requests have in common: prompts, messages, and the request made of them."""

from __future__ import annotations

from typing import Any

from inference_monitor.families.fields import is_texts, objects_of, text_of, user
from inference_monitor.inference import Request

Messages = list[dict[str, Any]]
# Names that containers of people's own give to a prompt, also as columns of a table.
PROMPT_NAMES = (
    "prompt", "inputs", "input", "text", "query", "question", "instruction", "input_text",
    "inputText", "prompt_text", "user_input", "user_message", "user_prompt", "prompts", "sentence",
    "content", "input_string", "input_strings",
)  # fmt: skip


def build_request(
    family: str, body: dict[str, Any], items: list[Messages], parameters: Any
) -> Request:
    """A request of a family, with the model, tools and adapters that its body names.

    Args:
        family: The name of the family, as in `requests.REQUEST_FAMILIES`.
        body: The parsed body.
        items: The messages of each conversation or prompt, one entry for each expected answer.
        parameters: How the answer is to be made; ignored unless it is an object.
    """
    model = text_of(body.get("model")) or text_of(body.get("adapters"))
    tools = body.get("tools")
    parameters = parameters_of(parameters)
    if "adapters" in body:  # LoRA: which adapter answered is as telling as any parameter
        parameters = {**(parameters or {}), "adapters": body["adapters"]}
    return Request(
        family,
        body,
        messages=[message for item in items for message in item] or None,
        parameters=parameters,
        tools=objects_of(tools) or None,
        model=model,
        items=items,
    )


def rest_of(body: dict[str, Any], *taken: str) -> dict[str, Any] | None:
    """What is left of a body without the names taken; None where nothing is."""
    return {k: v for k, v in body.items() if k not in taken} or None


def parameters_of(value: Any) -> dict[str, Any] | None:
    """The parameters, if they are an object."""
    return value if isinstance(value, dict) else None


def prompts_of(value: Any) -> list[Messages]:
    """One conversation of one user message for a text, or for each text of a list."""
    if isinstance(value, str):
        return [[user(value)]]
    return [[user(v)] for v in value] if is_texts(value) else []


def is_dialog(value: Any) -> bool:
    """Whether a value is a list of messages, at least one, each with a role."""
    return (
        isinstance(value, list)
        and bool(value)
        and all(isinstance(m, dict) and "role" in m for m in value)
    )
