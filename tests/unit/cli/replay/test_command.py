"""`inference-monitor replay`: what is sent again, what stays, and what a person is told."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import boto3
import pytest
from botocore.exceptions import NoCredentialsError
from typer.testing import CliRunner

from inference_monitor.capture.lines import iter_lines
from inference_monitor.capture.reader import Quarantined, read_document, read_line
from inference_monitor.inference import Source
from inference_monitor.results import S3Results
from inference_monitor_cli import deployment, executions
from inference_monitor_cli.main import app
from stacks.names import Names
from tests.unit.aws import CAPTURES, EXECUTION, RESULTS, Account, Answer, raised, refuse
from tests.unit.builders import capture

FILE = {"bucket": "captures", "key": "data/llm/AllTraffic/2026/03/02/09/x.jsonl"}
S3_EVENT = {
    "detail": {"bucket": {"name": FILE["bucket"]}, "object": {"key": FILE["key"]}},
}

KEY = "data/llm/AllTraffic/2026/03/02/09/x.jsonl"
FOLDER = f"quarantine/{CAPTURES}/{KEY}/"
SOURCE = Source(CAPTURES, KEY, "llm", "AllTraffic")
BROKEN = '{"broken'
EVIL = "\x1b]0;owned\x07[red]bold[/red]\u202e"

Run = Callable[..., Any]


@pytest.fixture
def account(monkeypatch: pytest.MonkeyPatch) -> Account:
    """An account with the deployment `dev`, and nothing to wait for."""
    account = Account()
    monkeypatch.setattr(boto3, "Session", lambda: account)
    monkeypatch.setattr(executions, "POLL_SECONDS", 0)
    return account


@pytest.fixture
def run(account: Account) -> Run:  # noqa: ARG001  # it stands in for AWS
    """Run the command, one thing in flight, so that the order of things is known."""

    def run(*arguments: str) -> Any:
        return CliRunner().invoke(
            app, ["replay", "--prefix", "dev", "--in-flight", "1", *arguments]
        )

    return run


def quarantine(account: Account, *lines: str, reason: str = "not readable") -> str:
    """Quarantine lines as the function does, and give the object's key."""
    before = account.s3.keys(RESULTS)
    entries = [read_line(line) for line in iter_lines(["\n".join(lines).encode()])]
    S3Results(account.s3, RESULTS).quarantine(SOURCE, [(e, reason) for e in entries])  # type: ignore[arg-type]
    (new,) = set(account.s3.keys(RESULTS)) - set(before)
    return new


def line(event_id: str) -> str:
    """A line that can be read."""
    return json.dumps(capture({"inputs": event_id}, eventId=event_id))


def sent(account: Account) -> list[list[str]]:
    """The event ids of each batch the function was sent."""
    return [[i["eventMetadata"]["eventId"] for i in e["Items"]] for e in account.function.events]


def refusing(account: Account, *event_ids: str) -> Answer:
    """A function whose MLflow refuses these inferences, so that it quarantines them again."""

    def answer(event: dict[str, Any]) -> dict[str, Any]:
        entries = [read_document(item) for item in event["Items"]]
        refused = [(e, "MLflow: too long") for e in entries if e.record.event_id in event_ids]
        if refused:
            S3Results(account.s3, RESULTS).quarantine(SOURCE, refused)  # type: ignore[arg-type]
        count = len(entries)
        return {"captured": count, "traced": count - len(refused), "quarantined": len(refused)}

    return answer


def test_readable_lines_are_sent_and_forgotten(account: Account, run: Run) -> None:
    """Lines that can be read by now go to the function as a batch of their file; then they go."""
    quarantine(account, line("e-1"), line("e-2"))
    result = run("--quarantined")
    assert result.exit_code == 0, result.output
    (event,) = account.function.events
    assert (event["BatchInput"]["bucket"], event["BatchInput"]["key"]) == (CAPTURES, KEY)
    assert sent(account) == [["e-1", "e-2"]]
    assert account.s3.keys(RESULTS) == []
    assert "2 quarantined lines sent, 0 not sent" in result.stdout
    assert run("--quarantined").stdout.startswith("0 quarantined lines sent")


