"""Third-party scorers of MLflow (DeepEval, Ragas, Phoenix), judged by our own Bedrock client."""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from enum import Enum
from threading import Lock
from typing import Any

from mlflow.entities import AssessmentError, AssessmentSource, AssessmentSourceType, Feedback
from mlflow.genai.scorers import Scorer as MlflowScorer
from mlflow.tracing.constant import AssessmentMetadataKey

from inference_monitor.scoring.asking import Asking
from inference_monitor.scoring.calls import JUDGE_REFUSED, UNREADABLE_VERDICT
from inference_monitor.scoring.config import MlflowSpec, bedrock_model_id
from inference_monitor.scoring.custom import SCORER_ERROR, first_line
from inference_monitor.scoring.material import Material
from inference_monitor.scoring.record import Allowance, Record, Scored, attach
from inference_monitor.scoring.text import cut_end
from inference_monitor.scoring.third_party_adapter import UnusableMetricError
from inference_monitor.scoring.third_party_line import JudgeLine
from inference_monitor.scoring.third_party_load import ADAPTERS, make_scorer
from inference_monitor.scoring.third_party_names import Framework


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
        self._first = Lock()

    def score(self, record: Record, allowance: Allowance, /) -> Scored:
        """Run the metric on the conversation and the answer, as our own judges see them.

        Raises:
            JudgeUnavailableError: If the judge answered nothing at all.
        """
        if record.material is None or record.material.request is None:
            return Scored()
        with self._borrowed() as metric:
            if metric is None:
                error = AssessmentError(SCORER_ERROR, self._unusable or "cannot be loaded")
                return Scored([self._feedback(record, Feedback(name="", error=error), {})])
            line = metric.line
            line.begin(allowance)
            given = self._run(metric.scorer, record.material)
            if line.unavailable and line.used.judge_calls == 1:
                raise line.unavailable
            if not (line.used.pending or line.used.exhausted):
                line.used.feedbacks = [self._judged(record, given, line)]
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
        with self._first:
            if self._unusable is not None:
                return None
            line = JudgeLine(self._asking, self._model, self.spec.inference_parameters)
            try:
                return _Metric(make_scorer(self.spec, self._framework, line), line)
            except Exception as error:  # noqa: BLE001  # foreign code; each assessment tells of it
                told = str(error) if isinstance(error, UnusableMetricError) else first_line(error)
                self._unusable = f"cannot be loaded: {told}"
                return None

    def _run(self, scorer: MlflowScorer, material: Material) -> Feedback:
        """What the metric says; its failure is a Feedback with an error, whoever noticed it."""
        try:
            arguments = ADAPTERS[self._framework].arguments(scorer, material)
            return _storable(scorer(**arguments))
        except Exception as error:  # noqa: BLE001  # foreign code; the assessment tells of it
            return Feedback(name="", error=AssessmentError(SCORER_ERROR, first_line(error)))

    def _judged(self, record: Record, given: Feedback, line: JudgeLine) -> Feedback:
        """The assessment with what it cost.

        A metric may give a value though its judge refused, or was not understood: that is none.
        """
        if line.refusal or line.unreadable:
            code = JUDGE_REFUSED if line.refusal else UNREADABLE_VERDICT
            given.error = AssessmentError(code, line.refusal or line.unreadable or "")
        elif given.error is not None:
            told = str(given.error.error_message or given.error.error_code)
            given.error = AssessmentError(SCORER_ERROR, cut_end(told.strip().split("\n")[0], 500))
        elif not given.rationale:
            given.rationale = "\n".join(line.reasons) or None
        return self._feedback(record, given, _accounts(line))

    def _feedback(self, record: Record, given: Feedback, accounts: dict[str, str]) -> Feedback:
        """As all our assessments are: named as in the file, and by whom it was judged."""
        shortened = record.material.shortened if record.material else None
        source = AssessmentSource(AssessmentSourceType.CODE, self.spec.class_path)
        if accounts:
            source = AssessmentSource(AssessmentSourceType.LLM_JUDGE, self._model)
        feedback = Feedback(
            name=self.spec.name,
            value=None if given.error else given.value,
            rationale=None if given.error else given.rationale,
            error=given.error,
            source=source,
            metadata={
                **(given.metadata or {}),
                **accounts,
                **({"shortened": shortened} if shortened else {}),
            },
        )
        return attach(feedback, record, self.spec)


def _storable(given: Any) -> Feedback:
    """What a metric gave, as MLflow can store it; raises if it cannot."""
    if not isinstance(given, Feedback):
        raise TypeError(f"gave a {type(given).__name__} instead of a Feedback")
    if isinstance(given.value, Enum):
        given.value = given.value.value
    if isinstance(given.value, float) and not math.isfinite(given.value):
        raise ValueError(f"gave {given.value}, which is no verdict")
    given.to_proto()
    return given


def _accounts(line: JudgeLine) -> dict[str, str]:
    """The judge, and tokens and price of all calls of a run under the keys MLflow has for them."""
    used = line.used
    if not used.judge_calls:
        return {}
    accounts = {
        "judge_model": bedrock_model_id(line.model),
        "judge_calls": str(used.judge_calls),
        AssessmentMetadataKey.JUDGE_INPUT_TOKENS: str(used.input_tokens),
        AssessmentMetadataKey.JUDGE_OUTPUT_TOKENS: str(used.output_tokens),
    }
    if used.cost_usd:
        accounts[AssessmentMetadataKey.JUDGE_COST] = f"{used.cost_usd:.8f}"
    return accounts
