"""The tokens of an inference: as the endpoint reported them, else estimated."""

from __future__ import annotations

from inference_monitor.inference import Choice, Inference, Response, Usage
from inference_monitor.scoring.material import request_text
from inference_monitor.scoring.messages import conversation
from inference_monitor.text import estimate_tokens


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