def test_unreadable_lines_stay_where_they_can_be_found(account: Account, run: Run) -> None:
    """They are listed with place and reason, and kept in an object of their own."""
    before = quarantine(account, line("e-1"), BROKEN)
    result = run("--quarantined")
    assert result.exit_code == 0
    assert f"stays: line 2 of s3://{CAPTURES}/{KEY}: not JSON" in result.stdout
    (kept,) = account.s3.keys(RESULTS)
    assert kept.startswith(FOLDER)
    assert kept != before
    assert [(r["text"], r["line"]) for r in account.s3.rows(RESULTS, kept)] == [(BROKEN, 2)]


def test_a_line_without_a_number_is_named_by_its_place(account: Account, run: Run) -> None:
    """Of a file that was read by ranges, offsets are known; of a batch, nothing is."""
    key = quarantine(account, BROKEN, BROKEN)
    rows = account.s3.rows(RESULTS, key)
    rows[0] |= {"line": None, "offset": 719}
    rows[1] |= {"line": None, "offset": None}
    body = "".join(json.dumps(row) + "\n" for row in rows).encode()
    account.s3.put_object(Bucket=RESULTS, Key=key, Body=body)
    said = run("--quarantined").stdout
    assert f"stays: the line at byte 719 of s3://{CAPTURES}/{KEY}" in said
    assert f"stays: a line of s3://{CAPTURES}/{KEY}" in said


def test_nothing_is_written_when_no_line_is_readable(account: Account, run: Run) -> None:
    """An object without a readable line is left alone."""
    key = quarantine(account, BROKEN)
    before = account.s3.modified[RESULTS, key]
    assert run("--quarantined").exit_code == 0
    assert (account.function.events, account.s3.modified[RESULTS, key]) == ([], before)


def test_a_dry_run_sends_nothing(account: Account, run: Run) -> None:
    """It shows what would be sent and what would stay, and touches nothing."""
    key = quarantine(account, line("e-1"), BROKEN)
    result = run("--quarantined", "--dry-run")
    assert f"would send 1 of 2 lines of s3://{CAPTURES}/{KEY}" in result.stdout
    assert "stays: line 2" in result.stdout
    assert "1 quarantined lines would be sent; nothing was" in result.stdout
    assert (result.exit_code, account.function.events) == (0, [])
    assert account.s3.keys(RESULTS) == [key]


@pytest.mark.parametrize(
    ("answer", "says"),
    [
        (raised("TransientError"), "TransientError: no answer; run the same command again"),
        (raised("JudgeUnavailableError"), "for the scores"),
        (raised("Runtime.ExitError"), "see the log of processor-dev"),
        (lambda _: {"captured": 1, "traced": 1}, "accounts for 1 of 2 records"),
        (lambda _: {"captured": 2, "traced": 1}, "accounts for 2 of 2 records"),
    ],
)
def test_what_is_not_taken_stays(account: Account, run: Run, answer: Answer, says: str) -> None:
    """Without an answer that accounts for every line nothing is forgotten, and the status is 1."""
    key = quarantine(account, line("e-1"), line("e-2"))
    account.function.answer = answer
    result = run("--quarantined")
    assert result.exit_code == 1
    assert says in result.stderr
    assert "0 quarantined lines sent, 2 not sent" in result.stdout
    assert account.s3.keys(RESULTS) == [key]
    assert len(account.s3.rows(RESULTS, key)) == 2


def test_lines_refused_again_are_kept_once_with_their_place(account: Account, run: Run) -> None:
    """Of a batch that MLflow takes in part, only the refused line stays, with the new reason."""
    quarantine(account, line("e-1"), line("e-2"), line("e-3"))
    account.function.answer = refusing(account, "e-2")
    result = run("--quarantined")
    assert result.exit_code == 1
    assert "1 quarantined again: MLflow: too long" in result.stderr
    assert "2 quarantined lines sent, 1 not sent" in result.stdout
    (kept,) = account.s3.keys(RESULTS)
    (row,) = account.s3.rows(RESULTS, kept)
    assert (row["text"], row["line"], row["reason"]) == (line("e-2"), 2, "MLflow: too long")

    assert run("--quarantined").exit_code == 1
    assert account.s3.keys(RESULTS) == [kept]
    account.function.answer = refusing(account)
    assert run("--quarantined").exit_code == 0
    assert account.s3.keys(RESULTS) == []


