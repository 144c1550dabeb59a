"""Requests that are a conversation: `messages`, and what servers and callers have in its place."""

from __future__ import annotations

from typing import Any

from inference_monitor.families import gemini, langchain
from inference_monitor.families.anthropic import openai_turns
from inference_monitor.families.fields import objects_of, system, text_of, user
from inference_monitor.families.openai_responses import request_messages
from inference_monitor.families.request_fields import Messages, build_request, is_dialog, rest_of
from inference_monitor.inference import Request

_COHERE_ROLES = {"user": "user", "chatbot": "assistant", "system": "system", "tool": "tool"}
# Names that containers of people's own give to a conversation.
_DIALOG_NAMES = (
    "conversation", "conversations", "dialog", "dialogs", "dialogue", "chat", "turns",
    "input_string",
)  # fmt: skip
_HISTORY_NAMES = ("history", "chat_history")


def openai_chat(body: dict[str, Any]) -> Request | None:
    """`messages`: OpenAI's API as TGI, LMI, vLLM, NIM and SGLang serve it, and AI21's Jamba.

    Anthropic's has the same name for them, and a `system` prompt beside them.
    """
    turns = body.get("messages")
    if isinstance(turns, str):
        turns = [user(turns)]
    if not isinstance(turns, list):
        return None
    dialogs = turns if turns and all(is_dialog(d) for d in turns) else [turns]
    items = []
    for dialog in dialogs:
        messages = system(body.get("system"))
        for turn in dialog:
            messages += _turns_of(turn)
        items.append(messages)
    return build_request("openai_chat", body, items, rest_of(body, "messages", "system"))


def conversation(body: dict[str, Any]) -> Request | None:
    """A conversation under another name, and Gemini's `contents`."""
    if messages := gemini.messages_of(body):
        return build_request("conversation", body, [messages], body.get("generationConfig"))
    if any(body.get(key) and isinstance(body[key], list) for key in _HISTORY_NAMES):
        return build_request("conversation", body, [langchain.messages_of(body)], None)
    for key in _DIALOG_NAMES:
        turns = body.get(key)
        dialogs = turns if turns and isinstance(turns, list) else []
        dialogs = dialogs if dialogs and all(isinstance(d, list) for d in dialogs) else [dialogs]
        items = [[m for t in dialog for m in _turns_of(t)] for dialog in dialogs]
        if all(is_dialog(item) for item in items):
            return build_request("conversation", body, items, rest_of(body, key))
    return None


def openai_responses(body: dict[str, Any]) -> Request | None:
    """`input` that is a conversation: OpenAI's Responses API."""
    messages = request_messages(body)
    if messages is None:
        return None
    return build_request(
        "openai_responses", body, [messages], rest_of(body, "input", "instructions")
    )


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
    return build_request("cohere_chat", body, [messages], rest_of(body, "message", "chat_history"))


def inputs_dialog(body: dict[str, Any]) -> Request | None:
    """`inputs` of messages, or of lists of messages: JumpStart's Llama 2 dialogs."""
    inputs = body.get("inputs")
    if isinstance(inputs, dict):
        inputs = inputs.get("messages")
    if not isinstance(inputs, list) or not inputs:
        return None
    dialogs = inputs if all(isinstance(d, list) for d in inputs) else [inputs]
    if not all(is_dialog(d) for d in dialogs):
        return None
    return build_request("inputs_dialog", body, dialogs, body.get("parameters"))


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
    return build_request("hf_conversational", body, [messages], body.get("parameters"))


def langserve(body: dict[str, Any]) -> Request | None:
    """`input` or `inputs` with a `config`: a chain that LangServe serves, once or for a batch."""
    if "config" not in body and "kwargs" not in body:
        return None
    batch = body["inputs"] if isinstance(body.get("inputs"), list) else [body.get("input")]
    items = [langchain.messages_of(variables) for variables in batch]
    return build_request("langserve", body, items, body.get("config")) if all(items) else None


def input_object(body: dict[str, Any]) -> Request | None:
    """`input` as an object with a prompt in it."""
    variables = body.get("input")
    messages = langchain.messages_of(variables) if isinstance(variables, dict) else []
    return (
        build_request("input_object", body, [messages], rest_of(body, "input"))
        if messages
        else None
    )


def _turns_of(turn: Any) -> Messages:
    """A message as it is, or of another spelling: AI21's `text`, ShareGPT's `from`, a pair."""
    if isinstance(turn, list) and len(turn) == 2 and isinstance(turn[0], str):
        return langchain.turns([turn])
    if not isinstance(turn, dict):
        return [user(turn)]
    if "content" not in turn and isinstance(turn.get("text"), str) and "role" in turn:
        turn = {**turn, "content": turn["text"]}
    elif "from" in turn and "value" in turn:
        return langchain.turns([[turn["from"], turn["value"]]])
    return openai_turns(turn)
