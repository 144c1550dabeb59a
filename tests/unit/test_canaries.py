"""Canary words in every field of a capture: none turns up where no text of people may be."""

from __future__ import annotations

import io
import json
import logging
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import pytest

from inference_monitor import composition
from inference_monitor import handler as lambda_module
from inference_monitor.config.privacy import PrivacyConfig
from inference_monitor.domain import Record, ScoringState, StoredTrace
from inference_monitor.errors import MonitorError, PermanentWriteError, TransientError
from inference_monitor.privacy.build import build_redaction
from inference_monitor.scoring.judge.client import ConverseClient
from inference_monitor.service import Monitor
from inference_monitor.settings import get_settings
from inference_monitor.traces.build import build_trace
from inference_monitor.traces.server import Answer
from tests.unit.builders import capture
from tests.unit.fakes import FakeClaims, FakeResults, FakeTraces
from tests.unit.judging import SAFETY, FakeBedrock, bedrock_error, scorers, tool_answer
from tests.unit.test_handler import Context

KEY = "ep/v/2026/03/02/09/x.jsonl"
CONFIG = PrivacyConfig(patterns={"CANARY": r"canary-\d{1,4}"})


class Canaries:
    """Words to put into a capture, each another one."""

    def __init__(self) -> None:
        self.words: list[str] = []

    def __call__(self) -> str:
        """A text with a word that stands nowhere else."""
        self.words.append(f"canary-{len(self.words)}")
        return f"a {self.words[-1]} b"

    def chat(self, event_id: str) -> dict[str, Any]:
        """A chat with tools, parameters, attributes and several answers."""
        call = {"id": self(), "function": {"name": self(), "arguments": json.dumps({"a": self()})}}
        request = {
            "messages": [
                {"role": "system", "content": self()},
                {"role": "user", "content": [{"type": "text", "text": self()}, {self(): self()}]},
                {"role": "assistant", "content": None, "tool_calls": [call]},
                {"role": self(), "content": self()},
            ],
            "tools": [{"function": {"name": "t", "description": self()}}],
            "model": self(),
            "stop": [self()],
        }
        message = {"content": self(), "reasoning_content": self(), "tool_calls": [call]}
        response = {
            "choices": [
                {"message": message, "finish_reason": self()},
                {"message": {"content": self()}},
            ],
            "model": self(),
        }
        attributes = [json.dumps({"session_id": self(), "user_id": self()}), self()]
        return capture(
            request,
            response,
            eventId=event_id,
            inferenceId=self(),
            customAttributes=attributes,
        )

    def captures(self) -> list[dict[str, Any]]:
        """Every kind of record: answered, streamed, failed, unknown, skipped, broken."""
        chunk = {"choices": [{"delta": {"content": self()}}]}
        broken = {"error": {"message": self()}}
        stream = "".join(f"data: {json.dumps(event)}\n\n" for event in (chunk, broken))
        prompt = {"inputs": self(), "parameters": {"x": self()}}
        foreign = capture({"a": self()}, eventId="e-7")
        foreign["eventMetadata"]["inferenceTime"] = self()
        return [
            self.chat("e-1"),
            capture(prompt, {"generated_text": self()}, eventId="e-2"),
            capture(prompt, {"error": self(), "error_type": self()}, eventId="e-3"),
            capture(prompt, stream, eventId="e-4"),
            capture({self(): [self()]}, self(), eventId="e-5"),
            capture({"instances": [[1]], "note": self()}, {"predictions": [self()]}, eventId="e-6"),
            foreign,
            {"groundTruthData": {"data": self()}, "eventMetadata": {"eventId": "g"}},
            {"captureData": self(), "eventMetadata": {"eventId": "h"}},
        ]


@dataclass
class Traces(FakeTraces):
    """MLflow that keeps all it is told; `echoes` makes it fail and quote what it was sent."""

    told: list[str] = field(default_factory=list)
    echoes: int = 0

    def write(self, records: Sequence[Record]) -> dict[str, str]:
        """Keep spans, record and assessments as text."""
        for record in records:
            trace = build_trace(record.inference, record.source, "0")
            self.told += [str(span.to_dict()) for span in trace.spans]
            self.told.append(str((trace.info.to_dict(), record.assessments)))
            if self.echoes:
                message = f"Invalid value '{trace.info.request_preview}' for a tag"
                body = {"error_code": "INTERNAL_ERROR", "message": message}
                try:
                    Answer(self.echoes, json.dumps(body)).checked("write trace")
                except PermanentWriteError as error:
                    return {trace.trace_id: str(error)}
        return super().write(records)

    def add(
        self,
        stored: StoredTrace,
        assessments: Sequence[Any],
        scoring: ScoringState | None = None,
    ) -> None:
        """Keep the assessments as text."""
        self.told.append(str(assessments))
        super().add(stored, assessments, scoring)


