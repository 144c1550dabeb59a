"""What judges see of an inference, and how many tokens that is."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC
from enum import StrEnum
from typing import Any

from inference_monitor.config.scorers import MARKS
from inference_monitor.domain import Material
from inference_monitor.inference import Choice, Inference, Request, Response, Usage
from inference_monitor.scoring.contexts import Mark, contexts_of
from inference_monitor.scoring.delimiters import cut_middle, escape_turns
from inference_monitor.scoring.messages import (
    catalogue,
    conversation,
    only_text,
    requested_tools,
    shorter_catalogue,
    tool_call_text,
)
from inference_monitor.text import estimate_tokens, well_formed, without_inline_data


def answers_of(inference: Inference) -> Iterator[Inference]:
    """The inference as one for each answer: item of a batch or further choice, with its own input.

    An inference without answers is given as it is.
    """
    request, response = inference.request, inference.response
    if response is None or len(response.choices) < 2:
        yield inference
        return
    for choice in response.choices:
        own = request
        if request is not None and choice.item < len(request.items):
            item = request.items[choice.item]
            own = replace(request, body=_body(request, choice.item), messages=item, items=[item])
        answered = replace(response, choices=(replace(choice, item=0),))
        yield replace(inference, request=own, response=answered)


def _body(request: Request, item: int) -> Any:
    """Of JSON lines, and of a list of texts, the body of one item."""
    several = isinstance(request.body, list) and len(request.body) == len(request.items)
    return request.body[item] if several else request.body


def materials(
    inference: Inference, max_tokens: int, most: int | None = None, marks: Sequence[Mark] = MARKS
) -> tuple[Material, ...]:
    """Render the answers of an inference for a judge; none for a failure or an empty answer.

    Args:
        inference: What is to be judged.
        max_tokens: About how many tokens conversation, answer and tools may have together, see
            `material`.
        most: How many answers at most, the first ones; None for all.
        marks: See `contexts.contexts_of`.
    """
    shown: list[Material] = []
    for number, one in enumerate(answers_of(inference), start=1):
        if most is not None and len(shown) >= most:
            break
        if (found := material(one, max_tokens, marks)) is not None:
            shown.append(replace(found, number=number))
    return tuple(shown)


def material(
    inference: Inference, max_tokens: int, marks: Sequence[Mark] = MARKS
) -> Material | None:
    """Render the first answer of an inference for a judge; None when there is nothing to judge.

    Args:
        inference: What is to be judged.
        max_tokens: About how many tokens conversation, answer and tools may have together. Tools
            have a quarter at most. A longer record is cut in the middle of each; half is the
            answer's, and what it leaves is the conversation's. Documents are parts of the
            conversation or sent beside it: they have as much again.
        marks: See `contexts.contexts_of`.
    """
    inference = next(answers_of(inference))
    text, calls = _said(inference)
    if inference.response is None or not (text or calls):
        return None
    request, choice = inference.request, inference.response.choices[0]
    asked = request_text(inference)
    messages = _messages(inference)
    called = [call.name for call in choice.tool_calls]
    cuts = _Cuts()
    tools = _tools(request, called, max_tokens // 4, cuts)
    room = max_tokens - estimate_tokens(tools or "")
    response = _plain(escape_turns("\n".join(filter(None, (text, calls)))))
    asked = None if asked is None else _plain(asked)
    of_response = max(room - estimate_tokens(asked or ""), room // 2)
    shown = cuts.cut("response", response, of_response)
    if asked is not None:
        asked = cuts.cut("request", asked, room - min(estimate_tokens(response), of_response))
    contexts = contexts_of(request, messages, marks) if request else None
    if contexts is not None:
        contexts = cuts.cut("contexts", _plain(escape_turns(contexts)), max_tokens)
    return Material(
        asked,
        shown,
        cuts.told,
        tools,
        contexts,
        calls_tools=bool(calls),
        only_calls_tools=not text,
        turns=sum(message.get("role") == "user" for message in messages),
        date=inference.inference_time.astimezone(UTC).date().isoformat(),
    )


@dataclass(slots=True)
class _Cuts:
    """Cuts texts that are too long, and remembers what is to be told of it."""

    made: dict[str, str] = field(default_factory=dict)

    def cut(self, side: str, text: str, room: int) -> str:
        """A text within about `room` tokens."""
        tokens = estimate_tokens(text)
        if tokens <= room:
            return text
        self.made[side] = f"{side}: about {room} of {tokens} tokens"
        return cut_middle(text, len(text) * room // tokens)

    @property
    def told(self) -> str | None:
        """What was cut: of the conversation first, as the judge reads it."""
        sides = ("request", "response", "tools", "contexts")
        return "; ".join(self.made[side] for side in sides if side in self.made) or None


def _tools(request: Request | None, called: Sequence[str], room: int, cuts: _Cuts) -> str | None:
    """The catalogue; where it is too long, in full only what was called."""
    offered = requested_tools(request) if request else []
    if not offered:
        return None
    text = _plain(escape_turns(catalogue(offered)))
    if estimate_tokens(text) > room:
        text = _plain(escape_turns(shorter_catalogue(offered, called)))
        cuts.made["tools"] = "tools: shortened descriptions of those that were not called"
    return cuts.cut("tools", text, room)


def _plain(text: str) -> str:
    return without_inline_data(well_formed(text))


def answer_text(inference: Inference) -> str | None:
    """The text of the first answer, else the tools it calls; None for a failure or an empty one."""
    text, calls = _said(inference)
    return text or calls or None


def _said(inference: Inference) -> tuple[str, str]:
    """The text of the first answer, and the tools it calls."""
    response = inference.response
    if response is None or response.failure is not None or not response.choices:
        return "", ""
    choice = response.choices[0]
    text = choice.text or ""
    if response.echoes_prompt and (prompt := only_text(_messages(inference))):
        # Such endpoints answer with the prompt and then the completion: only the latter is theirs.
        text = text.removeprefix(prompt)
    calls = "\n".join(tool_call_text(call.name, call.arguments) for call in choice.tool_calls)
    return text if text.strip() else "", calls


def request_text(inference: Inference) -> str | None:
    """The conversation up to the first answer.

    A single message is shown as its text. Several are wrapped each in a `<message role="…">`.
    """
    if inference.request is None:
        return None
    if messages := _messages(inference):
        return conversation(messages)
    body = inference.request.body
    return escape_turns(body if isinstance(body, str) else json.dumps(body, ensure_ascii=False))


def _messages(inference: Inference) -> Sequence[dict[str, Any]]:
    """The conversation that the first answer belongs to."""
    request, response = inference.request, inference.response
    if request is None:
        return []
    item = response.choices[0].item if response and response.choices else None
    if item is not None and item < len(request.items):
        return request.items[item]
    return request.messages or []


LEAST_TURNS = 2
"""User turns from which on a conversation is judged as a whole; one is judged by itself."""


class Need(StrEnum):
    """Something that is not there in every inference; its value says what that is."""

    REQUEST = "the request, which was not captured"
    CONTEXTS = "documents or tool results, and the conversation has none"
    TOOLS = "tools, and the request offers none and the answer calls none"
    TOOL_CALLS = "tool calls, and the answer makes none"
    TURNS = f"a conversation with at least {LEAST_TURNS} turns of the user, and this has fewer"


OF_TEXTS: Mapping[str, frozenset[Need]] = {
    "contexts": frozenset({Need.CONTEXTS}),
    "conversation": frozenset({Need.REQUEST, Need.TURNS}),
    "request": frozenset({Need.REQUEST}),
}
"""What must be there where a question shows one of these texts."""


def first_missing(needs: Collection[Need], material: Material) -> Need | None:
    """The first of these that an inference does not have; None when it has all."""
    there = {
        Need.REQUEST: material.request is not None,
        Need.CONTEXTS: material.contexts is not None,
        Need.TOOLS: material.tools is not None or material.calls_tools,
        Need.TOOL_CALLS: material.calls_tools,
        Need.TURNS: material.turns >= LEAST_TURNS,
    }
    return next((need for need in Need if need in needs and not there[need]), None)


def reported_or_estimated(inference: Inference) -> tuple[dict[str, int], list[str]]:
    """`input_tokens` and `output_tokens` of an inference, and which of them are estimates."""
    response = inference.response
    usage = response.usage if response else Usage()
    counts = {"input_tokens": usage.input_tokens, "output_tokens": usage.output_tokens}
    estimated = {}
    if counts["input_tokens"] is None:
        estimated["input_tokens"] = estimate_tokens(_asked(inference))
    if counts["output_tokens"] is None:
        estimated["output_tokens"] = estimate_tokens(_answers(response))
    known = {side: count for side, count in counts.items() if count is not None}
    return known | estimated, [side for side, count in estimated.items() if count]


def _asked(inference: Inference) -> str:
    """Every prompt of a batch, else the conversation."""
    request = inference.request
    if request is not None and len(request.items) > 1:
        return "".join(map(conversation, request.items))
    return request_text(inference) or ""


def _answers(response: Response | None) -> str:
    """All that was written for the answers: servers count thoughts and tool calls, too."""
    return "".join(map(_written, response.choices)) if response else ""


def _written(choice: Choice) -> str:
    calls = "".join(call.name + call.arguments for call in choice.tool_calls)
    return (choice.reasoning or "") + (choice.text or "") + calls
