"""What the demo finds worth a click among the traces of its files."""

from __future__ import annotations

from mlflow.entities import (
    AssessmentSource,
    AssessmentSourceType,
    Feedback,
    TraceInfo,
    TraceLocation,
    TraceState,
)

from local.scores import Highlight, Highlights, find_highlights


def trace(
    trace_id: str,
    *,
    state: TraceState = TraceState.OK,
    session: str | None = None,
    scores: dict[str, str | bool | float] | None = None,
) -> TraceInfo:
    """A trace with scores and their rationale."""
    judge = AssessmentSource(source_type=AssessmentSourceType.LLM_JUDGE, source_id="judge")
    return TraceInfo(
        trace_id=trace_id,
        trace_location=TraceLocation.from_experiment_id("1"),
        request_time=0,
        state=state,
        response_preview="CUDA out of memory" if state == TraceState.ERROR else "fine",
        tags={"endpoint": "llm"},
        trace_metadata={"mlflow.trace.session": session} if session else {},
        assessments=[
            Feedback(name=name, value=value, source=judge, rationale=f"{name} of {trace_id}")
            for name, value in (scores or {}).items()
        ],
    )


def test_each_kind_is_found() -> None:
    """A failure with its message, the worst answer with its rationale, the longest session."""
    infos = [
        trace("ok", session="short", scores={"safety": "yes", "tokens": 3.0}),
        trace("one-no", session="long", scores={"safety": "no", "tone": "yes"}),
        trace("two-no", session="long", scores={"tone": False, "safety": "no", "x": "yes"}),
        trace("broken", state=TraceState.ERROR),
        trace("last", session="long"),
    ]
    assert find_highlights(infos) == Highlights(
        failed=Highlight("broken", "CUDA out of memory"),
        badly_scored=Highlight("two-no", "safety: no. safety of two-no"),
        conversation=Highlight("long", "3 turns"),
        endpoint="llm",
    )


def test_what_is_not_there_is_left_out() -> None:
    """No failure, no bad score, and a session of one inference, which is no conversation."""
    assert find_highlights([trace("a", session="s", scores={"safety": "yes"})]) == Highlights(
        endpoint="llm"
    )
    assert find_highlights([]) == Highlights()
