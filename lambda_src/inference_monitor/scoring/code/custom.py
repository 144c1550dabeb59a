"""Scorers that are not ours: the user's own functions, and the classes MLflow ships."""

from __future__ import annotations

import importlib
import inspect
import math
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, cast

from mlflow.entities import AssessmentError, AssessmentSource, AssessmentSourceType, Feedback
from mlflow.entities.assessment import DEFAULT_FEEDBACK_NAME
from mlflow.genai.scorers import Scorer as MlflowScorer
from mlflow.genai.scorers import scorer as mlflow_scorer

from inference_monitor.config.specs import CodeSpec, MlflowSpec
from inference_monitor.domain import Record
from inference_monitor.scoring.error_codes import SCORER_ERROR
from inference_monitor.scoring.material import answer_text
from inference_monitor.scoring.record import Allowance, Scored, attach
from inference_monitor.text import cut_end


class CustomScorer:
    """Somebody else's code. Whatever it raises is recorded as an assessment with an error."""

    def __init__(self, spec: CodeSpec | MlflowSpec, load: Callable[[], MlflowScorer]) -> None:
        self.spec = spec
        self._scorer: MlflowScorer | None = None
        try:
            self._scorer = load()
        except Exception as error:  # noqa: BLE001  # the user's code; each assessment tells of it
            self._broken = f"cannot be loaded: {first_line(error)}"

    def score(self, record: Record, _allowance: Allowance, /) -> Scored:
        """Run the scorer on the conversation and the text of the answer."""
        if self._scorer is None:
            return Scored([self._failed(record, self._broken)])
        try:
            result: Any = self._scorer.run(
                inputs=_inputs(record), outputs=answer_text(record.inference) or ""
            )
            return Scored([attach(f, record, self.spec) for f in self._feedbacks(result)])
        except Exception as error:  # noqa: BLE001  # the user's code; the assessment tells of it
            return Scored([self._failed(record, first_line(error))])

    def _feedbacks(self, result: Any) -> list[Feedback]:
        results = result if isinstance(result, list) else [result]
        feedbacks = [self._feedback(item) for item in results if item is not None]
        if len({feedback.name for feedback in feedbacks}) < len(feedbacks):
            raise ValueError("gave two assessments of the same name")
        return feedbacks

    def _feedback(self, result: Any) -> Feedback:
        feedback = result if isinstance(result, Feedback) else self._plain(result)
        # MLflow renames an unnamed Feedback to its scorer's name; here that is the one in the file.
        if self._scorer and feedback.name in {self._scorer.name, DEFAULT_FEEDBACK_NAME}:
            feedback.name = self.spec.name
        if isinstance(feedback.value, float) and not math.isfinite(feedback.value):
            raise ValueError(f"gave {feedback.value}, which MLflow cannot store")
        # As the store will do it: raises for values that are no JSON.
        feedback.to_proto()
        return feedback

    def _plain(self, value: Any) -> Feedback:
        return Feedback(name=self.spec.name, value=value, source=self._source())

    def _failed(self, record: Record, message: str) -> Feedback:
        error = AssessmentError(SCORER_ERROR, message)
        feedback = Feedback(name=self.spec.name, error=error, source=self._source())
        return attach(feedback, record, self.spec)

    def _source(self) -> AssessmentSource:
        spec = self.spec
        origin = spec.function if isinstance(spec, CodeSpec) else spec.class_path
        return AssessmentSource(AssessmentSourceType.CODE, origin)


def load_function(spec: CodeSpec, drop_ins: Path) -> MlflowScorer:
    """Import `module:name`, from the drop-in folder or an installed package.

    Raises:
        Exception: Whatever the import raises; TypeError if the name is nothing that can score.
    """
    if str(drop_ins) not in sys.path:
        sys.path.append(str(drop_ins))  # at the end: a drop-in must not hide an installed package
    module, _, name = spec.function.partition(":")
    found: Any = getattr(importlib.import_module(module), name)
    if isinstance(found, type) and issubclass(found, MlflowScorer):
        found = cast(Any, found)()
    if not isinstance(found, MlflowScorer):
        if not callable(found):
            raise TypeError(f"{spec.function} is no function and no MLflow scorer")
        found = mlflow_scorer(found)
    return _runnable(found)


def load_class(spec: MlflowSpec) -> MlflowScorer:
    """Import a scorer class and make one with the arguments of the file.

    Raises:
        Exception: Whatever the import or the class raises.
    """
    module, _, name = spec.class_path.rpartition(".")
    model = {"model": spec.model} if spec.model else {}
    found = getattr(importlib.import_module(module), name)(**model, **spec.arguments)
    if not isinstance(found, MlflowScorer):
        raise TypeError(f"{spec.class_path} is no MLflow scorer")
    return _runnable(found)


def _runnable(found: MlflowScorer) -> MlflowScorer:
    parameters = inspect.signature(found.__call__).parameters.values()
    required = {
        p.name
        for p in parameters
        if p.default is p.empty and p.kind not in {p.VAR_POSITIONAL, p.VAR_KEYWORD}
    }
    if unavailable := sorted(required - {"inputs", "outputs"}):
        raise TypeError(f"needs `{unavailable[0]}`; only `inputs` and `outputs` are there")
    return found


def _inputs(record: Record) -> dict[str, Any]:
    request = record.inference.request
    if request is None:
        return {}
    return {"messages": request.messages} if request.messages else {"body": request.body}


def first_line(error: Exception) -> str:
    """An error as one line: its class and the first line of its text."""
    text = str(error).strip().partition("\n")[0]
    return cut_end(f"{type(error).__name__}: {text}" if text else type(error).__name__, 500)
