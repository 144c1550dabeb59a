"""Third-party scorers of MLflow (DeepEval, Ragas, Phoenix), judged by our own Bedrock client."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from threading import Lock

from mlflow.entities import Feedback
from mlflow.genai.scorers import Scorer as MlflowScorer

from inference_monitor.config.specs import MlflowSpec
from inference_monitor.config.third_party_names import Framework
from inference_monitor.domain import Material, Record
from inference_monitor.scoring.ask import Asking
from inference_monitor.scoring.code.custom import first_line
from inference_monitor.scoring.record import Allowance, Scored
from inference_monitor.scoring.third_party.adapter import UnusableMetricError
from inference_monitor.scoring.third_party.feedback import (
    accounts_of,
    assessment,
    failure,
    judged,
    storable,
)
from inference_monitor.scoring.third_party.line import JudgeLine
from inference_monitor.scoring.third_party.load import ADAPTERS, make_scorer


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