def test_what_an_interrupted_replay_has_left_is_cleared_up(account: Account, run: Run) -> None:
    """Lines that are kept twice, by us and by the function, are kept once after the next replay."""
    quarantine(account, line("e-1"), line("e-2"), BROKEN)
    entry = read_document(json.loads(line("e-2")))
    S3Results(account.s3, RESULTS).quarantine(SOURCE, [(entry, "MLflow: no")])  # type: ignore[arg-type]
    account.function.answer = refusing(account, "e-2")
    run("--quarantined")
    assert run("--quarantined").exit_code == 1
    (kept,) = account.s3.keys(RESULTS)
    assert [r["line"] for r in account.s3.rows(RESULTS, kept)] == [2, 3]


def test_lines_refused_twice_under_the_same_name_survive(account: Account, run: Run) -> None:
    """The object that the function writes anew is the one that was replayed: it must stay."""
    entry = read_document(capture({"inputs": "x"}, eventId="e-1"))
    S3Results(account.s3, RESULTS).quarantine(SOURCE, [(entry, "MLflow: no")])  # type: ignore[arg-type]
    (key,) = account.s3.keys(RESULTS)
    account.function.answer = refusing(account, "e-1")
    assert run("--quarantined").exit_code == 1
    assert account.s3.keys(RESULTS) == [key]
    assert [r["sha256"] for r in account.s3.rows(RESULTS, key)] == [entry.digest]


def test_equal_lines_that_are_refused_stay(account: Account, run: Run) -> None:
    """The same line twice is two lines, also when both are refused."""
    quarantine(account, line("e-1"), line("e-1"), line("e-2"))
    account.function.answer = refusing(account, "e-1")
    result = run("--quarantined")
    assert "1 quarantined lines sent, 2 not sent" in result.stdout
    (kept,) = account.s3.keys(RESULTS)
    assert [r["line"] for r in account.s3.rows(RESULTS, kept)] == [1, 2]


def test_a_refusal_nobody_can_locate_keeps_the_whole_batch(account: Account, run: Run) -> None:
    """If it cannot be told which lines were quarantined again, none of them is forgotten."""
    key = quarantine(account, line("e-1"), line("e-2"))
    account.function.answer = lambda _: {"captured": 2, "traced": 1, "quarantined": 1}
    result = run("--quarantined")
    assert result.exit_code == 1
    assert "all stay" in result.stderr
    assert account.s3.keys(RESULTS) == [key]


def test_what_stays_is_written_before_anything_is_deleted(account: Account, run: Run) -> None:
    """Without the right to write, the object is left as it was, and the person is told."""
    key = quarantine(account, line("e-1"), BROKEN)
    account.s3.deny = frozenset({"PutObject"})
    result = run("--quarantined")
    assert result.exit_code == 1
    assert "may not call PutObject" in result.stderr
    assert account.s3.keys(RESULTS) == [key]


def test_batches_keep_to_the_size_of_a_request(account: Account, run: Run) -> None:
    """Many and large lines go in several requests; one above the limit stays and says so."""
    large = [line(f"{n}" + "x" * 2_500_000) for n in range(3)]
    quarantine(account, *[line(f"e-{n}") for n in range(30)], *large, line("x" * 3_200_000))
    result = run("--quarantined")
    assert [len(batch) for batch in sent(account)] == [25, 6, 1, 1]
    assert result.exit_code == 1
    assert "it has more bytes than a request may have: replay the hour" in result.stderr
    (kept,) = account.s3.keys(RESULTS)
    assert [r["line"] for r in account.s3.rows(RESULTS, kept)] == [34]


def test_quarantine_can_be_narrowed_down(account: Account, run: Run) -> None:
    """A key, the beginning of one, or a URI chooses the files."""
    quarantine(account, line("e-1"))
    for where in (KEY, "data/llm/AllTraffic/2026/03/02", f"s3://{CAPTURES}/{KEY}",
                  f"s3://{RESULTS}/{FOLDER}"):  # fmt: skip
        assert "1 quarantined lines would" in run("--quarantined", where, "--dry-run").stdout
    assert "0 quarantined lines would" in run("--quarantined", "data/other", "--dry-run").stdout


