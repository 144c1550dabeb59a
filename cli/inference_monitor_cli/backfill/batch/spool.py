"""Write the input files of batch jobs, and create the jobs."""

from __future__ import annotations

import json
from bisect import bisect_left
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import UTC, datetime
from io import BytesIO
from itertools import islice
from pathlib import Path
from typing import IO, Self

from inference_monitor.config.scorers import ScorersConfig
from inference_monitor.config.specs import bedrock_model_id
from inference_monitor.scoring.batch.jobs import LEAST_RECORDS, MOST_BYTES, MOST_RECORDS
from inference_monitor.scoring.batch.manifest import Asked, Manifest
from inference_monitor.scoring.batch.requests import batch_request, from_json, model_input, to_json
from inference_monitor.scoring.judge.calls import JudgeCall
from inference_monitor.scoring.judge.client import Judge
from inference_monitor.scoring.judge.converse import JudgeRequest, Terms
from inference_monitor.scoring.judge.probe import probe
from inference_monitor_cli.backfill.batch.jobs import BatchJobs
from inference_monitor_cli.backfill.missing_scores import Lacking
from inference_monitor_cli.problems import CommandError


@dataclass(frozen=True, slots=True)
class Part:
    """The records of one job, and what they stand for: JSON lines, to be read from the start."""

    records: IO[bytes]
    asked: IO[bytes]
    count: int


@dataclass(slots=True)
class _Spooled:
    """The questions to a model and what they stand for, as JSON lines; `kinds` are its parameters.

    They become records when it is known what the model takes.
    """

    questions: IO[bytes]
    asked: IO[bytes]
    count: int = 0
    bytes: int = 0
    kinds: dict[str, JudgeRequest] = field(default_factory=dict)
    ends: list[int] = field(default_factory=list)
    largest: int = 0

    def close_record(self) -> None:
        """What comes next belongs to another inference."""
        start = self.ends[-1] if self.ends else 0
        if self.count > start:
            self.ends.append(self.count)
            self.largest = max(self.largest, self.count - start)


@dataclass
class Spool:
    """A folder of this process's own: prompts are in its files, which it takes away at the end."""

    folder: Path
    _of: dict[str, _Spooled] = field(default_factory=dict)
    _files: ExitStack = field(default_factory=ExitStack)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._files.close()

    def add(self, lacking: Lacking) -> None:
        """Take the calls of an inference; one that has no trace can be given nothing."""
        if lacking.traced:
            for call in lacking.calls:
                self._add(call, lacking)
            for spooled in self._of.values():
                spooled.close_record()

    @property
    def counts(self) -> dict[str, int]:
        """The records by model."""
        return {model: spooled.count for model, spooled in self._of.items()}

    def kinds(self, model: str) -> list[JudgeRequest]:
        """A question to a model with each of the parameters that it is asked with."""
        return list(self._of[model].kinds.values())

    def parts(self, model: str, terms: Terms) -> Iterator[Part]:
        """The jobs of a model, of about the same size; each is to be used before the next.

        All calls about an inference are in one of them, for what is said of its answers becomes
        one assessment. Nothing where there are fewer records than a job must have.

        Args:
            model: `bedrock:/…`.
            terms: What the model takes.
        """
        spooled = self._of[model]
        if spooled.count < LEAST_RECORDS:
            return
        most = max(1, MOST_RECORDS - spooled.largest + 1)
        jobs = max(-(-spooled.count // most), -(-spooled.bytes // MOST_BYTES))
        size = -(-spooled.count // jobs)
        for file in (spooled.questions, spooled.asked):
            file.seek(0)
        start = 0
        while start < spooled.count:
            end = spooled.ends[bisect_left(spooled.ends, min(start + size, spooled.count))]
            count = end - start
            with self._file("part") as records, self._file("part-asked") as asked:
                for number, line in enumerate(islice(spooled.questions, count), start=start + 1):
                    body = model_input(from_json(line), terms)
                    record = {"recordId": _record_id(number), "modelInput": body}
                    records.write(json.dumps(record).encode() + b"\n")
                asked.writelines(islice(spooled.asked, count))
                for file in (records, asked):
                    file.seek(0)
                yield Part(records, asked, count)
            start += count

    def _add(self, call: JudgeCall, lacking: Lacking) -> None:
        if call.model not in self._of:
            number = len(self._of)
            self._of[call.model] = _Spooled(
                self._files.enter_context(self._file(f"{number}")),
                self._files.enter_context(self._file(f"{number}-asked")),
            )
        spooled = self._of[call.model]
        spooled.count += 1
        request = batch_request(call)
        line = to_json(request).encode() + b"\n"
        spooled.questions.write(line)
        asked = Asked.of(call, _record_id(spooled.count), lacking.lacking, lacking.record.answers)
        spooled.asked.write(asked.to_json().encode() + b"\n")
        spooled.bytes += len(line)
        spooled.kinds.setdefault(request.parameters.model_dump_json(), request)

    def _file(self, name: str) -> IO[bytes]:
        return (self.folder / name).open("w+b")


def _record_id(number: int) -> str:
    """Eleven letters or digits: what Bedrock's guide once asked for, and still takes."""
    return f"{number:011d}"


# A first answer may show that a model thinks; the effort that is asked for then may be refused.
_MOST_PROBES = 3


def too_few(spool: Spool) -> list[str]:
    """A line for each model that has too little to do for a job."""
    return [
        f"{count} calls to {bedrock_model_id(model)}: Bedrock takes batch jobs of {LEAST_RECORDS} "
        "records and more; leave out --batch to have them judged now"
        for model, count in spool.counts.items()
        if count < LEAST_RECORDS
    ]


def find_terms(judge: Judge, spool: Spool) -> dict[str, Terms]:
    """What each model takes, asked once before a job is paid for that it would refuse.

    Raises:
        CommandError: If a model refuses for good, or gives no verdict. Not where it is only you who
            may not call it: jobs have a role of their own.
    """
    ready = [model for model, count in spool.counts.items() if count >= LEAST_RECORDS]
    for model in ready:
        for kind in spool.kinds(model):
            _find_terms(judge, kind)
    return {model: judge.negotiation.model(bedrock_model_id(model)).terms for model in ready}


def _find_terms(judge: Judge, request: JudgeRequest) -> None:
    """Ask until the model has answered what it would be sent now: an answer may teach more."""
    known = judge.negotiation.model(request.model_id)
    for _ in range(_MOST_PROBES):
        probed = probe(judge, request.model, request.parameters, in_words=True)
        if probed.problem and probed.code != "AccessDeniedException":
            raise CommandError(f"no batch job for {request.model}: {probed.problem}")
        if probed.problem or known.has_answered(request):
            return


def create_jobs(
    jobs: BatchJobs,
    spool: Spool,
    *,
    terms: Mapping[str, Terms],
    config: ScorersConfig,
    default_model: str,
    prefix: str,
) -> Iterator[str]:
    """Create the jobs of the models in `terms`; gives the name of each as soon as it is there.

    Raises:
        ClientError: If Bedrock refuses one; those before it run.
    """
    # Names have 63 characters at most; a prefix may have 30.
    run = f"judge-{prefix}-{datetime.now(UTC):%Y%m%dT%H%M%S}"
    number = 0
    for model, taken in terms.items():
        for part in spool.parts(model, taken):
            number += 1
            job = f"{run}-{number}"
            head = Manifest(job, default_model, config, {}).head().encode() + b"\n"
            jobs.create(job, model, BytesIO(head + part.asked.read()), part.records)
            yield job
