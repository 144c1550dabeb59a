"""Try scorers on a few records: what they say, and why some say nothing."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError
from mlflow.entities import Feedback

from inference_monitor.capture.reader import Entry
from inference_monitor.config.models import ModelTable
from inference_monitor.config.scorers import DROP_IN_FOLDER, ScorersConfig
from inference_monitor.config.specs import JudgedSpec, ScorerSpec
from inference_monitor.domain import Record, Verdicts
from inference_monitor.inference import Inference, Kind, Source
from inference_monitor.scoring.build import build_scorers
from inference_monitor.scoring.cost.forecast import Forecast
from inference_monitor.scoring.judge.client import ConverseClient
from inference_monitor.scoring.judge.prompts import question
from inference_monitor.scoring.selection import Selection
from inference_monitor_cli.deploy_settings import DeploySettings
from inference_monitor_cli.judge_plan import Planner, Shares, shares_of
from inference_monitor_cli.problems import CommandError, problem
from inference_monitor_cli.project_files import redaction
from inference_monitor_cli.scorers_file import every_record


@dataclass(frozen=True, slots=True)
class LeftOut:
    """A scorer that has nothing to say about a record, and why."""

    scorer: str
    why: str


def left_out(
    config: ScorersConfig, record: Record, fitting: Sequence[ScorerSpec], verdicts: Verdicts
) -> Iterator[LeftOut]:
    """The scorers that gave nothing, and are not waiting for a judge either.

    `fitting` are those whose conditions hold.
    """
    spoke = {(feedback.metadata or {}).get("scorer") for feedback in verdicts.assessments}
    names = {spec.name for spec in fitting}
    for spec in config.scorers:
        if spec.name in spoke or spec.name in verdicts.pending:
            continue
        if spec.name not in names:
            yield LeftOut(spec.name, _why_not(spec, record))
        elif isinstance(spec, JudgedSpec):
            yield LeftOut(spec.name, _why_not_judged(spec, record))
        else:
            yield LeftOut(spec.name, "it gave nothing")


def _why_not(spec: ScorerSpec, record: Record) -> str:
    inference = record.inference
    outcome = "error" if inference.failure else "ok"
    if inference.kind not in spec.kinds:
        return f"it is for {' and '.join(spec.kinds)}, this is {inference.kind.value}"
    if outcome not in spec.statuses:
        return "this inference failed" if inference.failure else "it is for failures"
    return "its `when` does not hold"


def _why_not_judged(spec: JudgedSpec, record: Record) -> str:
    if record.material is None:
        return "there is no answer to judge"
    if spec.asks_for_text and all(shown.only_calls_tools for shown in record.materials):
        return "the answer has no text, it only calls tools"
    lacking = question(spec).lacks(record.material)
    return f"it asks about {lacking}" if lacking else "it gave nothing"


STAND_IN = "Stand-in judge"
"""How every rationale of the local stand-in begins (`local/judge/answer.py`, tested)."""


@dataclass(slots=True)
class Tried:
    """A record, and what its scorers said; `unanswered` names those whose judge did not answer."""

    line: int | None
    inference: Inference
    left_out: list[LeftOut]
    verdicts: Verdicts = field(default_factory=Verdicts)
    unanswered: str = ""

    @property
    def failed(self) -> bool:
        """Whether a scorer gave an error, or none could be asked."""
        return bool(self.verdicts.pending) or any(f.error for f in self.verdicts.assessments)

    @property
    def by_stand_in(self) -> bool:
        """Whether no model was asked."""
        return any(_says_stand_in(feedback) for feedback in self.verdicts.assessments)


@dataclass(slots=True)
class _Watched:
    """The client, and what it raised last: the scorers tell only that a judge did not answer."""

    client: ConverseClient | None
    last: ClientError | BotoCoreError | None = None

    def converse(self, **request: Any) -> Mapping[str, Any]:
        """Bedrock's Converse operation."""
        assert self.client is not None  # noqa: S101  # `run` makes one if a scorer asks
        try:
            return self.client.converse(**request)
        except (ClientError, BotoCoreError) as error:
            self.last = error
            raise


class Trial:
    """Some records of a file, and the scorers to try on them."""

    def __init__(
        self, config: ScorersConfig, settings: DeploySettings, prices: ModelTable, folder: Path
    ) -> None:
        """`config` as it is deployed; `folder` is where its file lies, with the user's scorers."""
        self._config = every_record(config)
        self._settings = settings
        self._prices = prices
        self._drop_ins = folder / DROP_IN_FOLDER
        self._planner = Planner(self._config, settings.bedrock_model_id, prices)
        self._records: list[tuple[int | None, Record]] = []

    def choose(
        self, entries: Iterator[Entry], source: Source, count: int, lines: Sequence[int]
    ) -> None:
        """Take the given lines, or the first records that an LLM answered; redacted as deployed.

        Raises:
            CommandError: If there are none, or one of the lines holds no inference.
        """
        redact = redaction(self._settings.redaction)
        missing = set(lines)
        for number, entry in enumerate(entries, start=1):
            if lines and number not in missing:
                continue
            missing.discard(number)
            record = (redact(entry) if redact else entry).record
            if not isinstance(record, Inference):
                if lines:
                    raise CommandError(f"line {number} holds no inference: {record.reason}")
                continue
            seen = self._planner.record(record, source)
            if lines or (record.kind is Kind.LLM and seen.materials):
                self._records.append((number, seen))
            if len(self._records) == (len(lines) or count):
                break
        if missing:
            raise CommandError(f"the file has no line {min(missing)}")
        if not self._records:
            raise CommandError(
                "no record of it was answered by an LLM; see what is in it with "
                "`inference-monitor inspect`, and name lines with --line"
            )

    @property
    def forecast(self) -> Shares:
        """What judging the records will cost; of third-party scorers nothing is known."""
        forecast, shares = Forecast(self._prices), Shares()
        for _, record in self._records:
            shares.add(shares_of(self._planner.calls(record, self._fitting(record)), forecast))
        return shares

    @property
    def of_unknown_price(self) -> list[str]:
        """The scorers that ask the judge as often as they like."""
        asking = (s for s in self._config.scorers if s.asks_judge)
        return [s.name for s in asking if not isinstance(s, JudgedSpec)]

    def run(self, make_client: Callable[[int], ConverseClient]) -> list[Tried]:
        """Score the records, all at once; without a judge there is no need of AWS."""
        asks = any(spec.asks_judge for spec in self._config.scorers)
        watched = _Watched(make_client(self._settings.judge_concurrency) if asks else None)
        scorers = build_scorers(
            self._config,
            watched,
            default_model=self._settings.bedrock_model_id,
            concurrency=self._settings.judge_concurrency,
            prices=self._prices,
            drop_ins=self._drop_ins,
        )
        tried = []
        scored = scorers.score([record for _, record in self._records])
        for (line, record), verdicts in zip(self._records, scored, strict=True):
            why = problem(watched.last) if verdicts.pending and watched.last else ""
            said = left_out(self._config, record, self._fitting(record), verdicts)
            tried.append(Tried(line, record.inference, list(said), verdicts, why))
        return tried

    def _fitting(self, record: Record) -> list[ScorerSpec]:
        return Selection((), None).choose(record, self._config.scorers)


def _says_stand_in(feedback: Feedback) -> bool:
    return str(feedback.rationale or "").startswith(STAND_IN)
