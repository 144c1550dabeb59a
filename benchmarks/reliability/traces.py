"""What MLflow must hold, and the traces it has: each once, with tokens, spans and scores."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

from mlflow.entities import Feedback, Trace

from benchmarks.reliability.captures import Expected
from inference_monitor.scoring.error_codes import JUDGE_DECLINED

JUDGED = (
    "safety", "relevance_to_query", "fluency", "follows_objective", "professional_tone",
    "no_harmful_advice", "coherence",
)  # fmt: skip
_NAMED = 3


@dataclass
class Found:
    """What became of the records of a fault; `problems` say in words what is wrong."""

    records: int = 0
    traces: int = 0
    duplicated: int = 0
    lost: int = 0
    problems: list[str] = field(default_factory=list)

    def lose(self, what: str, which: list[str]) -> None:
        """Note what is not there."""
        self.lost += len(which)
        self._note(what, which)

    def double(self, what: str, which: list[str]) -> None:
        """Note what is there more than once."""
        self.duplicated += len(which)
        self._note(what, which)

    def wrong(self, what: str, which: list[str]) -> None:
        """Note what is there, but not as it should be."""
        self._note(what, which)

    def add(self, other: Found) -> None:
        """Take in what became of the same records in another deployment."""
        self.records += other.records
        self.traces += other.traces
        self.duplicated += other.duplicated
        self.lost += other.lost
        self.problems += other.problems

    def _note(self, what: str, which: list[str]) -> None:
        if which:
            self.problems.append(f"{len(which)} {what}: {', '.join(which[:_NAMED])}")


def compare(
    found: Found, traces: list[Trace], expected: dict[str, Expected], *, with_spans: bool
) -> None:
    """Compare traces with what is expected of them, by event id; the result goes into `found`."""
    _check_identities(found, traces, expected)
    for trace in traces:
        if wanted := expected.get(trace.info.tags.get("event_id", "")):
            _check_tokens(found, trace, wanted)
            _check_scores(found, trace, wanted)
            if with_spans:
                _check_spans(found, trace)


def _check_identities(found: Found, traces: list[Trace], expected: dict[str, Expected]) -> None:
    events = Counter(trace.info.tags.get("event_id", "none") for trace in traces)
    found.lose("inferences without a trace", sorted(expected.keys() - events.keys()))
    found.double("traces of inferences nobody sent", sorted(events.keys() - expected.keys()))
    found.double("second traces", [event for event, count in events.items() if count > 1])


def _check_tokens(found: Found, trace: Trace, wanted: Expected) -> None:
    usage = trace.info.token_usage or {}
    tokens = (usage.get("input_tokens"), usage.get("output_tokens"))
    if tokens != wanted.tokens and tokens != tuple(count or 0 for count in wanted.tokens):
        found.wrong(f"traces with tokens {tokens}, not {wanted.tokens}", [trace.info.trace_id])


def _check_scores(found: Found, trace: Trace, wanted: Expected) -> None:
    given = [a for a in trace.info.assessments if isinstance(a, Feedback)]
    names = Counter((a.name, (a.metadata or {}).get("scorer_version")) for a in given)
    found.double(
        f"second assessments of {trace.info.trace_id}",
        [str(name) for name, count in names.items() for _ in range(count - 1)],
    )
    judged = {a.name for a in given if a.name in JUDGED and a.error is None}
    if wanted.judged:
        found.lose(
            f"scores missing of {trace.info.trace_id}", [n for n in JUDGED if n not in judged]
        )
    elif judged:
        found.wrong("judged although there was nothing to judge", [trace.info.trace_id])
    if wanted.declined:
        errors = {a.name for a in given if a.error and a.error.error_code == JUDGE_DECLINED}
        found.lose(
            f"errors of a judge that declines {trace.info.trace_id}",
            [name for name in JUDGED if name not in errors],
        )


def _check_spans(found: Found, trace: Trace) -> None:
    spans = trace.data.spans
    if not spans or not (spans[0].inputs or spans[0].outputs):
        found.lose("traces without their spans", [trace.info.trace_id])
    elif len(spans) > 1:
        found.double("traces with a second span", [trace.info.trace_id])
