"""Read the results of batch jobs, and write them as assessments."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from itertools import groupby, islice
from typing import Any

import typer
from mlflow.entities import Feedback

from inference_monitor.config.models import ModelTable
from inference_monitor.config.specs import bedrock_model_id
from inference_monitor.domain import ScoringState, StoredTrace, supersedes
from inference_monitor.errors import PermanentWriteError, TransientError
from inference_monitor.ports import TraceStore
from inference_monitor.scoring.answers import OfAnswer, combine
from inference_monitor.scoring.batch.manifest import Asked, Manifest
from inference_monitor.scoring.batch.requests import answer_of, shown_to
from inference_monitor.scoring.tasks import is_declined
from inference_monitor_cli.terminal import printable

_SHOWN = 20


def tell(job: str, collected: Collected) -> bool:
    """Print the counts and what is left; gives whether something is."""
    told = (
        f"{job}: {collected.answered} of {collected.records} records answered, "
        f"{collected.written} assessments written, {collected.there} were there, "
        f"{collected.unreadable} of them unreadable, {collected.declined} declined, "
        f"{collected.usd:.4f} USD"
    )
    sys.stdout.write(f"{told}\n")
    _list("not judged", collected.failed)
    _list("not written", collected.not_written)
    if collected.failed:
        typer.secho("what is not judged is missing still: run backfill again", err=True)
    if collected.not_written:
        typer.secho("what is not written is kept: collect the job again", err=True)
    return bool(collected.failed or collected.not_written)


def _list(what: str, lines: list[str]) -> None:
    for line in lines[:_SHOWN]:
        typer.secho(f"{what}: {printable(line)}", fg="red", err=True)
    if len(lines) > _SHOWN:
        typer.secho(f"… and {len(lines) - _SHOWN} more", fg="red", err=True)


_TOGETHER = 400
_THREADS = 8


@dataclass(slots=True)
class Collected:
    """What came of a job: counts of records and assessments, and a line for each left out.

    `records` = `answered` + failed ones. `written` assessments are new in MLflow, `there` were in
    it; `unreadable` and `declined` of both are errors.
    """

    records: int = 0
    answered: int = 0
    written: int = 0
    there: int = 0
    unreadable: int = 0
    declined: int = 0
    usd: float = 0.0
    failed: list[str] = field(default_factory=list)
    not_written: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class _Judged:
    """What came of a record, or of all that are about one inference; None where nothing did."""

    asked: Asked
    verdicts: list[Feedback] | None


class Collector:
    """Reads what Bedrock has written about the records of a job."""

    def __init__(self, manifest: Manifest, traces: TraceStore, prices: ModelTable) -> None:
        self._manifest = manifest
        self._traces = traces
        self._prices = prices
        self._collected = Collected(records=len(manifest.asked))

    def collect(self, answers: Iterator[Any]) -> Collected:
        """Write the verdicts; a record without an answer is left missing.

        Raises:
            TransientError: If MLflow does not tell what it has.
        """
        judged = self._combined(self._judged(answers))
        while group := list(islice(judged, _TOGETHER)):
            self._write(group)
        return self._collected

    def _judged(self, answers: Iterator[Any]) -> Iterator[_Judged]:
        waiting = dict(self._manifest.asked)
        for line in answers:
            record = line if isinstance(line, Mapping) else {}
            asked = waiting.pop(str(record.get("recordId")), None)
            output = record.get("modelOutput")
            if asked is None:
                continue
            if not isinstance(output, Mapping):
                yield self._fail(asked, _reason(record.get("error")))
                continue
            self._collected.answered += 1
            yield self._read(asked, output, shown_to(record.get("modelInput")))
        for asked in waiting.values():
            yield self._fail(asked, "no answer")

    def _combined(self, judged: Iterator[_Judged]) -> Iterator[_Judged]:
        """What is said of several answers of an inference as one, as soon as it is complete."""
        several = (asked for asked in self._manifest.asked.values() if asked.answers > 1)
        missing = Counter(asked.trace_id for asked in several)
        waiting: dict[str, list[_Judged]] = {}
        for one in judged:
            trace, whole = one.asked.trace_id, one
            if trace in missing:
                waiting.setdefault(trace, []).append(one)
                missing[trace] -= 1
                if missing[trace]:
                    continue
                whole = self._combine(waiting.pop(trace))
            if whole.verdicts:
                yield whole

    def _combine(self, judged: Sequence[_Judged]) -> _Judged:
        asked = judged[0].asked
        said: dict[str, list[OfAnswer]] = {}
        for one in sorted(judged, key=lambda one: one.asked.answer):
            for place, name in enumerate(one.asked.criteria):
                own = None if one.verdicts is None else [one.verdicts[place]]
                said.setdefault(name, []).append(OfAnswer(one.asked.answer, own))
        verdicts = [
            verdict
            for name, of_answers in said.items()
            for verdict in combine(self._manifest.spec(name), of_answers, asked.answers)
        ]
        return _Judged(asked, verdicts)

    def _read(self, asked: Asked, output: Mapping[str, Any], shown: str) -> _Judged:
        answer = answer_of(output)
        cost = answer.cost(self._prices, bedrock_model_id(self._manifest.model(asked)), batch=True)
        self._collected.usd += cost or 0.0
        return _Judged(asked, self._manifest.verdicts(asked, answer, cost, shown))

    def _write(self, group: Sequence[_Judged]) -> None:
        ordered = sorted(group, key=lambda judged: judged.asked.trace_id)
        of_trace = {k: list(v) for k, v in groupby(ordered, key=lambda j: j.asked.trace_id)}
        stored = self._traces.lookup(list(of_trace))
        with ThreadPoolExecutor(_THREADS) as pool:
            added = pool.map(lambda key: self._add(of_trace[key], stored.get(key)), of_trace)
            for judged, outcome in zip(of_trace.values(), added, strict=True):
                self._count([v for one in judged for v in one.verdicts or ()], outcome)

    def _count(self, verdicts: list[Feedback], outcome: int | str) -> None:
        if isinstance(outcome, str):
            self._collected.not_written.append(outcome)
            return
        self._collected.written += outcome
        self._collected.there += len(verdicts) - outcome
        declined = sum(map(is_declined, verdicts))
        self._collected.declined += declined
        self._collected.unreadable += sum(bool(verdict.error) for verdict in verdicts) - declined

    def _add(self, judged: list[_Judged], stored: StoredTrace | None) -> int | str:
        """Add what a trace lacks; gives how much that was, or what is wrong."""
        asked = judged[0].asked
        if stored is None or not stored.complete:
            return f"{_place(asked)}: MLflow has no whole trace of it"
        verdicts = [verdict for one in judged for verdict in one.verdicts or ()]
        new = [verdict for verdict in verdicts if _is_new(verdict, stored)]
        scoring = self._state(asked, stored, new)
        try:
            if new or scoring:
                self._traces.add(stored, new, scoring)
        except (TransientError, PermanentWriteError) as error:
            return f"{_place(asked)}: {error}"
        return len(new)

    def _state(
        self, asked: Asked, stored: StoredTrace, new: Sequence[Feedback]
    ) -> ScoringState | None:
        """What the trace's tag is to say from now on; None where it stays as it is."""
        after = [*stored.assessments, *new]
        if not self._manifest.lacks_nothing(asked, after):
            return None
        declined = self._manifest.is_declined(asked, after)
        state = ScoringState.JUDGE_DECLINED if declined else ScoringState.COMPLETE
        was_never_lacking = stored.scoring is None and not declined
        return None if was_never_lacking or stored.scoring == state else state

    def _fail(self, asked: Asked, reason: str) -> _Judged:
        about = f"{_place(asked)}, {', '.join(asked.criteria)}"
        if asked.answers > 1:
            about = f"{about}, answer {asked.answer} of {asked.answers}"
        self._collected.failed.append(f"{about}: {reason}")
        return _Judged(asked, None)


def _is_new(verdict: Feedback, stored: StoredTrace) -> bool:
    there = [a for a in stored.assessments if a.assessment_id == verdict.assessment_id]
    return not there or supersedes(verdict, there[0])


def _place(asked: Asked) -> str:
    return f"event {asked.event_id!r} of {asked.file}"


def _reason(error: Any) -> str:
    told = error if isinstance(error, Mapping) else {}
    return f"{told.get('errorCode', '')} {told.get('errorMessage', 'no answer')}".strip()
