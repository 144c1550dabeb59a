"""What of an inference is shown to a judge: the conversation and the answer, as text."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import Any

from inference_monitor.inference import Choice, Inference
from inference_monitor.scoring.text import estimate_tokens, well_formed, without_inline_data
from inference_monitor.scoring.turns import cut_middle, escape_turns, turn


@dataclass(frozen=True, slots=True)
class Material:
    """Text to be judged.

    `request` is None when the endpoint captures answers only. `shortened` says what was cut.
    """

    request: str | None
    response: str
    shortened: str | None = None


def material(inference: Inference, max_tokens: int) -> Material | None:
    """Render an inference for a judge; None when there is no answer to judge.

    Of a batched or several-choice inference the first answer is judged, with its own input.

    Args:
        inference: What is to be judged.
        max_tokens: About how many tokens conversation and answer may have together. A longer
            record is cut in the middle of each; half is the answer's, and what it leaves is the
            conversation's.
    """
    answer = answer_text(inference)
    if answer is None:
        return None
    request = request_text(inference)
    response = _plain(escape_turns(answer))
    request = None if request is None else _plain(request)
    of_response, of_request = estimate_tokens(response), estimate_tokens(request or "")
    room = max(max_tokens - of_request, max_tokens // 2)
    shown_response, cut_response = _cut("response", response, of_response, room)
    shown_request, cut_request = None, None
    if request is not None:
        room = max_tokens - min(of_response, room)
        shown_request, cut_request = _cut("request", request, of_request, room)
    told = [cut for cut in (cut_request, cut_response) if cut]
    return Material(shown_request, shown_response, "; ".join(told) or None)


def _plain(text: str) -> str:
    return without_inline_data(well_formed(text))


def _cut(side: str, text: str, tokens: int, room: int) -> tuple[str, str | None]:
    """A text within about `room` tokens, and what is to be said of the cut."""
    if tokens <= room:
        return text, None
    kept = len(text) * room // tokens
    return cut_middle(text, kept), f"{side}: about {room} of {tokens} tokens"


def answer_text(inference: Inference) -> str | None:
    """The text of the first answer, else its tool calls; None for a failure or an empty answer."""
    response = inference.response
    if response is None or response.failure is not None or not response.choices:
        return None
    choice = response.choices[0]
    text = choice.text or ""
    if response.echoes_prompt and (prompt := _only_text(_messages(inference, choice))):
        # Such endpoints answer with the prompt and then the completion: only the latter is theirs.
        text = text.removeprefix(prompt)
    if not text.strip():
        text = "\n".join(_tool_call(c.name, c.arguments) for c in choice.tool_calls)
    return text if text.strip() else None


def request_text(inference: Inference) -> str | None:
    """The conversation up to the first answer.

    A single message is shown as its text. Several are wrapped each in a `<message role="…">`.
    """
    if inference.request is None:
        return None
    choices = inference.response.choices if inference.response else ()
    messages = _messages(inference, choices[0] if choices else None)
    if not messages:
        body = inference.request.body
        text = body if isinstance(body, str) else json.dumps(body, ensure_ascii=False)
        return escape_turns(text)
    if (only := _only_text(messages)) is not None:
        return escape_turns(only)
    return "\n".join(_turn(message) for message in messages)


def _messages(inference: Inference, choice: Choice | None) -> list[dict[str, Any]]:
    request = inference.request
    if request is None:
        return []
    if choice is not None and choice.item < len(request.items):
        return request.items[choice.item]
    return request.messages or []


def _only_text(messages: list[dict[str, Any]]) -> str | None:
    if len(messages) != 1 or messages[0].get("tool_calls"):
        return None
    return _content(messages[0].get("content"))


def _turn(message: dict[str, Any]) -> str:
    calls = message.get("tool_calls")
    functions = [
        call["function"]
        for call in (calls if isinstance(calls, list) else [])
        if isinstance(call, dict) and isinstance(call.get("function"), dict)
    ]
    parts = [_content(message.get("content"))]
    parts += [_tool_call(f.get("name"), f.get("arguments")) for f in functions]
    return turn(str(message.get("role") or ""), "\n".join(part for part in parts if part))


def _content(content: Any) -> str:
    """The text of a message; parts that are no text (images, audio) become a short note."""
    if content is None:
        return ""
    if isinstance(content, str):
        return content
    if isinstance(content, list):
        return "\n".join(_part(part) for part in content)
    return json.dumps(content, ensure_ascii=False)


def _part(part: Any) -> str:
    if isinstance(part, str):
        return part
    if not isinstance(part, dict):
        return "[part of unknown type]"
    for key in ("text", "input_text", "output_text", "refusal"):
        if isinstance(part.get(key), str):
            return str(part[key])
    kind = re.sub(r"[^\w-]", "", str(part.get("type") or ""))[:40] or "part of unknown type"
    return f"[{kind.removesuffix('_url')}]"


def _tool_call(name: Any, arguments: Any) -> str:
    shown = arguments if isinstance(arguments, str) else json.dumps(arguments, ensure_ascii=False)
    return f"[calls the tool {name} with {shown}]"
