"""What MLflow holds after a run: how many traces, and how each scorer has scored them."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Iterator, Sequence, Set
from dataclasses import dataclass, field

from mlflow import MlflowClient
from mlflow.entities import Feedback, Trace, TraceInfo, TraceState
from mlflow.tracing.constant import TraceMetadataKey

# The sagemaker-mlflow plugin takes every tracking URI for an ARN, and says so at every request.
logging.getLogger("mlflow.tracking.request_header.registry").setLevel(logging.ERROR)


@dataclass
class ScorerResult:
    """The assessments of one scorer: numbers, or labels with their counts; and why errors are."""

    numbers: list[float] = field(default_factory=list)
    labels: Counter[str] = field(default_factory=Counter)
    reasons: Counter[str] = field(default_factory=Counter)

    @property
    def errors(self) -> int:
        """Assessments without a value."""
        return self.reasons.total()

    @property
    def count(self) -> int:
        """Assessments with a value."""
        return len(self.numbers) + self.labels.total()

    @property
    def mean(self) -> float | None:
        """The mean of the numbers, None where there are none."""
        return sum(self.numbers) / len(self.numbers) if self.numbers else None


@dataclass(frozen=True, slots=True)
class Highlight:
    """A trace or a session to look at: its id, and what is to be seen there, in a few words."""

    id: str
    shows: str


@dataclass(frozen=True, slots=True)
class Highlights:
    """What is worth a click, and an endpoint of the traces; None where there is no such thing."""

    failed: Highlight | None = None
    badly_scored: Highlight | None = None
    conversation: Highlight | None = None
    endpoint: str | None = None


class Experiment:
    """An experiment of the MLflow server, which may not exist yet."""

    def __init__(self, url: str, name: str) -> None:
        self._client = MlflowClient(url)
        self._name = name

    @property
    def id(self) -> str | None:
        """Its id, None while it does not exist."""
        found = self._client.get_experiment_by_name(self._name)
        return str(found.experiment_id) if found else None

    def traces(
        self, filter_string: str | None = None, *, with_spans: bool = False
    ) -> Iterator[Trace]:
        """All traces that a filter finds."""
        experiment, token = self.id, None
        while experiment:
            page = self._client.search_traces(
                locations=[experiment],
                filter_string=filter_string,
                max_results=500,
                page_token=token,
                include_spans=with_spans,
            )
            yield from page
            token = page.token
            if not token:
                break

    def count(self) -> int:
        """The number of traces."""
        return sum(1 for _ in self.traces())

    def scores(self, sources: Set[str]) -> dict[str, ScorerResult]:
        """Results by scorer for the traces that come from these files (`s3://…`)."""
        results: dict[str, ScorerResult] = {}
        for trace in self.traces():
            if trace.info.tags.get("source_uri") in sources:
                for assessment in trace.info.assessments:
                    if isinstance(assessment, Feedback):
                        _add(results.setdefault(assessment.name, ScorerResult()), assessment)
        return results

    def highlights(self, sources: Set[str]) -> Highlights:
        """What is worth a click among the traces that come from these files (`s3://…`)."""
        infos = [t.info for t in self.traces() if t.info.tags.get("source_uri") in sources]
        return find_highlights(infos)


def find_highlights(infos: Sequence[TraceInfo]) -> Highlights:
    """A failed inference, the trace with most bad scores, and the session with most turns."""
    failed = next((info for info in infos if info.state == TraceState.ERROR), None)
    worst = max(infos, key=lambda info: len(_bad(info)), default=None)
    sessions = Counter(
        session for i in infos if (session := i.trace_metadata.get(TraceMetadataKey.TRACE_SESSION))
    )
    (session, turns), *_ = sessions.most_common(1) or [("", 0)]
    return Highlights(
        failed=Highlight(failed.trace_id, failed.response_preview or "failed") if failed else None,
        badly_scored=Highlight(worst.trace_id, _verdict(_bad(worst)[0]))
        if worst and _bad(worst)
        else None,
        conversation=Highlight(session, f"{turns} turns") if turns > 1 else None,
        endpoint=infos[0].tags.get("endpoint") if infos else None,
    )


def _bad(info: TraceInfo) -> list[Feedback]:
    """The assessments that say no, in the order of their names."""
    said = [one for one in info.assessments if isinstance(one, Feedback)]
    return sorted(
        (one for one in said if one.value is False or one.value == "no"), key=lambda one: one.name
    )


def _verdict(feedback: Feedback) -> str:
    return f"{feedback.name}: {feedback.value}. {feedback.rationale or ''}".strip()


def _add(result: ScorerResult, assessment: Feedback) -> None:
    value = assessment.value
    if assessment.error or value is None:
        message = (assessment.error_message or "").split("\n")[0]
        result.reasons[f"{assessment.error_code or 'no value'}: {message}"] += 1
    elif isinstance(value, int | float) and not isinstance(value, bool):
        result.numbers.append(float(value))
    else:
        result.labels[str(value)] += 1
