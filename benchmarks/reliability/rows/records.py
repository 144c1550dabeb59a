"""Records that are large or hostile, and many of them."""

from __future__ import annotations

import json
import os

from benchmarks.reliability.captures import ANSWER, TIME, Captures, Expected, chat, failed
from benchmarks.reliability.rows.evidence import maybe_attempts
from benchmarks.reliability.trial import Trial, TrialError
from benchmarks.reliability.workers import peak_megabytes, workers
from tests.samples.record import Sample, as_capture

MEGABYTE = 1024 * 1024
MOST_RESIDENT_MB = 450
FILES = int(os.environ.get("RELIABILITY_FILES", "200"))
RECORDS = int(os.environ.get("RELIABILITY_RECORDS", "6000"))
RECORD_BYTES = int(os.environ.get("RELIABILITY_RECORD_BYTES", "10000"))

GARBAGE = (
    b"\x00\x00\x00\x00",
    b"\xff\xfe\x00garbage\x80\x81",
    b'{"captureData": {"endpointInput": {"data": "cut off',
    b"[" * 100_000,
    b'{"a":' * 50_000 + b"1" + b"}" * 50_000,
    b'"a text"',
    b"17",
    b'{"captureData": {}, "eventMetadata": {"inferenceTime": "2026-03-02T09:00:00Z"}}',
    b'{"captureData": {}, "eventMetadata": {"eventId": "no-time", "inferenceTime": "soon"}}',
)


def large_records(trial: Trial) -> str:
    """A record of 5 MB and an answer of 1 MB, which Step Functions cannot carry."""
    captures = trial.mixed(10)
    for number, (asked, answered) in enumerate(((5 * MEGABYTE, 100), (1000, MEGABYTE)), start=10):
        request = {"messages": [{"role": "user", "content": "Why so long? " * (asked // 13)}]}
        message = {"role": "assistant", "content": f"{ANSWER} " * (answered // len(ANSWER))}
        choices = [{"index": 0, "message": message, "finish_reason": "stop"}]
        usage = {"prompt_tokens": asked // 4, "completion_tokens": answered // 4}
        sample = Sample(request, {"choices": choices, "usage": usage}, {})
        expected = Expected((asked // 4, answered // 4))
        captures.add(f"{trial.endpoint}-{number}", sample, expected)
    return _process(trial, captures)


def hostile_lines(trial: Trial) -> str:
    """Garbage between records with NUL bytes, lone surrogates and tags beyond every limit."""
    captures = trial.mixed(10)
    captures.add_broken(GARBAGE)
    texts = ("NUL \u0000 in the middle", "a lone \ud800 surrogate", "\ufffe \U0010ffff \u202e")
    for number, text in enumerate(texts, start=10):
        sample, expected = chat(number)
        sample.request["messages"][0]["content"] += text
        answer = sample.response["choices"][0]["message"]
        answer["content"] += text
        captures.add(f"{trial.endpoint}-{number}", sample, expected)
    sample, expected = chat(20)
    long = {"inferenceId": "i" * 10_000, "customAttributes": [json.dumps({"user_id": "ü" * 5000})]}
    sample.metadata.update(long)
    captures.add(f"{trial.endpoint}-{'e' * 3000}", sample, expected)
    # A captured answer that is another record in its own right.
    nested, expected = chat(21)
    record = json.dumps(as_capture(nested, "somebody-elses", TIME))
    nested.response["choices"][0]["message"]["content"] = record
    captures.add(f"{trial.endpoint}-21", nested, expected)
    return _process(trial, captures)


def many_files(trial: Trial) -> str:
    """Many files of two records each."""
    for number in range(FILES):
        captures = trial.mixed(2, first=2 * number)
        trial.keep(captures, f"{number % 24:02d}/{number:05d}")
    trial.seconds_allowed = max(trial.seconds_allowed, 5 * FILES)
    trial.mend()
    trial.a_few_at_a_time(trial.upload, trial.files)
    trial.settle()
    return f"{FILES} files; {maybe_attempts(trial) if FILES <= 500 else 'all succeeded'}"


def large_file(trial: Trial) -> str:
    """A file that the function reads itself, in ranges of bytes, with flat memory."""
    captures = Captures()
    # First, so that the reader of Step Functions gives up at once.
    captures.add_broken([b"{broken"])
    unjudged = failed(trial.endpoint, range(RECORDS), RECORD_BYTES)
    captures.lines += unjudged.lines
    captures.inferences |= unjudged.inferences
    trial.seconds_allowed = max(trial.seconds_allowed, RECORDS // 5)
    trial.mend()
    trial.put(captures)
    size = len(captures.body) / MEGABYTE
    trial.settle()
    running = workers(trial.chain, trial.deployment)
    peak = max(peak_megabytes(worker) for worker in running)
    if peak > MOST_RESIDENT_MB:
        raise TrialError(f"{trial.name}: a worker took {peak:.0f} MB of memory")
    return f"{size:.0f} MB; peak of {len(running)} workers {peak:.0f} MB"


def _process(trial: Trial, captures: Captures) -> str:
    trial.mend()
    key = trial.put(captures)
    trial.settle()
    statuses = set(trial.executions.of(key).values())
    if statuses != {"SUCCEEDED"}:
        raise TrialError(f"{trial.name}: the execution ended {statuses}")
    size = len(captures.body) / MEGABYTE
    return f"{size:.1f} MB, {captures.broken} lines broken; {maybe_attempts(trial)}"
