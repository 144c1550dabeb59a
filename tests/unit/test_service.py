"""The service: every line accounted for, written once, scored once, failures raised at the end."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

import pytest

from inference_monitor.capture.reader import Entry, read_document
from inference_monitor.chunk import CHUNK_RECORDS
from inference_monitor.domain import Delivery, Record, StoredTrace
from inference_monitor.errors import JudgeUnavailableError, PermanentWriteError, TransientError
from inference_monitor.identity import trace_id
from inference_monitor.inference import Source
from inference_monitor.ledger import Summary
from inference_monitor.service import FIRST_GROUP, GIVE_UP_AFTER, Monitor
from tests.unit.builders import capture
from tests.unit.fakes import EXPERIMENT, FakeClaims, FakeResults, FakeScorer, FakeTraces

SOURCE = Source("bucket", "key.jsonl", "ep")
TRACED = replace(SOURCE, experiment_id=EXPERIMENT)
ANSWER = {"generated_text": "x"}


class GoneWhileWriting(FakeTraces):
    """MLflow that answers searches, and then is away."""

    def write(self, records: Sequence[Record]) -> dict[str, str]:
        """Take nothing."""
        raise TransientError(f"{len(records)} records: MLflow is down")


def _entries(*event_ids: str) -> Iterator[Entry]:
    return (read_document(capture({"inputs": "hi"}, ANSWER, eventId=e)) for e in event_ids)


def _run(
    traces: FakeTraces,
    entries: Iterator[Entry],
    *,
    delivery: str | None = None,
    scoring: bool = True,
    scorer: FakeScorer | None = None,
    claims: FakeClaims | None = None,
) -> tuple[Summary, FakeResults]:
    """Process entries; two runs of a test are two deliveries, unless it names one."""
    results = FakeResults()
    monitor = Monitor(traces, claims or FakeClaims(), scorer or FakeScorer(), results)
    brought = Delivery(delivery or str(traces.writes), scoring=scoring)
    return monitor.process(SOURCE, entries, brought), results


def test_every_line_is_accounted_for() -> None:
    """Traced, duplicate, skipped, quarantined: the counts add up to the lines."""
    others = [{"groundTruthData": {}, "eventMetadata": {"eventId": "g"}}, {"foreign": 1}]
    entries = [*_entries("a", "b", "a"), *map(read_document, others)]
    summary, results = _run(FakeTraces(), iter(entries))
    assert summary == Summary(
        captured=5, traced=2, duplicate=1, skipped=1, quarantined=1, scored=3, judge_calls=2,
        judge_input_tokens=20, judge_output_tokens=4, judge_cost_usd=1.0,
    )  # fmt: skip
    assert summary.balanced
    assert [reason for _, reason in results.quarantined] == [
        "not a capture: neither endpointInput nor endpointOutput"
    ]


def test_a_second_delivery_writes_and_asks_nothing() -> None:
    """All duplicates, still counted as scored; no write, no judge call."""
    traces = FakeTraces()
    _run(traces, _entries("a", "b"))
    before = traces.writes
    summary, _ = _run(traces, _entries("a", "b"))
    assert summary == Summary(captured=2, duplicate=2, scored=2)
    assert traces.writes == before


def test_an_attempt_does_not_call_the_work_of_the_last_one_a_duplicate() -> None:
    """What the same delivery wrote before it was tried again still counts as traced."""
    traces = FakeTraces()
    _run(traces, _entries("a"), delivery="first")
    again, _ = _run(traces, _entries("a", "b", "a"), delivery="first")
    assert (again.traced, again.duplicate) == (2, 1)
    later, _ = _run(traces, _entries("a", "b"), delivery="second")
    assert (later.traced, later.duplicate) == (0, 2)


def test_an_event_that_comes_twice_in_a_long_file_is_one_trace() -> None:
    """The second one is a duplicate, also when it is many lines further down."""
    ids = [*map(str, range(CHUNK_RECORDS + 5)), "0"]
    summary, _ = _run(FakeTraces(), _entries(*ids))
    assert (summary.traced, summary.duplicate) == (CHUNK_RECORDS + 5, 1)


def test_of_two_deliveries_at_once_only_one_writes_and_judges() -> None:
    """What another live delivery has claimed is left to it; the rest is done, then tried again."""
    traces, claims = FakeTraces(), FakeClaims()
    claims.owners[trace_id(TRACED, "a")] = "another"
    with pytest.raises(TransientError, match="1 records are being written by another delivery"):
        _run(traces, _entries("a", "b"), claims=claims)
    assert set(traces.stored) == {trace_id(TRACED, "b")}
    claims.owners.clear()
    summary, _ = _run(traces, _entries("a", "b"), claims=claims, delivery="0")
    assert (summary.traced, summary.duplicate, summary.judge_calls) == (2, 0, 1)


def test_what_could_not_be_written_is_given_back() -> None:
    """A delivery that met an outage does not keep others from its records for a quarter hour."""
    claims = FakeClaims({trace_id(TRACED, "a"): "another"})
    with pytest.raises(TransientError, match="MLflow is down"):
        _run(GoneWhileWriting(), _entries("a", "b"), claims=claims)
    assert claims.owners == {trace_id(TRACED, "a"): "another"}


def test_known_traces_are_not_claimed() -> None:
    """A second delivery costs one search and nothing else."""
    traces, claims = FakeTraces(), FakeClaims()
    _run(traces, _entries("a"))
    _run(traces, _entries("a"), claims=claims)
    assert claims.owners == {}


def test_refused_scores_do_not_cost_the_other_records() -> None:
    """The trace is there; the record counts as unscored, the next one is scored."""

    class Refusing(FakeTraces):
        def add(self, stored: StoredTrace, *scores: Any) -> None:
            if stored.trace_id == trace_id(TRACED, "a"):
                raise PermanentWriteError("MLflow answered 400: no")
            super().add(stored, *scores)

    traces = Refusing()
    _run(traces, _entries("a", "b"), scoring=False)
    summary, _ = _run(traces, _entries("a", "b"))
    assert (summary.scored, summary.unscored, summary.balanced) == (1, 1, True)


def test_scores_that_are_missing_are_added_to_the_trace() -> None:
    """A trace written while the judge was away gets its scores from the next delivery."""
    traces = FakeTraces()
    with pytest.raises(JudgeUnavailableError, match="2 inferences wait for the judge"):
        _run(traces, _entries("a", "b"), scorer=FakeScorer(away=True))
    assert len(traces.stored) == 2
    summary, _ = _run(traces, _entries("a", "b"))
    assert (summary.duplicate, summary.scored, summary.judge_calls) == (2, 2, 2)
    assert all(len(t.assessments) == 1 for t in traces.stored.values())


def test_scoring_switched_off_asks_nobody() -> None:
    """The last resort after retries: counts come back with the records unscored, nothing raised."""
    summary, _ = _run(FakeTraces(), _entries("a"), scoring=False, scorer=FakeScorer(away=True))
    assert summary == Summary(captured=1, traced=1, unscored=1)


def test_a_half_written_trace_is_finished() -> None:
    """Spans without their record are no duplicate."""
    key = trace_id(TRACED, "a")
    traces = FakeTraces({key: StoredTrace(key, complete=False)})
    summary, _ = _run(traces, _entries("a"))
    assert (summary.traced, summary.duplicate) == (1, 0)
    assert traces.stored[key].complete


def test_a_refused_record_is_quarantined_and_the_others_are_written() -> None:
    """What MLflow refuses for good is kept whole with the reason it gave."""
    traces = FakeTraces(refuses=frozenset({"b"}))
    summary, results = _run(traces, _entries("a", "b", "c"))
    assert (summary.traced, summary.quarantined, summary.balanced) == (2, 1, True)
    ((entry, reason),) = results.quarantined
    assert '"eventId": "b"' in entry.text
    assert reason == "MLflow answered 400: no"


def test_mlflow_down_is_raised_and_the_rest_is_not_tried_for_ever() -> None:
    """A transient error names the file; a long file is given up after a few chunks in a row."""
    tried: list[str] = []

    class Unsearchable(FakeTraces):
        def lookup(self, trace_ids: Sequence[str]) -> dict[str, StoredTrace]:
            raise TransientError(f"{len(trace_ids)} traces: MLflow is down")

    def entries() -> Iterator[Entry]:
        for number in range(CHUNK_RECORDS * (GIVE_UP_AFTER + 3)):
            tried.append(str(number))
            yield from _entries(str(number))

    with pytest.raises(TransientError, match="3 chunks failed, 0 lines are done"):
        _run(Unsearchable(), entries())
    assert len(tried) == CHUNK_RECORDS * GIVE_UP_AFTER


def test_nothing_is_begun_as_long_as_the_experiment_is_not_known() -> None:
    """Without it no trace has an id: the error names the file, and not a line of it is read."""
    entries = _entries("a", "b")
    scorer = FakeScorer()
    with pytest.raises(TransientError, match=r"s3://bucket/key\.jsonl: nothing is done: MLflow is"):
        _run(FakeTraces(down=True), entries, scorer=scorer)
    assert len(list(entries)) == 2
    assert scorer.given == 0


def test_when_time_is_up_the_rest_is_left_to_the_next_attempt() -> None:
    """Whole chunks are done and kept; the error says that the next attempt goes on."""
    traces = FakeTraces()
    monitor = Monitor(traces, FakeClaims(), FakeScorer(), FakeResults())
    late = Delivery("d", scoring_deadline=time.monotonic())
    with pytest.raises(TransientError, match=r"100 lines are done: out of time"):
        monitor.process(SOURCE, _entries(*map(str, range(150))), late)
    summary = monitor.process(SOURCE, _entries(*map(str, range(150))), Delivery("d"))
    assert (summary.traced, summary.duplicate, len(traces.stored)) == (150, 0, 150)


def test_one_failed_chunk_does_not_cost_the_others() -> None:
    """Everything else is written before the error is raised."""

    class OnceDown(FakeTraces):
        def lookup(self, trace_ids: Any) -> dict[str, StoredTrace]:
            self.down = "0" in self.ask and not self.stored
            self.ask = ""
            return super().lookup(trace_ids)

        ask = "0"

    traces = OnceDown()
    with pytest.raises(TransientError, match="1 chunks failed, 150 lines are done"):
        _run(traces, _entries(*map(str, range(250))))
    assert len(traces.stored) == 150


def test_a_budget_that_is_used_up_costs_no_trace() -> None:
    """The record is traced and says why it is not scored; later it is scored and says that."""
    traces = FakeTraces()
    summary, _ = _run(traces, _entries("a"), scorer=FakeScorer(broke=True))
    assert (summary.traced, summary.unscored, summary.budget_exhausted) == (1, 1, 1)
    (stored,) = traces.stored.values()
    assert (stored.scoring, stored.assessments) == ("budget_exhausted", ())
    writes = traces.writes
    _run(traces, _entries("a"), scorer=FakeScorer(broke=True))
    assert traces.writes == writes, "what the trace says already was written again"
    summary, _ = _run(traces, _entries("a"))
    (stored,) = traces.stored.values()
    assert (stored.scoring, len(stored.assessments)) == ("complete", 1)
    assert (summary.scored, summary.budget_exhausted) == (1, 0)


def test_empty_answers_are_counted() -> None:
    """An answer that took tokens and says nothing is in the counts, whether it is new or not."""
    empty = {"choices": [{"index": 0, "message": {"content": None}, "finish_reason": "length"}]}
    asked = {"messages": [{"role": "user", "content": "hi"}]}
    traces = FakeTraces()
    for _ in range(2):
        entries = [read_document(capture(asked, empty, eventId=e)) for e in ("a", "a", "b")]
        summary, _ = _run(traces, iter([*entries, *_entries("c")]))
        assert (summary.captured, summary.empty_answers) == (4, 2)


def test_a_trace_is_not_complete_while_other_scores_are_missing() -> None:
    """A backfill of one scorer leaves the tag that says that something is missing."""
    traces = FakeTraces()
    _run(traces, _entries("a"), scorer=FakeScorer(broke=True))
    _run(traces, _entries("a"), scorer=FakeScorer(others_missing=True))
    (stored,) = traces.stored.values()
    assert (stored.scoring, len(stored.assessments)) == ("budget_exhausted", 1)


def test_a_trace_without_its_scores_says_that_the_judge_was_away() -> None:
    """One can search for what waits for the judge, until it is scored."""
    traces = FakeTraces()
    with pytest.raises(JudgeUnavailableError):
        _run(traces, _entries("a"), delivery="one", scorer=FakeScorer(away=True))
    (stored,) = traces.stored.values()
    assert stored.scoring == "judge_unavailable"
    _run(traces, _entries("a"), delivery="one", scoring=False)
    (stored,) = traces.stored.values()
    assert stored.scoring == "judge_unavailable"
    _run(traces, _entries("a"), delivery="one")
    (stored,) = traces.stored.values()
    assert stored.scoring == "complete"


def test_a_group_that_cannot_be_written_ends_the_judging() -> None:
    """MLflow goes down while a chunk is judged: no verdict is bought that cannot be kept."""
    scorer, traces = FakeScorer(), FakeTraces()

    def write(_records: Any) -> dict[str, str]:
        raise TransientError("MLflow is down")

    traces.write = write  # type: ignore[assignment, method-assign]
    events = [f"e{n}" for n in range(CHUNK_RECORDS)]
    with pytest.raises(TransientError, match="MLflow is down"):
        _run(traces, _entries(*events), scorer=scorer)
    assert scorer.given == FIRST_GROUP
