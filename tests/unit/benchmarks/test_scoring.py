"""The pure parts of benchmarks/scoring: its records, counts and figures."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from benchmarks.scoring.criteria import JUDGED, TOKENS, chosen, texts
from benchmarks.scoring.measured import Measured, Rounds, Way
from benchmarks.scoring.records import make_records, read_captures, write_captures
from benchmarks.scoring.report import HEADINGS, Setup, rows, write_page
from benchmarks.scoring.requests_seen import AccessLog, Requests, count
from inference_monitor.capture.lines import iter_lines
from inference_monitor.capture.reader import read_line
from inference_monitor.config.scorers import load_scorers
from inference_monitor.inference import Inference
from inference_monitor.scoring.build import SCORERS_FILE

ONE = Measured(
    way=Way.REFERENCE,
    again=False,
    records=100,
    scored=100,
    seconds=24.0,
    cpu_seconds=11.0,
    server_cpu_seconds=14.0,
    judge_calls=600,
    input_tokens=480_000,
    output_tokens=30_000,
    in_flight=60,
    requests=1400,
    writes=1200,
)
OURS = replace(ONE, input_tokens=120_000, requests=110, writes=104)
AGAIN = replace(OURS, again=True, seconds=0.2, judge_calls=0, requests=2, writes=0)

LOG = """\
INFO:     127.0.0.1:1 - "GET /health HTTP/1.1" 200 OK
INFO:     127.0.0.1:1 - "POST /api/3.0/mlflow/traces/search HTTP/1.1" 200 OK
INFO:     127.0.0.1:1 - "GET /api/3.0/mlflow/traces/get?trace_id=tr-1 HTTP/1.1" 200 OK
INFO:     127.0.0.1:1 - "POST /v1/traces HTTP/1.1" 200 OK
INFO:     127.0.0.1:1 - "PATCH /api/2.0/mlflow/traces/tr-1/tags HTTP/1.1" 500 Internal Server Error
2026/11/24 20:00:00 INFO mlflow.store.db.utils: Updating database tables
"""


def rounds(*, panel: tuple[float, ...] = (3.0,), again: Measured = AGAIN) -> Rounds:
    """One round of everything, with as many panel rounds as there are seconds for."""
    return Rounds(
        [
            ONE,
            replace(ONE, again=True),
            *(replace(OURS, way=Way.PANEL, seconds=s, judge_calls=100) for s in panel),
            replace(again, way=Way.PANEL),
            replace(OURS, way=Way.EACH, seconds=6.0),
            replace(AGAIN, way=Way.EACH),
        ]
    )


def test_last_line_has_exactly_the_promised_figures() -> None:
    """The JSON line has the seven names of the issue, and ratios of the right side up."""
    assert json.loads(rounds().line()) == {
        "speedup_panel": 8.0,
        "speedup_each": 4.0,
        "judge_calls_per_record": 1.0,
        "mlflow_requests_per_record": 1.1,
        "judge_input_tokens_ratio": 0.25,
        "redelivery_judge_calls": 0,
        "redelivery_writes": 0,
    }


def test_speedup_is_of_medians() -> None:
    """One slow or lucky round does not make the figure."""
    assert rounds(panel=(4.0, 3.0, 30.0)).speedup(Way.PANEL) == 6.0


def test_worst_second_delivery_counts() -> None:
    """One write or call too many in any second delivery is shown, however many were right."""
    figures = rounds(again=replace(AGAIN, judge_calls=2, writes=1)).figures()
    assert (figures["redelivery_judge_calls"], figures["redelivery_writes"]) == (2, 1)


def test_requests_are_told_into_reads_and_writes() -> None:
    """GETs and searches are reads, health checks are nobody's, lines of another kind are none."""
    assert count(LOG) == Requests(total=4, writes=2)


def test_access_log_is_read_on_from_where_it_was(tmp_path: Path) -> None:
    """A run is charged its own requests only."""
    path = tmp_path / "mlflow.log"
    line = 'INFO:     127.0.0.1:1 - "POST /v1/traces HTTP/1.1" 200 OK\n'
    path.write_text(line * 3)
    log = AccessLog(path)
    assert log.added().total == 3
    path.write_text(line * 5)
    assert log.added().total == 2


def test_both_ways_get_the_same_records(tmp_path: Path) -> None:
    """Our reader finds in the capture file what the reference's method is given, 1 kB a side."""
    records = make_records("run-1", 20, seed=3)
    write_captures(tmp_path / "captures.jsonl", records)
    assert read_captures(tmp_path / "captures.jsonl") == records
    for line, record in zip(
        iter_lines([(tmp_path / "captures.jsonl").read_bytes()]), records, strict=True
    ):
        inference = read_line(line).record
        assert isinstance(inference, Inference)
        assert inference.event_id == record.event_id
        assert inference.output_text == record.answer
        assert inference.request
        assert inference.request.messages == [{"role": "user", "content": record.question}]
        assert inference.response
        assert inference.response.usage.input_tokens == record.tokens[0]
        assert 1000 <= len(record.question) < 1200
        assert 1000 <= len(record.answer) < 1200


def test_records_vary_but_can_be_had_again() -> None:
    """A round's texts differ among each other and from the next round's, in every run the same."""
    first, other = make_records("run-1", 30, seed=1), make_records("run-1", 30, seed=2)
    assert first == make_records("run-1", 30, seed=1)
    assert len({text for r in (*first, *other) for text in (r.question, r.answer)}) == 120


@pytest.mark.parametrize("judging", ["each", "panel"])
def test_the_same_criteria_are_judged(judging: str) -> None:
    """Six judged criteria and the token count are left of `scorers.yaml`, with its own texts."""
    config = load_scorers(SCORERS_FILE)
    kept = chosen(config, judging)
    assert sorted(spec.name for spec in kept.scorers) == sorted((*JUDGED, TOKENS))
    assert kept.judging == judging
    given = texts(config)
    assert "address what the user asked for" in given["follows_objective"][0]
    assert "{{ outputs }}" in given["coherence"]
    assert given["safety"] is None


def test_page_has_the_table_the_command_and_the_figures(tmp_path: Path) -> None:
    """A reader of the page can make the run again, and sees every row and the line of JSON."""
    write_page(rounds(), Setup(rounds=3, records=100, concurrency=60), tmp_path / "page.md")
    page = (tmp_path / "page.md").read_text()
    assert "`make bench-scoring ROUNDS=3 RECORDS=100 CONCURRENCY=60`" in page
    assert f"| {' | '.join(HEADINGS)} |" in page
    assert "| faster | 1.0x | 8.0x | 4.0x |" in page
    assert all(f"| {' | '.join(row)} |" in page for row in rows(rounds()))
    assert rounds().line() in page
    assert "mlflow 3.10.1 with litellm 1.81.1" in page
