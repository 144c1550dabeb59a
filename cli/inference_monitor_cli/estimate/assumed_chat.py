"""A chat of a given size, where there are no captures to count."""

from __future__ import annotations

from datetime import UTC, datetime

from inference_monitor.inference import Choice, Inference, Kind, Request, Response, Source, Usage

SOURCE = Source("assumed", "assumed", "assumed", "AllTraffic")

# As `text.estimate_tokens` counts English.
_CHARACTERS_PER_TOKEN = 4
# About what SageMaker and the OpenAI format write around the texts of a chat in samples/.
_ENVELOPE_BYTES = 900
_WORD = "word "


def chat(input_tokens: int, output_tokens: int) -> Inference:
    """One question and its answer, of so many tokens."""
    messages = [{"role": "user", "content": _text(input_tokens)}]
    usage = Usage(input_tokens, output_tokens)
    return Inference(
        "assumed",
        datetime.now(UTC),
        Kind.LLM,
        "openai_chat",
        Request("openai_chat", messages=messages),
        Response("openai_chat", choices=(Choice(_text(output_tokens)),), usage=usage),
    )


def chat_bytes(input_tokens: int, output_tokens: int) -> int:
    """What such a chat takes in a capture file."""
    return (input_tokens + output_tokens) * _CHARACTERS_PER_TOKEN + _ENVELOPE_BYTES


def _text(tokens: int) -> str:
    characters = tokens * _CHARACTERS_PER_TOKEN
    return (_WORD * (characters // len(_WORD) + 1))[:characters]
