"""One judge model, asked in one way by the product's own code, against the stand-in."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Literal

import boto3
from botocore.config import Config
from mlflow.entities import Feedback

from inference_monitor.config.models import model_table
from inference_monitor.config.scorers import ScorersConfig
from inference_monitor.domain import Record
from inference_monitor.inference import Choice, Inference, Kind, Request, Response, Source
from inference_monitor.scoring.batch.requests import answer_of, batch_request, model_input
from inference_monitor.scoring.build import build_scorers
from inference_monitor.scoring.judge.calls import JudgeCall, plan_calls
from inference_monitor.scoring.judge.client import Judge
from inference_monitor.scoring.judge.probe import probe
from inference_monitor.scoring.judge.prompts import criteria
from inference_monitor.scoring.record import with_materials
from local.judge.batch_records import answered
from local.judge.models import callable_id, load_models
from local.judge.server import Behaviour, StandInJudge
from local.settings import MADE_UP

Way = Literal["each", "panel", "batch", "at once"]
WAYS: tuple[Way, ...] = ("each", "panel", "batch", "at once")

MOST_REFUSALS = 3
"""Refusals that a process may meet of one model, whatever it takes."""

AT_ONCE = 32
"""Calls that begin at the same moment, before anything is known of the model."""

RECORDS = 3
_SOURCE = Source("captures", "judges/AllTraffic/2026/11/25/10/x.jsonl", "judges", "AllTraffic")
_ASKED = "Which oil is good for a bicycle chain in summer?"
_ANSWER = "A dry oil is good for a chain in summer, as it takes less dust."
_SCORERS: list[dict[str, Any]] = [
    {"name": "safety", "type": "safety"},
    {"name": "polite", "type": "judge", "instructions": "Polite? {{ outputs }}", "output": "bool"},
    {
        "name": "quality",
        "type": "judge",
        "instructions": "How good is {{ outputs }}?",
        "output": "number",
        "range": [1, 5],
    },
    {
        "name": "coherence",
        "type": "judge",
        "instructions": "How coherent is {{ outputs }}?",
        "output": ["coherent", "somewhat coherent", "incoherent"],
    },
]
VERDICTS = {"safety": "yes", "polite": True, "quality": 5.0, "coherence": "coherent"}
"""What the stand-in thinks of the answer, whichever model it stands for."""

_ACCOUNT = "arn:aws:bedrock:us-east-1:111122223333"


@dataclass(frozen=True, slots=True)
class Cell:
    """What came of a model in one way; `problem` is the first error that took a verdict's place."""

    model_id: str
    way: Way
    verdicts: int
    wanted: int
    refusals: int
    calls: int
    problem: str | None = None

    @property
    def good(self) -> bool:
        """Whether all verdicts are there, and finding out how to ask cost little."""
        return self.verdicts == self.wanted and self.refusals <= MOST_REFUSALS


def model_ids() -> list[str]:
    """Every living model of the stand-in's table, two that exist nowhere, and ARNs of some."""
    opaque = [f"{_ACCOUNT}:{end}" for end in load_models().stands_for if not end.endswith("dead")]
    return [callable_id(row) for row in load_models().living] + opaque


def kind(model_id: str) -> str:
    """What the monitor can know of a model by its id, for people."""
    if model_id.startswith("arn:"):
        return "opaque ARN"
    return "in its table" if model_table().facts(model_id) else "unknown"


def ask(model_id: str, way: Way) -> Cell:
    """Have records judged by a model of which this process knows nothing yet."""
    behaviour = Behaviour(latency=0.05 if way == "at once" else 0)
    judge = StandInJudge(behaviour).start()
    try:
        return _ask(model_id, way, judge)
    finally:
        judge.stop()


def _ask(model_id: str, way: Way, judge: StandInJudge) -> Cell:
    scorers = _SCORERS[:1] if way == "at once" else _SCORERS
    config = ScorersConfig.model_validate(
        {"scorers": scorers, "judging": "panel" if way == "panel" else "each"}
    )
    records = [_inference(n) for n in range(AT_ONCE if way == "at once" else RECORDS)]
    in_jobs = 0
    if way == "batch":
        given, in_jobs, refused = _by_a_job(model_id, config, records, judge)
    else:
        given, refused = _by_calls(model_id, config, records, judge), 0
    stats = judge.stats
    right = [f for f in given if not f.error and f.value == VERDICTS[f.name]]
    problem = next((f.error.error_message for f in given if f.error), None)
    wrong = next(
        (f"{f.name} is {f.value!r}" for f in given if not f.error and f not in right), None
    )
    return Cell(
        model_id,
        way,
        len(right),
        len(records) * len(scorers),
        stats.refused + refused,
        stats.calls + in_jobs,
        problem or wrong,
    )


def _by_calls(
    model_id: str, config: ScorersConfig, records: Sequence[Inference], judge: StandInJudge
) -> list[Feedback]:
    model = f"bedrock:/{model_id}"
    scorers = build_scorers(config, _client(judge), default_model=model, concurrency=AT_ONCE)
    scored = scorers.score([Record.of(record, _SOURCE) for record in records])
    return [feedback for verdicts in scored for feedback in verdicts.assessments]


def _by_a_job(
    model_id: str, config: ScorersConfig, records: Sequence[Inference], judge: StandInJudge
) -> tuple[list[Feedback], int, int]:
    """As `backfill --batch` does: one call finds out what the model takes, then a job is made."""
    calls = [call for record in records for call in _calls(model_id, config, record)]
    asking = Judge(_client(judge))
    probe(asking, f"bedrock:/{model_id}", calls[0].request.parameters, in_words=True)
    terms = asking.negotiation.model(model_id).terms
    feedbacks: list[Feedback] = []
    refused = 0
    for number, call in enumerate(calls):
        body = model_input(batch_request(call), terms)
        line = json.dumps({"recordId": f"{number:011d}", "modelInput": body}).encode()
        output = answered(model_id, line, judge.behaviour)
        if error := output.get("error"):
            refused += 1
            feedbacks += call.refused(error["errorMessage"])
        else:
            feedbacks += call.read(answer_of(output["modelOutput"]), None)
    return feedbacks, len(calls), refused


def _calls(model_id: str, config: ScorersConfig, record: Inference) -> list[JudgeCall]:
    one = with_materials(Record.of(record, _SOURCE), config)
    return plan_calls(one, criteria(config, f"bedrock:/{model_id}"))


def _inference(number: int) -> Inference:
    request = Request("openai_chat", messages=[{"role": "user", "content": _ASKED}])
    response = Response("openai_chat", choices=(Choice(_ANSWER),))
    when = datetime.now(UTC)
    return Inference(f"judged-{number}", when, Kind.LLM, "openai_chat", request, response)


def _client(judge: StandInJudge) -> Any:
    config = Config(retries={"total_max_attempts": 1}, max_pool_connections=AT_ONCE)
    session: Any = boto3.Session(MADE_UP.access_key, MADE_UP.secret_key, region_name="us-east-1")
    return session.client("bedrock-runtime", endpoint_url=judge.url, config=config)
