"""`python -m benchmarks.estimate`: what `inference-monitor estimate` assumes of the function.

Traces and scores records of three sizes as the function does, in batches of 25, with a judge that
answers at once, against a real MLflow server on sqlite. Prints the seconds of a batch and of a
record (waiting for MLflow included), the seconds until a fresh process can begin, and the bytes
that MLflow keeps of a trace with seven scores. The last line is JSON.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from inference_monitor.capture.reader import Entry, read_document
from inference_monitor.config.scorers import load_scorers
from inference_monitor.domain import Delivery
from inference_monitor.inference import Source
from inference_monitor.ledger import Summary
from inference_monitor.scoring.build import SCORERS_FILE, build_scorers
from inference_monitor.service import Monitor
from inference_monitor.traces.store import MlflowTraceStore
from local.mlflow_server import MlflowServer

SIZES = (1_000, 4_000, 16_000)
BATCHES, BATCH = 8, 25
MODEL = "bedrock:/any.model"
RATIONALE = "The answer keeps to the question and says why. " * 6


class InstantJudge:
    """A Bedrock client that fills in every tool at once."""

    def converse(self, **request: Any) -> Mapping[str, Any]:
        """A verdict of about 300 characters for each criterion."""
        (tool,) = request["toolConfig"]["tools"]
        verdict = _filled(tool["toolSpec"]["inputSchema"]["json"])
        use = {"toolUse": {"toolUseId": "t-1", "name": tool["toolSpec"]["name"], "input": verdict}}
        usage = {"inputTokens": 500, "outputTokens": 100, "totalTokens": 600}
        return {"output": {"message": {"content": [use]}}, "stopReason": "tool_use", "usage": usage}


class NobodyElse:
    """Claims that are always granted; in AWS each is a write to DynamoDB of a few milliseconds."""

    def claim(self, trace_ids: Sequence[str], _delivery: Delivery) -> set[str]:
        """All of them."""
        return set(trace_ids)

    def release(self, trace_ids: Sequence[str], delivery: Delivery) -> None:
        """Nobody waits for them."""


class Nothing:
    """Results that are not kept."""

    def quarantine(self, source: Source, lines: Sequence[tuple[Entry, str]]) -> None:
        """There are none."""
        raise AssertionError(f"{source}: {lines[0][1]}")

    def write_ledger(self, source: Source, summary: Summary) -> None:
        """Not needed."""


def main() -> None:
    """Measure and print."""
    with tempfile.TemporaryDirectory() as folder:
        server = MlflowServer(Path(folder), Path(folder) / "server.log")
        try:
            server.wait()
            figures = _measure(server.url, Path(folder))
        finally:
            server.stop()
    figures["init_seconds"] = _init_seconds()
    for name, value in figures.items():
        print(f"{name:28} {value:,.4g}")
    print(json.dumps(figures))


def _measure(url: str, folder: Path) -> dict[str, float]:
    store = MlflowTraceStore(url, "estimate")
    config = load_scorers(SCORERS_FILE)
    scorers = build_scorers(config, InstantJudge(), default_model=MODEL, concurrency=16)
    monitor = Monitor(store, NobodyElse(), scorers, Nothing())
    _process(monitor, list(_records("warm", 100, BATCH)))
    alone = min(_process(monitor, list(_records(f"one-{n}", 4_000, 1))) for n in range(5))
    seconds, kept, sizes = [], [], []
    for size in SIZES:
        before = _stored(folder)
        batches = [list(_records(f"{size}-{n}", size, BATCH)) for n in range(BATCHES)]
        sizes.append(len(batches[0][0].text))
        seconds.append(min(_process(monitor, batch) for batch in batches))
        kept.append((_stored(folder) - before) / (BATCHES * BATCH))
    per_record = (seconds[1] - alone) / (BATCH - 1)
    growth = (kept[-1] - kept[0]) / (sizes[-1] - sizes[0])
    return {
        "seconds_per_batch": alone - per_record,
        "seconds_per_record": per_record,
        "seconds_of_25_small": seconds[0],
        "seconds_of_25_large": seconds[-1],
        "mlflow_bytes_per_trace": kept[0] - growth * sizes[0],
        "mlflow_bytes_per_byte": growth,
    }


def _process(monitor: Monitor, entries: Sequence[Entry]) -> float:
    source = Source("captures", "estimate/AllTraffic/2026/03/02/09/x.jsonl", "estimate")
    begun = time.perf_counter()
    summary = monitor.process(source, iter(entries), Delivery("estimate"))
    assert summary.traced == summary.scored == len(entries)
    return time.perf_counter() - begun


def _records(name: str, size: int, count: int) -> Iterator[Entry]:
    """Chats of which question and answer have `size` bytes together, a quarter the answer's."""
    for number in range(count):
        asked = {"messages": [{"role": "user", "content": _words(size * 3 // 4)}]}
        message = {"role": "assistant", "content": _words(size // 4)}
        usage = {"prompt_tokens": size * 3 // 16, "completion_tokens": size // 16}
        choices = [{"index": 0, "finish_reason": "stop", "message": message}]
        answered = {"object": "chat.completion", "choices": choices, "usage": usage}
        data = {"endpointInput": asked, "endpointOutput": answered}
        sides = {
            side: {
                "observedContentType": "application/json",
                "data": json.dumps(payload),
                "encoding": "JSON",
            }
            for side, payload in data.items()
        }
        told = {"eventId": f"{name}-{number}", "inferenceTime": "2026-03-02T09:00:00Z"}
        yield read_document({"captureData": sides, "eventMetadata": told, "eventVersion": "0"})


def _words(size: int) -> str:
    return ("Where is my order, please? " * (size // 27 + 1))[:size]


def _filled(schema: Mapping[str, Any]) -> Any:
    if "properties" in schema:
        return {name: _filled(part) for name, part in schema["properties"].items()}
    return schema["enum"][0] if "enum" in schema else RATIONALE


def _stored(folder: Path) -> int:
    return sum(f.stat().st_size for f in folder.rglob("*") if f.is_file() and f.suffix != ".log")


def _init_seconds() -> float:
    """The best of three imports of the handler, as a cold start of the function does it."""
    command = [sys.executable, "-c", "import inference_monitor.handler"]
    times = []
    for _ in range(3):
        begun = time.perf_counter()
        subprocess.run(command, check=True, cwd=Path(__file__).parents[1] / "lambda_src")
        times.append(time.perf_counter() - begun)
    return min(times)


if __name__ == "__main__":
    main()