class World:
    """The function with fakes behind it, and everything that comes out of it."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, *, redaction: bool = True) -> None:
        self.canaries = Canaries()
        self.items = self.canaries.captures()
        self.traces, self.results, self.bedrock = Traces(), FakeResults(), FakeBedrock()
        self._logs = io.StringIO()
        self._monkeypatch = monkeypatch
        self._redaction = redaction
        for name in ("MLFLOW_TRACKING_URI", "EXPERIMENT_NAME", "JUDGE_MODEL", "RESULTS_BUCKET"):
            monkeypatch.setenv(f"MONITOR_{name}", "monitored")
        monkeypatch.setenv("MONITOR_ENDPOINT_NAME", "ep")
        monkeypatch.setenv("MONITOR_DEPLOYMENT", "dev")
        monkeypatch.setenv("MONITOR_CLAIMS_TABLE", "claims")
        monkeypatch.setenv("MONITOR_COUNTERS_TABLE", "counters")
        monkeypatch.setenv("MONITOR_JUDGE_CONCURRENCY", "4")
        monkeypatch.setenv("MONITOR_JUDGE_TIMEOUT_SECONDS", "120")
        monkeypatch.setenv("MONITOR_REDACTION", "patterns")
        get_settings.cache_clear()
        monkeypatch.setattr(lambda_module.logger.registered_handler, "stream", self._logs)

    def invoke(self) -> MonitorError | dict[str, int]:
        """Invoke the function with all captures; its answer, or what it raises."""
        client: ConverseClient = self.bedrock
        judge = scorers(
            client,  # type: ignore[arg-type]
            SAFETY,
            {"name": "relevance", "type": "relevance_to_query"},
            {"name": "tokens", "type": "token_count"},
            {"name": "broken", "type": "code", "function": "tests.unit.test_canaries:quoting"},
        )
        redact = build_redaction("patterns", CONFIG) if self._redaction else None
        monitor = Monitor(self.traces, FakeClaims(), judge, self.results, redact)
        self._monkeypatch.setattr(composition, "build_monitor", lambda: monitor)
        batch = {"BatchInput": {"bucket": "b", "key": KEY}, "Items": self.items}
        root = logging.getLogger()
        heard = logging.StreamHandler(self._logs)
        root.addHandler(heard)
        level = root.level
        root.setLevel(logging.DEBUG)
        try:
            answer: dict[str, int] = lambda_module.handler(batch, Context())
        except MonitorError as error:
            return error
        else:
            return answer
        finally:
            root.removeHandler(heard)
            root.setLevel(level)

    @property
    def logs(self) -> str:
        """What was logged, by whomever."""
        return self._logs.getvalue()

    def spoken(self, text: object) -> list[str]:
        """The canaries in a text."""
        return [word for word in self.canaries.words if f"{word} " in f"{text} "]


def quoting(inputs: Any, outputs: Any) -> None:
    """A scorer of somebody's own that fails and quotes what it was given."""
    raise ValueError(f"cannot score {inputs} {outputs}")


def chained(error: BaseException | None) -> Iterator[str]:
    """The messages of an error and of what led to it, as Lambda's traceback would show them."""
    while error:
        yield str(error)
        error = error.__cause__ or error.__context__


def test_nothing_of_a_text_leaves_with_redaction_on(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Not in traces, not at the judge, not in logs or metrics; the originals are in quarantine."""
    world = World(monkeypatch)
    answer = world.invoke()
    assert isinstance(answer, dict), answer
    assert (answer["traced"], answer["skipped"], answer["quarantined"]) == (6, 1, 2)
    assert len(world.canaries.words) > 30
    assert len(world.bedrock.requests) >= 4
    told = [*world.traces.told, *map(str, world.bedrock.requests), world.logs]
    assert world.spoken("\n".join([*told, capsys.readouterr().out, str(answer)])) == []
    assert sum("[CANARY]" in text for text in told) >= 10
    assert "SCORER_ERROR" in "".join(told)
    kept = "".join(entry.text for entry, _ in world.results.quarantined)
    assert len(world.spoken(kept)) == 3
    assert world.spoken([reason for _, reason in world.results.quarantined]) == []


def test_without_redaction_it_all_is_in_the_traces(monkeypatch: pytest.MonkeyPatch) -> None:
    """The canaries sing: what the test above does not find would be there to be found."""
    world = World(monkeypatch, redaction=False)
    assert isinstance(world.invoke(), dict)
    missing = set(world.canaries.words) - set(world.spoken("\n".join(world.traces.told)))
    assert len(missing) == 4  # of the lines that are not traced, and a broken stream's role
    assert world.spoken(world.bedrock.requests)


ECHO = "canary-1 canary-2 "
TROUBLES: dict[str, dict[str, Any]] = {
    "MLflow refuses": {"echoes": 400},
    "MLflow fails": {"echoes": 500},
    "the judge refuses": {"reply": bedrock_error("ValidationException", 400, ECHO)},
    "the judge throttles": {"reply": bedrock_error("ThrottlingException", 429, ECHO)},
    "the judge babbles": {"reply": tool_answer({"rationale": 1, ECHO: ECHO})},
}


@pytest.mark.parametrize("trouble", TROUBLES)
@pytest.mark.parametrize("redaction", [True, False])
def test_no_trouble_makes_the_function_quote(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    trouble: str,
    redaction: bool,
) -> None:
    """Logs, metrics and errors (which Step Functions keeps) quote nobody, redaction or not."""
    world = World(monkeypatch, redaction=redaction)
    settings = TROUBLES[trouble]
    world.traces.echoes = settings.get("echoes", 0)
    world.bedrock.reply = settings.get("reply", world.bedrock.reply)
    outcome = world.invoke()
    errors = list(chained(outcome)) if isinstance(outcome, MonitorError) else []
    assert bool(errors) == (trouble in ("MLflow fails", "the judge throttles"))
    assert world.spoken("\n".join([world.logs, capsys.readouterr().out, *errors])) == []


def test_an_error_of_mlflow_keeps_what_it_says_about_itself() -> None:
    """Only what is in quotes is left out, because only that may be somebody's text."""
    message = "Tag value 'I don't know' of \"key\" exceeds the limit of 8000 characters"
    body = {"error_code": "INVALID_PARAMETER_VALUE", "message": message}
    with pytest.raises(TransientError, match=r"500 Tag value .* exceeds the limit of 8000") as told:
        Answer(500, json.dumps(body)).checked("write trace")
    assert "know" not in str(told.value)
