"""One Converse call that a third-party metric makes, as `Asking` takes it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from mlflow.entities import Feedback

from inference_monitor.config.specs import InferenceParameters
from inference_monitor.scoring.judge.answer import Answer
from inference_monitor.scoring.judge.requests import JudgeRequest
from inference_monitor.scoring.judge.written_objects import TOOL
from inference_monitor.scoring.third_party.schema import tool_schema
from inference_monitor.text import estimate_tokens

_SYSTEM = "Do what the message says."


@dataclass(slots=True)
class MetricCall:
    """What a metric asks.

    `schema` is what the answer must be an instance of; None where a text is wanted.
    """

    model: str
    parameters: InferenceParameters
    prompt: str
    schema: Mapping[str, Any] | None = None
    answer: Answer | None = None
    refusal: str | None = None

    @property
    def criteria(self) -> tuple[str]:
        """A metric's call is about itself alone."""
        return ("metric",)

    @property
    def request(self) -> JudgeRequest:
        """What is asked, whatever way the judge takes to be asked."""
        tool = None if self.schema is None else self._tool
        return JudgeRequest(self.model, _SYSTEM, self.prompt, tool, self.parameters)

    @property
    def max_output_tokens(self) -> int:
        """The most that the judge may answer."""
        return self.parameters.max_tokens

    @property
    def estimated_input_tokens(self) -> int:
        """About how many tokens are sent."""
        return sum(map(estimate_tokens, (_SYSTEM, self.prompt, json.dumps(self._tool))))

    def read(self, answer: Answer, cost_usd: float | None) -> list[Feedback]:  # noqa: ARG002
        """Keep the answer: what it is worth, the metric says."""
        self.answer = answer
        return []

    def refused(self, reason: str) -> list[Feedback]:
        """Keep why Bedrock will not take the call."""
        self.refusal = reason
        return []

    @property
    def _tool(self) -> dict[str, Any]:
        specification = {
            "name": TOOL,
            "description": "Record the answer.",
            "inputSchema": {"json": tool_schema(self.schema or {})},
        }
        return {"toolSpec": specification}
