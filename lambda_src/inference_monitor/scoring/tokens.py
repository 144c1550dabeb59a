"""The tokens of an inference: as the endpoint reported them, else estimated."""

from __future__ import annotations

from inference_monitor.inference import Inference, Response, Usage
from inference_monitor.scoring.material import request_text
from inference_monitor.scoring.text import estimate_tokens


def reported_or_estimated(inference: Inference) -> tuple[dict[str, int], list[str]]:
    """`input_tokens` and `output_tokens` of an inference, and which of them are estimates."""
    response = inference.response
    usage = response.usage if response else Usage()
    counts = {"input_tokens": usage.input_tokens, "output_tokens": usage.output_tokens}
    estimated = {}
    if counts["input_tokens"] is None:
        estimated["input_tokens"] = estimate_tokens(request_text(inference) or "")
    if counts["output_tokens"] is None:
        estimated["output_tokens"] = estimate_tokens(_answers(response))
    known = {side: count for side, count in counts.items() if count is not None}
    return known | estimated, [side for side, count in estimated.items() if count]


def _answers(response: Response | None) -> str:
    return "".join(choice.text or "" for choice in response.choices) if response else ""
