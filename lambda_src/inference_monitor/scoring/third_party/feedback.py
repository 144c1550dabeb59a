"""The assessment that comes of what a third-party metric and its judge said."""

from __future__ import annotations

import math
from enum import Enum
from typing import Any

from mlflow.entities import AssessmentError, AssessmentSource, AssessmentSourceType, Feedback
from mlflow.genai.scorers import FRAMEWORK_METADATA_KEY
from mlflow.tracing.constant import AssessmentMetadataKey

from inference_monitor.config.specs import MlflowSpec, bedrock_model_id
from inference_monitor.config.third_party_names import framework_of
from inference_monitor.domain import Record
from inference_monitor.scoring.error_codes import (
    JUDGE_DECLINED,
    JUDGE_REFUSED,
    SCORER_ERROR,
    UNREADABLE_VERDICT,
)
from inference_monitor.scoring.record import attach
from inference_monitor.scoring.third_party.line import JudgeLine
from inference_monitor.text import cut_end


def failure(told: str) -> Feedback:
    """What a metric gives that cannot judge; the first line of `told` says why."""
    message = cut_end(told.strip().partition("\n")[0], 500)
    return Feedback(name="", error=AssessmentError(SCORER_ERROR, message))


def storable(given: Any) -> Feedback:
    """What a metric gave, as MLflow can store it.

    Raises:
        Exception: If it cannot.
    """
    if not isinstance(given, Feedback):
        raise TypeError(f"gave a {type(given).__name__} instead of a Feedback")
    if given.error is not None:
        return failure(str(given.error.error_message or given.error.error_code))
    if isinstance(given.value, Enum):
        given.value = given.value.value
    if isinstance(given.value, float) and not math.isfinite(given.value):
        raise ValueError(f"gave {given.value}, which is no verdict")
    given.to_proto()
    return given


def judged(given: Feedback, line: JudgeLine) -> Feedback:
    """What a metric gave, in the light of what its judge answered.

    A metric may give a value though its judge refused, or was not understood: that is none.
    """
    if line.refusal:
        return Feedback(name="", error=AssessmentError(JUDGE_REFUSED, line.refusal))
    if line.declined:
        return Feedback(name="", error=AssessmentError(JUDGE_DECLINED, line.declined))
    if line.unreadable:
        line.used.unreadable = True
        return Feedback(name="", error=AssessmentError(UNREADABLE_VERDICT, line.unreadable))
    if given.error is None and not given.rationale:
        given.rationale = "\n".join(line.reasons) or None
    return given


def assessment(
    given: Feedback, record: Record, spec: MlflowSpec, accounts: dict[str, str]
) -> Feedback:
    """As all our assessments are: named as in the file, and whose judgement it is."""
    framework = framework_of(spec.class_path)
    shortened = record.material.shortened if record.material else None
    source = AssessmentSource(AssessmentSourceType.CODE, spec.class_path)
    if "judge_model" in accounts:
        model = f"bedrock:/{accounts['judge_model']}"
        source = AssessmentSource(AssessmentSourceType.LLM_JUDGE, model)
    feedback = Feedback(
        name=spec.name,
        value=None if given.error else given.value,
        rationale=None if given.error else given.rationale,
        error=given.error,
        source=source,
        metadata={
            **({FRAMEWORK_METADATA_KEY: framework.key} if framework else {}),
            **(given.metadata or {}),
            **accounts,
            **({"shortened": shortened} if shortened else {}),
        },
    )
    return attach(feedback, record, spec)


def accounts_of(line: JudgeLine, package: str) -> dict[str, str]:
    """The judge, and tokens and price of all calls of a run under the keys MLflow has for them.

    What the judge was told are the words of the package, so its version is that of the prompt.
    """
    used = line.used.usage
    if not used.calls:
        return {}
    accounts = {
        "judge_model": bedrock_model_id(line.model),
        "judge_calls": str(used.calls),
        "prompt_version": package,
        AssessmentMetadataKey.JUDGE_INPUT_TOKENS: str(used.input_tokens),
        AssessmentMetadataKey.JUDGE_OUTPUT_TOKENS: str(used.output_tokens),
    }
    if used.cost_usd:
        accounts[AssessmentMetadataKey.JUDGE_COST] = f"{used.cost_usd:.8f}"
    return accounts