def test_quarantine_can_be_narrowed_down_to_a_reason(account: Account, run: Run) -> None:
    """What MLflow refused for a used-up pool is sent and goes; other lines stay as they are."""
    pool = "MLflow did not write trace tr-1: 400 QueuePool limit of size 5 overflow 10 reached"
    entries = [read_document(json.loads(line(e))) for e in ("e-1", "e-2", "e-3")]
    reasons = (pool, "MLflow: too long", pool)
    S3Results(account.s3, RESULTS).quarantine(SOURCE, list(zip(entries, reasons, strict=True)))  # type: ignore[arg-type]
    quarantine(account, BROKEN)

    dry = run("--quarantined", "--reason", "queuepool", "--dry-run").stdout
    assert f"would send 2 of 3 lines of s3://{CAPTURES}/{KEY}" in dry
    assert "stays" not in dry
    result = run("--quarantined", "--reason", "queuepool")
    assert (result.exit_code, sent(account)) == (0, [["e-1", "e-3"]])
    rows = [r for key in account.s3.keys(RESULTS) for r in account.s3.rows(RESULTS, key)]
    assert {r["reason"] for r in rows} == {"MLflow: too long", "not readable"}
    assert "0 quarantined lines sent" in run("--quarantined", "--reason", "queuepool").stdout


def test_only_quarantined_lines_have_a_reason(run: Run) -> None:
    """A reason beside anything else would be ignored, so it is refused."""
    result = run("--dlq", "--reason", "QueuePool")
    assert result.exit_code == 2
    assert "only --quarantined has reasons" in result.stderr


def test_a_damaged_object_does_not_stop_the_others(account: Account, run: Run) -> None:
    """What the monitor has not written is left alone and named; hostile text is not obeyed."""
    quarantine(account, line("e-1"))
    account.s3.put_object(Bucket=RESULTS, Key=f"{FOLDER}{EVIL}.jsonl", Body=b"[1]\n")
    result = run("--quarantined")
    assert sent(account) == [["e-1"]]
    assert result.exit_code == 1
    assert "row 1 is no JSON object with a text" in result.stderr
    assert not {"\x1b", "\x07", "\u202e"} & set(result.output)


def failed_run(account: Account, *inputs: dict[str, Any], name: str = "run-1") -> str:
    """A map run with one batch that succeeded and these that failed; gives its manifest's key."""
    folder = f"map-results/{name}/"
    records = [{"Error": "TransientError", "Input": json.dumps(i)} for i in inputs]
    files = {
        "FAILED_0.jsonl": "".join(json.dumps(record) + "\n" for record in records),
        "SUCCEEDED_0.jsonl": '{"captured": 7, "traced": 7}\n',
    }
    for file, body in files.items():
        account.s3.put_object(Bucket=RESULTS, Key=f"{folder}{file}", Body=body.encode())
    result_files = {
        "FAILED": [{"Key": f"{folder}FAILED_0.jsonl", "Size": 9}],
        "PENDING": [],
        "SUCCEEDED": [{"Key": f"{folder}SUCCEEDED_0.jsonl", "Size": 9}],
    }
    manifest = json.dumps({"DestinationBucket": RESULTS, "ResultFiles": result_files})
    key = f"{folder}manifest.json"
    account.s3.put_object(Bucket=RESULTS, Key=key, Body=manifest.encode())
    return key


def batch(*event_ids: str) -> dict[str, Any]:
    """The input of a batch, as the map gives it to the function."""
    where = {"bucket": CAPTURES, "key": KEY, "execution": "arn:1"}
    return {"BatchInput": where, "Items": [json.loads(line(event)) for event in event_ids]}


def byte_range(start: int, end: int) -> dict[str, Any]:
    """The input of a range of a file that Step Functions could not read."""
    where = {"bucket": CAPTURES, "key": KEY, "execution": "arn:1"}
    return {**where, "range": {"start": start, "end": end}}


def test_failed_batches_are_sent_as_they_were(account: Account, run: Run) -> None:
    """With the same execution, so that they are attempts of the same delivery; then the ledger."""
    manifest_key = failed_run(account, batch("e-1", "e-2"), batch("e-3"))
    dry = run("--failed-batches", "--dry-run")
    assert f"would send 2 records of s3://{CAPTURES}/{KEY} (TransientError)" in dry.stdout
    assert account.function.events == []
    result = run("--failed-batches")
    assert result.exit_code == 0, result.output
    assert "2 failed batches sent, 0 not sent" in result.stdout
    *batches, ledger = account.function.events
    assert [b["BatchInput"]["execution"] for b in batches] == ["arn:1", "arn:1"]
    assert [[i["eventMetadata"]["eventId"] for i in b["Items"]] for b in batches] == [
        ["e-1", "e-2"], ["e-3"],
    ]  # fmt: skip
    results = {"Bucket": RESULTS, "Key": manifest_key}
    assert ledger == {"ledger": {"bucket": CAPTURES, "key": KEY, "results": results}}
    (manifest,) = account.s3.rows(RESULTS, manifest_key)
    files = manifest["ResultFiles"]
    assert (files["FAILED"], files["PENDING"]) == ([], [])
    added = account.s3.rows(RESULTS, files["SUCCEEDED"][-1]["Key"])
    assert [answer["traced"] for answer in added] == [2, 1]
    assert "0 failed batches sent" in run("--failed-batches").stdout


