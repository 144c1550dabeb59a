"""The tokens of an inference, as an assessment."""

from __future__ import annotations

import math

from mlflow.entities import AssessmentSource, AssessmentSourceType, Feedback

from inference_monitor.inference import Usage
from inference_monitor.scoring.config import TokenCountSpec
from inference_monitor.scoring.material import request_text
from inference_monitor.scoring.record import Record, Scored, attach

_CHARACTERS_PER_TOKEN = 4  # what tokenizers of English text come to, roughly


class TokenCountScorer:
    """Tokens in and out together: the endpoint's own counts, or an estimate that says it is one."""

    asks_judge = False

    def __init__(self, spec: TokenCountSpec) -> None:
        self.spec = spec

    def score(self, record: Record) -> Scored:
        """Count; nothing is given where there is neither a count nor a text."""
        response = record.inference.response
        usage = response.usage if response else Usage()
        reported = {"input_tokens": usage.input_tokens, "output_tokens": usage.output_tokens}
        asked = request_text(record.inference) or ""
        answered = "".join(choice.text or "" for choice in response.choices) if response else ""
        texts = {"input_tokens": asked, "output_tokens": answered}
        counts = {
            side: math.ceil(len(texts[side]) / _CHARACTERS_PER_TOKEN) if count is None else count
            for side, count in reported.items()
        }
        estimated = [side for side, count in reported.items() if count is None and texts[side]]
        if not any(counts.values()):
            return Scored()
        feedback = Feedback(
            name=self.spec.name,
            value=sum(counts.values()),
            rationale=_rationale(counts, estimated),
            source=AssessmentSource(AssessmentSourceType.CODE, "token_count"),
            metadata={side: str(count) for side, count in counts.items()}
            | ({"estimated": ", ".join(estimated)} if estimated else {}),
        )
        return Scored([attach(feedback, record, self.spec)])


def _rationale(counts: dict[str, int], estimated: list[str]) -> str:
    text = f"{counts['input_tokens']} in, {counts['output_tokens']} out, "
    if not estimated:
        return f"{text}as the endpoint reported them"
    return f"{text}estimated from the length of the text: {' and '.join(estimated)}"
