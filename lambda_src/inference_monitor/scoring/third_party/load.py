"""Make a third-party scorer of MLflow whose judge is ours."""

from __future__ import annotations

import importlib
import logging
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.metadata import PackageNotFoundError
from typing import Any

from mlflow.genai.scorers import Scorer as MlflowScorer

from inference_monitor.config.specs import MlflowSpec
from inference_monitor.config.third_party import DEEPEVAL, PHOENIX, RAGAS, Framework
from inference_monitor.scoring.third_party.adapter import Adapter, UnusableMetricError
from inference_monitor.scoring.third_party.deepeval import DeepEvalAdapter
from inference_monitor.scoring.third_party.judge_line import JudgeLine
from inference_monitor.scoring.third_party.phoenix import PhoenixAdapter
from inference_monitor.scoring.third_party.ragas import RagasAdapter

logger = logging.getLogger(__name__)

ADAPTERS: dict[Framework, Adapter] = {
    DEEPEVAL: DeepEvalAdapter(),
    RAGAS: RagasAdapter(),
    PHOENIX: PhoenixAdapter(),
}

# One at a time: while a scorer is made, a function of MLflow's module is replaced.
_making = threading.Lock()


def make_scorer(spec: MlflowSpec, framework: Framework, line: JudgeLine) -> MlflowScorer:
    """A scorer of a third-party package that asks over this line.

    Raises:
        UnusableMetricError: If the package is not installed, or the metric cannot work here.
        Exception: Whatever else the class raises.
    """
    adapter = ADAPTERS[framework]
    try:
        installed = framework.installed
    except PackageNotFoundError as error:
        raise UnusableMetricError(
            f"{framework.distribution} is not installed: {framework.how_to_install}"
        ) from error
    logger.info("loading %s from %s", spec.class_path, installed)
    os.environ.update(adapter.environment)
    with _making:
        package, made_by = _import(spec, framework)
        metric = spec.arguments.get("metric_name") or getattr(made_by, "metric_name", None)
        if not isinstance(metric, str):
            raise UnusableMetricError(f"{spec.class_path} names no metric")
        model = {"model": line.model} if adapter.takes_model(metric) else {}
        with _replaced(package, adapter.factory, adapter.make_model(line)):
            scorer = made_by(**model, **spec.arguments)
    if not isinstance(scorer, MlflowScorer):
        raise UnusableMetricError(f"{spec.class_path} is no MLflow scorer")
    adapter.finish(scorer, line)
    return scorer


def _import(spec: MlflowSpec, framework: Framework) -> tuple[Any, Any]:
    """MLflow's module for the package, and the class in it."""
    module, _, name = spec.class_path.rpartition(".")
    package = importlib.import_module(framework.package)
    made_by = getattr(importlib.import_module(module), name, None)
    if made_by is None:
        raise UnusableMetricError(f"{module} has no `{name}`")
    return package, made_by


@contextmanager
def _replaced(package: Any, factory: str, model: Any) -> Iterator[None]:
    """MLflow's own way to the model cannot reach Bedrock; for this while its function gives ours.

    It is replaced, not wrapped: asking it would make a client of its own.
    """
    original = getattr(package, factory)
    setattr(package, factory, lambda *_, **__: model)
    try:
        yield
    finally:
        setattr(package, factory, original)