def test_a_run_stays_failed_until_every_batch_is_taken(account: Account, run: Run) -> None:
    """One batch that fails again leaves the manifest as it was: all are sent again next time."""
    key = failed_run(account, batch("e-1"), batch("e-2"))
    before = account.s3.objects[RESULTS, key]
    account.function.answer = lambda event: (
        raised("TransientError")(event)
        if "e-1" in json.dumps(event)
        else {"captured": 1, "traced": 1}
    )
    result = run("--failed-batches")
    assert result.exit_code == 1
    assert "1 failed batches sent, 1 not sent" in result.stdout
    assert account.s3.objects[RESULTS, key] == before
    account.function.answer = lambda _: {"captured": 1, "duplicate": 1}
    account.function.events.clear()
    assert run("--failed-batches").exit_code == 0
    assert len(account.function.events) == 3


def test_failed_ranges_are_sent_as_they_were(account: Account, run: Run) -> None:
    """A file that was read by ranges of bytes has no records in its results, but their places."""
    failed_run(account, byte_range(0, 100), byte_range(100, 150))
    account.function.answer = lambda _: {"captured": 3, "traced": 2, "quarantined": 1}
    dry = run("--failed-batches", "--dry-run")
    assert f"would send bytes 100 to 150 of s3://{CAPTURES}/{KEY} (TransientError)" in dry.stdout
    assert run("--failed-batches").exit_code == 0
    assert account.function.events[:2] == [byte_range(0, 100), byte_range(100, 150)]


@pytest.mark.parametrize(
    ("ledger", "closed"),
    [
        ({"balanced": False, "captured": 8}, True),
        ({"balanced": True, "captured": 3}, True),
        ({"balanced": True, "captured": 8}, False),
        ({"balanced": False, "captured": 20}, False),
    ],
)
def test_only_a_better_ledger_is_written(
    account: Account, run: Run, ledger: dict[str, Any], closed: bool
) -> None:
    """One of a later delivery that balances stays, as does one that accounts for more lines."""
    failed_run(account, batch("e-1"))
    body = json.dumps(ledger).encode()
    account.s3.put_object(Bucket=RESULTS, Key=f"ledger/{CAPTURES}/{KEY}.json", Body=body)
    assert run("--failed-batches").exit_code == 0
    assert any("ledger" in event for event in account.function.events) == closed


