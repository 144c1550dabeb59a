"""Identities derived from the record, so that a second delivery names the same trace.

Nothing here is random: experiment id, endpoint, variant and event id decide the trace id, and the
trace id with the place of a span, or with the name and version of a scorer, decides the rest.
MLflow holds all three ids once for all of its experiments.
"""

from __future__ import annotations

import hashlib

from inference_monitor.inference import Source


def trace_id(source: Source, event_id: str) -> str:
    """MLflow's trace id, `tr-` and 32 hex digits, of an inference in the experiment of its source.

    A shadow variant answers the same request once more, so each variant has a trace of its own.
    """
    place = (source.experiment_id or "", source.endpoint, source.variant or "")
    return f"tr-{_digest('trace', *place, event_id)[:32]}"


def span_id(trace: str, place: str) -> str:
    """16 hex digits for the span at a place of a trace (`root`, `item-1`, `choice-1`, `tool-0`)."""
    return _digest(trace, "span", place)[:16]


def assessment_id(trace: str, scorer: str, version: str) -> str:
    """MLflow's assessment id, `a-` and 32 hex digits, of one scorer's verdict about a trace."""
    return f"a-{_digest(trace, 'assessment', scorer, version)[:32]}"


def _digest(*parts: str) -> str:
    # The separator keeps ("ab", "c") and ("a", "bc") apart; lone surrogates have no strict UTF-8.
    return hashlib.sha256("\0".join(parts).encode("utf-8", "surrogatepass")).hexdigest()
