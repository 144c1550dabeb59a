"""The tokens of an inference, as an assessment."""

from __future__ import annotations

from mlflow.entities import AssessmentSource, AssessmentSourceType, Feedback

from inference_monitor.config.specs import TokenCountSpec
from inference_monitor.domain import Record
from inference_monitor.scoring.material import reported_or_estimated
from inference_monitor.scoring.record import Allowance, Scored, attach


class TokenCountScorer:
    """Tokens in and out together: the endpoint's own counts, or an estimate that says it is one."""

    def __init__(self, spec: TokenCountSpec) -> None:
        self.spec = spec

    def score(self, record: Record, _allowance: Allowance, /) -> Scored:
        """Count; nothing is given where there is neither a count nor a text."""
        counts, estimated = reported_or_estimated(record.inference)
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
