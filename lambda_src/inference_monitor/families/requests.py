"""What callers send: the request families, one reader each, tried in order.

A reader takes the parsed body and gives a `Request`, or None if the body is not of its family.
Shapes and their sources are listed in docs/capture-formats.md.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from inference_monitor.families.anthropic import openai_turns
from inference_monitor.families.fields import (
    is_texts,
    objects_of,
    system,
    text_of,
    user,
)
from inference_monitor.families.openai_responses import request_messages
from inference_monitor.families.tabular import is_cell
from inference_monitor.inference import Kind, Request

Messages = list[dict[str, Any]]

_COHERE_ROLES = {"user": "user", "chatbot": "assistant", "system": "system", "tool": "tool"}
_TABULAR_KEYS = ("instances", "features", "dataframe_split", "dataframe_records")


@dataclass(frozen=True, slots=True)
class RequestFamily:
    """A request shape. `certain` says that no other kind of model takes requests of this shape."""

    name: str
    read: Callable[[dict[str, Any]], Request | None]
    kind: Kind = Kind.LLM
    certain: bool = False


def openai_chat(body: dict[str, Any]) -> Request | None:
    """`messages`: OpenAI's API as TGI, LMI, vLLM, NIM and SGLang serve it, and AI21's Jamba.

    Anthropic's has the same name for them, and a `system` prompt beside them.
    """
    turns = body.get("messages")
    if not isinstance(turns, list):
        return None
    messages = system(body.get("system"))
    for turn in turns:
        messages += openai_turns(turn) if isinstance(turn, dict) else [user(turn)]
    return _request("openai_chat", body, [messages], _rest(body, "messages", "system"))


def openai_responses(body: dict[str, Any]) -> Request | None:
    """`input` that is a conversation: OpenAI's Responses API."""
    messages = request_messages(body)
    if messages is None:
        return None
    return _request("openai_responses", body, [messages], _rest(body, "input", "instructions"))


def cohere_chat(body: dict[str, Any]) -> Request | None:
    """`message` with `chat_history`: Cohere Command R; the history comes first."""
    message = text_of(body.get("message"))
    if message is None:
        return None
    messages = system(text_of(body.get("preamble")))
    for turn in objects_of(body.get("chat_history")):
        role = (text_of(turn.get("role")) or "user").lower()
        content = turn.get("message", turn.get("content"))
        messages.append({"role": _COHERE_ROLES.get(role, role), "content": content})
    messages.append(user(message))
    return _request("cohere_chat", body, [messages], _rest(body, "message", "chat_history"))


def rerank(body: dict[str, Any]) -> Request | None:
    """`query` with the texts to rank: Cohere (`documents`), TEI (`texts`), NIM (`passages`)."""
    if "query" in body and any(isinstance(body.get(k), list) for k in _RANKED_KEYS):
        return Request("rerank", body, parameters=_rest(body, "query", *_RANKED_KEYS))
    return None


def embeddings(body: dict[str, Any]) -> Request | None:
    """`texts` (Cohere) or `input` (OpenAI, NIM): texts to embed, unless the answer is a text."""
    for key in ("texts", "input", "sentences"):
        if isinstance(body.get(key), (str, list)):
            return _request("embeddings", body, _prompts(body[key]), _rest(body, key))
    return None


def sglang_native(body: dict[str, Any]) -> Request | None:
    """`text` or `input_ids` with `sampling_params`: SGLang's own API."""
    if "sampling_params" not in body and "input_ids" not in body:
        return None
    parameters = body.get("sampling_params")
    items = _prompts(body.get("text"))
    return _request("sglang_native", body, items, parameters)


def inputs_text(body: dict[str, Any]) -> Request | None:
    """`inputs` of text: TGI, LMI and the Hugging Face toolkit; a list of texts is a batch."""
    items = _prompts(body.get("inputs"))
    return _request("inputs_text", body, items, body.get("parameters")) if items else None


def inputs_dialog(body: dict[str, Any]) -> Request | None:
    """`inputs` of messages, or of lists of messages: JumpStart's Llama 2 dialogs."""
    inputs = body.get("inputs")
    if isinstance(inputs, dict):
        inputs = inputs.get("messages")
    if not isinstance(inputs, list) or not inputs:
        return None
    dialogs = inputs if all(isinstance(d, list) for d in inputs) else [inputs]
    if not all(_is_dialog(d) for d in dialogs):
        return None
    return _request("inputs_dialog", body, dialogs, body.get("parameters"))