@pytest.mark.parametrize(("runs", "together"), [(("run-1", "run-2"), False), (("run-1",), True)])
def test_two_runs_over_a_file_are_not_sent_at_once(
    account: Account,
    run: Run,
    monkeypatch: pytest.MonkeyPatch,
    runs: tuple[str, ...],
    together: bool,  # a parameter of the test
) -> None:
    """A file was read again in ranges: the same records, of which one delivery is refused."""
    for name in runs:
        failed_run(account, *(batch(f"{name}-{n}") for n in range(2 // len(runs))), name=name)
    met = threading.Barrier(2, timeout=10 if together else 0.3)
    invoke = account.function.invoke

    def wait_for_another(**event: Any) -> Any:
        if b'"Items"' in event["Payload"]:
            with suppress(threading.BrokenBarrierError):
                met.wait()
        return invoke(**event)

    monkeypatch.setattr(account.function, "invoke", wait_for_another)
    result = run("--failed-batches", "--in-flight", "2")
    assert "2 failed batches sent, 0 not sent" in result.stdout
    assert met.broken is not together


def test_a_failed_batch_without_its_input_is_named(account: Account, run: Run) -> None:
    """The others of its run are sent, and the run stays failed."""
    key = failed_run(account, batch("e-1"), {"neither": "shape"})
    before = account.s3.objects[RESULTS, key]
    result = run("--failed-batches")
    assert "1 failed batches sent, 0 not sent" in result.stdout
    assert result.exit_code == 1
    assert f"a batch of s3://{RESULTS}/{key}: no Input to send" in result.stderr
    assert account.s3.objects[RESULTS, key] == before


def event(key: str = KEY) -> str:
    """S3's event about a capture file, as it lies in the queue."""
    return json.dumps({"id": key, "detail": {"bucket": {"name": CAPTURES}, "object": {"key": key}}})


def test_dead_letters_start_the_workflow(account: Account, run: Run) -> None:
    """Each event starts an execution with itself as input, and leaves the queue."""
    account.sqs.messages = {"m-1": event("a.jsonl"), "m-2": event("b.jsonl")}
    dry = run("--dlq", "--dry-run")
    assert f"would send the event of s3://{CAPTURES}/a.jsonl" in dry.stdout
    assert (account.states.inputs, account.sqs.hidden) == ({}, set())
    result = run("--dlq")
    assert result.exit_code == 0, result.output
    inputs = list(account.states.inputs.values())
    assert inputs == [json.loads(event("a.jsonl")), json.loads(event("b.jsonl"))]
    assert account.sqs.messages == {}


def test_an_event_that_cannot_be_started_stays_in_the_queue(account: Account, run: Run) -> None:
    """It is visible again at the end, for the next time."""
    account.sqs.messages = {"m-1": event()}
    account.states.error = "StateMachineDoesNotExist"
    result = run("--dlq")
    assert result.exit_code == 1
    assert "StateMachineDoesNotExist" in result.stderr
    assert (set(account.sqs.messages), account.sqs.hidden) == ({"m-1"}, set())


def test_hours_without_a_file_say_where_they_were_looked_for(run: Run) -> None:
    """Nothing is sent, and that is no success."""
    result = run("--from", "2026-03-02", "--to", "2026-03-02")
    assert result.exit_code == 1
    assert f"no capture file: looked for s3://{CAPTURES}/data/llm/" in result.stderr


@pytest.mark.parametrize(
    "message",
    [
        {"requestContext": {"condition": "RetriesExhausted"}, "requestPayload": FILE},
        {
            "detail-type": "Step Functions Execution Status Change",
            "detail": {"status": "FAILED", "input": json.dumps(S3_EVENT), "error": "x"},
        },
    ],
    ids=["of an invocation", "of an execution"],
)
def test_what_the_function_failed_at_starts_the_workflow(
    account: Account, run: Run, message: dict[str, Any]
) -> None:
    """A direct invoke that nobody waited for, or an unclosed ledger: its file is done again."""
    account.sqs.messages = {"m-1": json.dumps(message)}
    result = run("--dlq")
    assert result.exit_code == 0, result.output
    assert list(account.states.inputs.values()) == [S3_EVENT]
    assert account.sqs.messages == {}


def test_a_foreign_message_stays_in_the_queue(account: Account, run: Run) -> None:
    """What is no event of S3 is named and left; the others are sent."""
    account.sqs.messages = {"m-1": EVIL, "m-2": "{}", "m-3": event()}
    result = run("--dlq")
    assert (set(account.sqs.messages), account.sqs.hidden) == ({"m-1", "m-2"}, set())
    assert result.exit_code == 1
    assert result.stderr.count("cannot be sent: message") == 2
    assert "1 events sent, 0 not sent" in result.stdout
    assert not {"\x1b", "\x07"} & set(result.output)


@pytest.mark.parametrize(
    ("status", "started"),
    [(("SUCCEEDED",), 0), (("RUNNING", "RUNNING", "SUCCEEDED"), 0), (("FAILED",), 1)],
)
def test_an_event_sent_before_is_not_lost_and_not_sent_twice(
    account: Account, run: Run, status: tuple[str, ...], started: int
) -> None:
    """A replay that died before it could delete: done if it went well, else started anew."""
    account.sqs.messages = {"m-1": event()}
    name = f"replay-event-{executions.digest_of(event())}"
    account.states.statuses[name] = list(status)
    result = run("--dlq")
    assert result.exit_code == 0, result.output
    assert [n.startswith(name) for n in account.states.inputs] == [True] * started
    assert account.sqs.messages == {}


def test_whole_days_can_be_sent_again_and_again(account: Account, run: Run) -> None:
    """Every capture file of the days is started, a second time, too; other days are not listed."""
    for day in ("01", "02", "03", "04"):
        for hour in ("00", "23"):
            key = f"data/llm/AllTraffic/2026/03/{day}/{hour}/x.jsonl"
            account.s3.put_object(Bucket=CAPTURES, Key=key, Body=b"")
    account.s3.put_object(Bucket=CAPTURES, Key="data/llm/AllTraffic/2026/03/02/09/x.csv", Body=b"")
    account.s3.put_object(Bucket=CAPTURES, Key="data/llm/stray.jsonl", Body=b"")
    account.s3.put_object(Bucket=CAPTURES, Key="data/other/v/2026/03/02/09/x.jsonl", Body=b"")
    days = ("--from", "2026-03-02", "--to", "2026-03-03")
    assert "4 capture files would be sent" in run(*days, "--dry-run").stdout
    assert account.states.inputs == {}
    result = run(*days)
    assert result.exit_code == 0, result.output
    assert "stays: s3://captures/data/llm/stray.jsonl: its path has no date" in result.stdout
    keys = [i["detail"]["object"]["key"] for i in account.states.inputs.values()]
    assert [k.split("2026/")[1] for k in keys] == [
        f"03/{day}/{hour}/x.jsonl" for day in ("02", "03") for hour in ("00", "23")
    ]
    assert "4 capture files sent, 0 not sent" in run(*days).stdout
    assert len(account.states.inputs) == 8
    assert not any("/03/04/" in prefix or "/03/01/" in prefix for prefix in account.s3.listed)
    hour = run("--from", "2026-03-02T23", "--to", "2026-03-02T23", "--dry-run")
    assert "1 capture files would be sent" in hour.stdout


def test_an_execution_that_fails_is_told(account: Account, run: Run) -> None:
    """The replay follows what it starts; a failed execution makes the status 1."""
    account.s3.put_object(Bucket=CAPTURES, Key=KEY, Body=b"")
    account.states.ends_as = "FAILED"
    result = run("--from", "2026-03-02", "--to", "2026-03-02")
    assert result.exit_code == 1
    assert f"s3://{CAPTURES}/{KEY}: the execution ended as FAILED: UnbalancedLedgerError" in (
        result.stderr
    )
    assert EXECUTION in result.stderr


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ((), "choose one of --quarantined, --failed-batches, --dlq, or --from with --to"),
        (("--dlq", "--quarantined"), "choose one of"),
        (("--from", "2026-03-02"), "--from and --to belong together"),
        (("--from", "2026-03-03", "--to", "2026-03-02"), "is after --to"),
        (("--from", "yesterday", "--to", "2026-03-02"), "'yesterday' is no day or hour"),
        (("--dlq", "x"), "only --quarantined and --from can be narrowed down"),
        (("--dlq", "--prefix", "prod"), "there is no stack SageMakerInferenceMonitoringStack-prod"),
    ],
)
def test_a_mistake_is_one_line(run: Run, arguments: tuple[str, ...], says: str) -> None:
    """Status 2 and what to do, no traceback."""
    result = run(*arguments)
    assert result.exit_code == 2
    assert says in result.stderr
    assert result.stderr.count("\n") == 1


@pytest.mark.parametrize(
    ("error", "says"),
    [
        (NoCredentialsError(), "set AWS_PROFILE"),
        (refuse("DescribeStacks", "AccessDenied"), "may not call DescribeStacks"),
        (refuse("DescribeStacks", "ExpiredToken"), "log in with `aws sso login`"),
    ],
)
def test_aws_says_no(
    run: Run, monkeypatch: pytest.MonkeyPatch, error: Exception, says: str
) -> None:
    """Missing rights and credentials are told with what to do."""

    def fail(*_: Any, **__: Any) -> Any:
        raise error

    monkeypatch.setattr("tests.unit.aws.CloudFormation.describe_stacks", fail)
    result = run("--dlq")
    assert result.exit_code == 2
    assert says in result.stderr
    assert result.stderr.count("\n") == 1


def test_the_names_are_those_of_the_deployment() -> None:
    """The command looks for what the CDK app deploys."""
    names = Names("dev")
    assert deployment.STACK.format("dev") == names.stack
    assert deployment.RULE.format("dev") == names.rule


def test_the_fixture_quarantines_what_the_monitor_would() -> None:
    """The broken line of these tests is one for the reader."""
    (entry,) = [read_line(x) for x in iter_lines([BROKEN.encode()])]
    assert isinstance(entry.record, Quarantined)
