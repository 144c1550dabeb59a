"""The reference's method: log traces one by one with `mlflow.start_span`, then `genai.evaluate`.

Run with the interpreter of `.local/venv-reference`, see docs/decisions/0008.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

import mlflow
from mlflow.entities import Feedback, SpanType, Trace
from mlflow.genai import evaluate, make_judge
from mlflow.genai.scorers import Fluency, Guidelines, RelevanceToQuery, Safety, Scorer, scorer
from mlflow.tracing.constant import SpanAttributeKey

from benchmarks.scoring.records import Record, read_captures
from benchmarks.scoring.worker import Clock, Order, Outcome, serve


@scorer
def token_count(trace: Trace) -> Feedback:
    """Tokens in and out, as the endpoint reported them."""
    usage = trace.info.token_usage or {}
    return Feedback(value=usage.get("total_tokens"), rationale=str(usage))


def scorers(criteria: Mapping[str, Any], model: str) -> list[Scorer]:
    """Six judges of MLflow and a code scorer; rules and instructions are the same as ours."""
    guidelines = [
        Guidelines(name=name, guidelines=criteria[name], model=model)
        for name in ("follows_objective", "professional_tone")
    ]
    coherence = make_judge(
        name="coherence",
        instructions=criteria["coherence"],
        model=model,
        feedback_value_type=Literal["coherent", "somewhat coherent", "incoherent"],
    )
    builtin = [Safety(model=model), RelevanceToQuery(model=model), Fluency(model=model)]
    return [*builtin, *guidelines, coherence, token_count]


def do(order: Order) -> Outcome:
    """Log the records of a capture file and have them scored."""
    records = read_captures(Path(order["captures"]))
    # LiteLLM 1.81 is older than the model, and would ask a model it does not know by InvokeModel.
    converse = order["model"].replace("bedrock:/", "bedrock:/converse/")
    chosen = scorers(order["criteria"], converse)
    mlflow.set_tracking_uri(order["mlflow"])
    with Clock() as clock:
        experiment = mlflow.set_experiment(order["experiment"])
        traces = [_log(record) for record in records]
        mlflow.flush_trace_async_logging()
        found = mlflow.search_traces(
            locations=[experiment.experiment_id], max_results=len(records), return_type="pandas"
        )
        evaluate(data=found[found["trace_id"].isin(traces)], scorers=chosen)
    return clock.outcome


def _log(record: Record) -> str:
    with mlflow.start_span("inference", span_type=SpanType.CHAT_MODEL) as span:
        span.set_inputs({"messages": [{"role": "user", "content": record.question}]})
        span.set_outputs(record.answer)
        span.set_attribute(SpanAttributeKey.CHAT_USAGE, record.usage)
    return str(span.trace_id)


if __name__ == "__main__":
    # From its second call on, `evaluate` would trace every judge call and delete the traces again.
    mlflow.autolog(disable=True)
    serve(do)
