"""An inference that has all that a judge may be asked about."""

from __future__ import annotations

from dataclasses import replace

from inference_monitor.inference import ToolCall
from tests.unit.judging import inference

WEATHER = {
    "type": "function",
    "function": {
        "name": "weather",
        "description": "The forecast for a city and a day.",
        "parameters": {"type": "object", "properties": {"city": {"type": "string"}}},
    },
}
_CALL = {"id": "1", "type": "function", "function": {"name": "weather", "arguments": '{"city": "Paris"}'}}  # fmt: skip  # noqa: E501
_CHAT = inference(
    answer="It is raining in Paris. Let me look at Lyon.",
    messages=[
        {"role": "system", "content": "Be brief."},
        {"role": "user", "content": "Will it rain in Paris?"},
        {"role": "assistant", "content": None, "tool_calls": [_CALL]},
        {"role": "tool", "tool_call_id": "1", "content": "rain until noon"},
        {"role": "assistant", "content": "Yes, until noon."},
        {"role": "user", "content": "And in Lyon?"},
    ],
    tool_calls=(ToolCall("weather", '{"city": "Lyon"}'),),
)
assert _CHAT.request is not None
TALK = replace(_CHAT, request=replace(_CHAT.request, tools=[WEATHER]))
"""A chat of two turns with a tool, its result, and an answer that calls it again."""