def hf_conversational(body: dict[str, Any]) -> Request | None:
    """`inputs` with `past_user_inputs`: the toolkit's conversational pipeline."""
    inputs = body.get("inputs")
    if not isinstance(inputs, dict) or "past_user_inputs" not in inputs:
        return None
    asked, answered = inputs.get("past_user_inputs"), inputs.get("generated_responses")
    messages: Messages = []
    for question, answer in zip(asked or [], answered or [], strict=False):
        messages += [user(question), {"role": "assistant", "content": answer}]
    messages.append(user(inputs.get("text")))
    return _request("hf_conversational", body, [messages], body.get("parameters"))


def inputs_object(body: dict[str, Any]) -> Request | None:
    """`inputs` as an object (question and context, a table, …): a pipeline that is not a chat."""
    if not isinstance(body.get("inputs"), dict):
        return None
    return Request("inputs_object", body, parameters=_parameters(body.get("parameters")))


def prompt(body: dict[str, Any]) -> Request | None:
    """`prompt`: OpenAI completions, Cohere generate, AI21 Jurassic; token ids give no message."""
    value = body.get("prompt")
    if not isinstance(value, (str, list)):
        return None
    return _request("prompt", body, _prompts(value), _rest(body, "prompt"))


def text_inputs(body: dict[str, Any]) -> Request | None:
    """`text_inputs`: JumpStart's first text generation and embedding models."""
    items = _prompts(body.get("text_inputs"))
    return _request("text_inputs", body, items, _rest(body, "text_inputs")) if items else None


def text(body: dict[str, Any]) -> Request | None:
    """`text` (Cohere summarize), or another name for a prompt of the container's own choice."""
    for key in ("text", "query", "question", "instruction", "input_text"):
        if items := _prompts(body.get(key)):
            return _request("text", body, items, _rest(body, key))
    return None


def tabular(body: dict[str, Any]) -> Request | None:
    """Rows of features: classic ML models."""
    numeric_inputs = isinstance(body.get("inputs"), list) and not is_texts(body["inputs"])
    row = bool(body) and all(is_cell(v) for v in body.values())
    if numeric_inputs or row or any(key in body for key in _TABULAR_KEYS):
        return Request("tabular", body)
    return None


_RANKED_KEYS = ("documents", "texts", "passages")

REQUEST_FAMILIES = (
    RequestFamily("openai_chat", openai_chat, certain=True),
    RequestFamily("openai_responses", openai_responses, certain=True),
    RequestFamily("rerank", rerank, Kind.RERANK, certain=True),
    RequestFamily("cohere_chat", cohere_chat, certain=True),
    RequestFamily("sglang_native", sglang_native, certain=True),
    RequestFamily("inputs_text", inputs_text),
    RequestFamily("inputs_dialog", inputs_dialog, certain=True),
    RequestFamily("hf_conversational", hf_conversational, certain=True),
    RequestFamily("inputs_object", inputs_object, Kind.OTHER),
    RequestFamily("prompt", prompt, certain=True),
    RequestFamily("text_inputs", text_inputs),
    RequestFamily("embeddings", embeddings, Kind.EMBEDDING),
    RequestFamily("text", text),
    RequestFamily("tabular", tabular, Kind.CLASSIFIER),
)


def _request(family: str, body: dict[str, Any], items: list[Messages], parameters: Any) -> Request:
    model = text_of(body.get("model")) or text_of(body.get("adapters"))
    tools = body.get("tools")
    parameters = _parameters(parameters)
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


def _rest(body: dict[str, Any], *taken: str) -> dict[str, Any] | None:
    return {k: v for k, v in body.items() if k not in taken} or None


def _parameters(value: Any) -> dict[str, Any] | None:
    return value if isinstance(value, dict) else None


def _prompts(value: Any) -> list[Messages]:
    """One conversation of one user message for a text, or for each text of a list."""
    if isinstance(value, str):
        return [[user(value)]]
    return [[user(v)] for v in value] if is_texts(value) else []


def _is_dialog(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(m, dict) and "role" in m for m in value)
