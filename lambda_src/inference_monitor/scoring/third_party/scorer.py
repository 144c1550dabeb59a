"""A scorer of a third-party package, run by our client."""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from enum import Enum
from threading import Lock
from typing import Any

from mlflow.entities import AssessmentError, AssessmentSource, AssessmentSourceType, Feedback
from mlflow.genai.scorers import FRAMEWORK_METADATA_KEY
from mlflow.genai.scorers import Scorer as MlflowScorer
from mlflow.tracing.constant import AssessmentMetadataKey

from inference_monitor.config.specs import MlflowSpec, bedrock_model_id
from inference_monitor.config.third_party import Framework, framework_of
from inference_monitor.domain import Material, Record
from inference_monitor.scoring.ask import Asking
from inference_monitor.scoring.code.custom import first_line
from inference_monitor.scoring.error_codes import (
    JUDGE_DECLINED,
    JUDGE_REFUSED,
    SCORER_ERROR,
    UNREADABLE_VERDICT,
)
from inference_monitor.scoring.record import Allowance, Scored, attach
from inference_monitor.scoring.third_party.adapter import UnusableMetricError
from inference_monitor.scoring.third_party.judge_line import JudgeLine
from inference_monitor.scoring.third_party.load import ADAPTERS, make_scorer
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


@dataclass(frozen=True, slots=True)
class _Metric:
    """A scorer, and the line over which it asks. Neither can be used by two threads at once."""

    scorer: MlflowScorer
    line: JudgeLine


class ThirdPartyScorer:
    """One metric of a third-party package; a `CodeScorer` that asks a judge.

    The package is imported with the first inference that is scored: that takes seconds, which the
    start of a function has not got. Metrics keep what they are working on in themselves, so each
    thread that scores at the same time has one of its own.
    """

    def __init__(
        self, spec: MlflowSpec, framework: Framework, asking: Asking, default_model: str
    ) -> None:
        self.spec = spec
        self._framework = framework
        self._asking = asking
        self._model = spec.model or default_model
        self._unusable: str | None = None
        self._idle: list[_Metric] = []
        self._making = Lock()

    def score(self, record: Record, allowance: Allowance, /) -> Scored:
        """Run the metric on the conversation and the answer, as our own judges see them.

        Raises:
            JudgeUnavailableError: If the judge answered nothing at all.
        """
        if record.material is None or record.material.request is None:
            return Scored()
        with self._borrowed() as metric:
            if metric is None:
                failed = failure(f"cannot be loaded: {self._unusable}")
                return Scored([assessment(failed, record, self.spec, {})])
            line = metric.line
            line.begin(allowance)
            given = judged(self._run(metric.scorer, record.material), line)
            if line.unavailable and line.used.usage.calls == 1:
                raise line.unavailable
            if not (line.used.pending or line.used.exhausted):
                accounts = accounts_of(line, self._framework.installed)
                line.used.feedbacks = [assessment(given, record, self.spec, accounts)]
            return line.used

    @contextmanager
    def _borrowed(self) -> Iterator[_Metric | None]:
        """A metric for this thread alone; None if there can be none."""
        metric = self._take()
        try:
            yield metric
        finally:
            if metric is not None:
                self._idle.append(metric)

    def _take(self) -> _Metric | None:
        try:
            return self._idle.pop()
        except IndexError:
            pass
        with self._making:
            if self._unusable is not None:
                return None
            line = JudgeLine(self._asking, self._model, self.spec.inference_parameters)
            try:
                return _Metric(make_scorer(self.spec, self._framework, line), line)
            except UnusableMetricError as error:
                self._unusable = str(error)
            except Exception as error:  # noqa: BLE001  # foreign code; each assessment tells of it
                self._unusable = first_line(error)
            return None

    def _run(self, scorer: MlflowScorer, material: Material) -> Feedback:
        """What the metric says; whatever it raises is a Feedback with an error."""
        try:
            arguments = ADAPTERS[self._framework].arguments(scorer, material)
            return storable(scorer(**arguments))
        except Exception as error:  # noqa: BLE001  # foreign code; the assessment tells of it
            return failure(first_line(error))
