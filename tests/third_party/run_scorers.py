"""Score records with a third-party package; started in the environment that has it.

Reads a JSON document from standard input: `package` (a module of mlflow.genai.scorers), `scorers`
as in scorers.yaml, `records` as pairs of question and answer, and `judges`, a list of behaviours
that the stand-in has one after the other. Writes what came of it to standard output. Whatever looks
for another host than this machine is refused and told.
"""

from __future__ import annotations

import atexit
import importlib
import json
import logging
import os
import resource
import socket
import sys
import time
import urllib.request
from typing import Any

LOCAL = {"127.0.0.1", "localhost", "::1"}
_looked_for: list[str] = []


def main() -> None:
    """Score the records once for each behaviour, as the function would."""
    _guard_network()
    task = json.load(sys.stdin)
    # Packages print progress and advice; standard output is for the result.
    out, sys.stdout = sys.stdout, sys.stderr
    result: dict[str, Any] = {"looked_for": _looked_for}
    # What is registered first comes last: packages may send what they have kept at the exit.
    atexit.register(lambda: json.dump(result, out))
    logging.disable(logging.CRITICAL)
    started = time.monotonic()
    runs = [_run(task, behaviour) for behaviour in task["judges"]]
    registry: Any = importlib.import_module(f"mlflow.genai.scorers.{task['package']}.registry")
    result |= {
        "runs": runs,
        "metrics": sorted(registry._METRIC_REGISTRY),
        "seconds": round(time.monotonic() - started, 1),
        "peak_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024,
    }


def _run(task: dict[str, Any], behaviour: dict[str, Any]) -> dict[str, Any]:
    from inference_monitor.config.scorers import ScorersConfig  # noqa: PLC0415
    from inference_monitor.scoring.build import build_scorers  # noqa: PLC0415  # after the guard
    from inference_monitor.scoring.judge.client import bedrock_client  # noqa: PLC0415
    from tests.unit.judging import MODEL, batch, inference  # noqa: PLC0415

    before = _stand_in(behaviour)
    config = ScorersConfig.model_validate({"scorers": task["scorers"]})
    scorers = build_scorers(config, bedrock_client(4), default_model=MODEL, concurrency=4)
    inferences = [
        inference(question, answer, event_id=f"event-{index}")
        for index, (question, answer) in enumerate(task["records"])
    ]
    verdicts = [_told(one) for one in scorers.score(batch(*inferences))]
    after = _stand_in({})
    asked = {name: after[name] - before[name] for name in ("calls", "input_tokens")}
    return {"verdicts": verdicts, "asked": asked}


def _stand_in(changes: dict[str, Any]) -> dict[str, int]:
    """Change how the judge behaves; what it has counted so far."""
    url = f"{os.environ['AWS_ENDPOINT_URL_BEDROCK_RUNTIME']}/_stand-in"
    request = urllib.request.Request(url, json.dumps(changes).encode(), method="PUT")  # noqa: S310
    with urllib.request.urlopen(request, timeout=30) as response:  # noqa: S310  # our own stand-in
        stats: dict[str, int] = json.load(response)["stats"]
    return stats


def _told(verdicts: Any) -> dict[str, Any]:
    return {
        "pending": verdicts.pending,
        "judge_calls": verdicts.usage.calls,
        "input_tokens": verdicts.usage.input_tokens,
        "cost_usd": verdicts.usage.cost_usd,
        "assessments": {
            feedback.name: {
                "value": feedback.value,
                "rationale": feedback.rationale,
                "error": feedback.error_message,
                "error_code": feedback.error_code,
                "source": feedback.source.source_type,
                "metadata": feedback.metadata,
            }
            for feedback in verdicts.assessments
        },
    }


def _guard_network() -> None:
    """Let nothing out of this machine, and remember who wanted to."""
    resolve, connect = socket.getaddrinfo, socket.socket.connect

    def resolve_here(host: Any, *args: Any, **kwargs: Any) -> Any:
        if host not in LOCAL:
            _looked_for.append(str(host))
            raise socket.gaierror(f"{host} is not this machine")
        return resolve(host, *args, **kwargs)

    def connect_here(self: socket.socket, address: Any) -> None:
        if isinstance(address, tuple) and address[0] not in LOCAL:
            _looked_for.append(str(address[0]))
            raise OSError(f"{address[0]} is not this machine")
        connect(self, address)

    socket.getaddrinfo = resolve_here
    socket.socket.connect = connect_here  # type: ignore[method-assign, assignment]


if __name__ == "__main__":
    main()
