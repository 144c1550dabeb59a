"""What the records of a batch job stand for, so that its answers can be read without the captures.

A manifest is JSON lines: first the job with the scorers as they were, then each record by its id.
It holds ids and names, no text of anybody's.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from functools import cached_property
from typing import Any, Self

from mlflow.entities import Feedback

from inference_monitor.config.scorers import ScorersConfig
from inference_monitor.config.specs import Judging, ScorerSpec
from inference_monitor.domain import Material, Record
from inference_monitor.inference import Inference, Kind, Source
from inference_monitor.scoring.batch import requests
from inference_monitor.scoring.judge.calls import JudgeCall, prompt_version
from inference_monitor.scoring.judge.converse import Answer
from inference_monitor.scoring.judge.prompts import Criterion, Prompt, criteria
from inference_monitor.scoring.record import given_before
from inference_monitor.scoring.tasks import is_declined


@dataclass(frozen=True, slots=True)
class Asked:
    """One record of a job: a call about criteria, in their order.

    `lacking` are all scorers that the trace lacked, asked in this job or not; `shortened` says
    what of the record the judge was not shown. The call is about answer `answer` of the `answers`
    that the inference has.
    """

    record_id: str
    trace_id: str
    event_id: str
    endpoint: str
    file: str
    judging: Judging
    criteria: list[str]
    prompt_versions: list[str]
    lacking: list[str]
    shortened: str | None = None
    answer: int = 1
    answers: int = 1

    @classmethod
    def of(cls, call: JudgeCall, record_id: str, lacking: list[str], answers: int = 1) -> Self:
        """What a call stands for, about one of so many answers."""
        record = call.record
        versions = [prompt_version(criterion, call.judging) for criterion in call.criteria]
        return cls(
            record_id,
            record.trace_id,
            record.inference.event_id,
            record.source.endpoint,
            record.source.uri,
            call.judging,
            call.names,
            [requests.prompt_version(version) for version in versions],
            lacking,
            record.material.shortened if record.material else None,
            record.number,
            answers,
        )

    def to_json(self) -> str:
        """One line."""
        return json.dumps(asdict(self))


@dataclass(frozen=True)
class Manifest:
    """A job and its records by their ids. `default_model` is for scorers that name none."""

    job: str
    default_model: str
    config: ScorersConfig
    asked: Mapping[str, Asked]

    def head(self) -> str:
        """The first line."""
        config = self.config.model_dump(mode="json", by_alias=True, exclude_unset=True)
        return json.dumps({"job": self.job, "default_model": self.default_model, "config": config})

    @classmethod
    def read(cls, lines: Iterable[bytes]) -> Self:
        """Read what `head` and `Asked.to_json` have written."""
        rows: Iterator[Any] = (json.loads(line) for line in lines if line.strip())
        head = next(rows)
        asked = [Asked(**row) for row in rows]
        config = ScorersConfig.model_validate(head["config"])
        by_id = {one.record_id: one for one in asked}
        return cls(head["job"], head["default_model"], config, by_id)

    def verdicts(
        self, asked: Asked, answer: Answer, cost_usd: float | None, shown: str = ""
    ) -> list[Feedback]:
        """The assessments that an answer gives, marked with the job.

        `shown` is what the judge was shown: a verdict that it only repeats is none.
        """
        record = _as_far_as_needed(asked)
        chosen = tuple(self._criteria[name] for name in asked.criteria)
        call = JudgeCall(record, chosen, asked.judging, Prompt("", shown), {})
        verdicts = call.read(answer, cost_usd)
        for verdict, version in zip(verdicts, asked.prompt_versions, strict=True):
            verdict.metadata = {
                **(verdict.metadata or {}), "prompt_version": version, "batch": self.job
            }  # fmt: skip
        return verdicts

    def model(self, asked: Asked) -> str:
        """Who was asked: `bedrock:/…`."""
        return self._criteria[asked.criteria[0]].model

    def spec(self, name: str) -> ScorerSpec:
        """A scorer as it was."""
        return self._specs[name]

    def lacks_nothing(self, asked: Asked, existing: Iterable[Feedback]) -> bool:
        """Whether a trace with these assessments has by now all that it lacked."""
        given, record = list(existing), _as_far_as_needed(asked)
        return all(given_before(given, record, self._specs[name]) for name in asked.lacking)

    def is_declined(self, asked: Asked, existing: Iterable[Feedback]) -> bool:
        """Whether a judge will not judge the content for one of the scorers as they were."""
        given, record = list(existing), _as_far_as_needed(asked)
        return any(
            is_declined(feedback)
            for spec in self.config.scorers
            for feedback in given_before(given, record, spec)
        )

    @cached_property
    def _specs(self) -> dict[str, ScorerSpec]:
        return {spec.name: spec for spec in self.config.scorers}

    @cached_property
    def _criteria(self) -> dict[str, Criterion]:
        return {one.spec.name: one for one in criteria(self.config, self.default_model)}


def _as_far_as_needed(asked: Asked) -> Record:
    """The record without what was said in it: a verdict is read and placed without that."""
    bucket, _, key = asked.file.removeprefix("s3://").partition("/")
    never = datetime.fromtimestamp(0, UTC)
    return Record(
        source=Source(bucket, key, asked.endpoint),
        inference=Inference(asked.event_id, never, Kind.LLM, "", None, None),
        trace_id=asked.trace_id,
        materials=(Material(None, "", asked.shortened),),
    )
