"""What people said about traces in MLflow, against what the judge had said.

Who edits an assessment in MLflow's UI adds one of their own that `overrides` it; MLflow then marks
the older one as no longer valid. "Add feedback" adds one that overrides nothing. Both count here,
the judge's verdict also when it was overridden: it is what is measured.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from inference_monitor.config.specs import ScorerSpec
from inference_monitor_cli.agreement.report import Comparison, ScorerAgreement, measure
from inference_monitor_cli.agreement.scale import Scale, scale_of, scale_seen_in
from inference_monitor_cli.agreement.statistics import Value

TIE = "people differ, as many on each side"
NOT_JUDGED = "the judge gave no verdict"
OFF_SCALE = "a value that the scorer does not have"


@dataclass(frozen=True, slots=True)
class Opinion:
    """One assessment of a trace by a person or a judge. `by` is the person, or the judge's model.

    `replaced` when somebody has overridden it since; `at` is when it was given or last changed.
    """

    scorer: str
    value: Any
    human: bool
    by: str
    at: int
    rationale: str | None = None
    replaced: bool = False


@dataclass(frozen=True, slots=True)
class Assessed:
    """A trace with all opinions about it."""

    trace_id: str
    opinions: Sequence[Opinion]

    def of_people(self, scorer: str) -> dict[str, Opinion]:
        """The latest word of each person."""
        latest: dict[str, Opinion] = {}
        for opinion in sorted(self.opinions, key=lambda o: o.at):
            if opinion.scorer == scorer and opinion.human and not opinion.replaced:
                latest[opinion.by] = opinion
        return latest

    def of_judge(self, scorer: str) -> Opinion | None:
        """The judge's latest verdict; one that is an error has no value and is none."""
        given = [
            o for o in self.opinions if o.scorer == scorer and not o.human and o.value is not None
        ]
        return max(given, key=lambda o: o.at, default=None)


def compare_feedback(
    traces: Sequence[Assessed],
    specs: Mapping[str, ScorerSpec],
    link: Callable[[str], str],
    only: str | None = None,
) -> list[ScorerAgreement]:
    """Judge against people for every scorer that both have spoken about.

    Args:
        traces: Those that a person has said something about.
        specs: What `scorers.yaml` says about the scorers, by name.
        link: The page of a trace.
        only: One scorer; all when None.
    """
    opinions = [o for trace in traces for o in trace.opinions]
    names = {o.scorer for o in opinions if o.human} & {o.scorer for o in opinions if not o.human}
    order = [name for name in specs if name in names] + sorted(names - set(specs))
    return [_compare(n, traces, specs.get(n), link) for n in order if only in (None, n)]


def _compare(
    scorer: str, traces: Sequence[Assessed], spec: ScorerSpec | None, link: Callable[[str], str]
) -> ScorerAgreement:
    values = (o.value for t in traces for o in t.opinions if o.scorer == scorer)
    scale = (scale_of(spec) if spec else None) or scale_seen_in(v for v in values if v is not None)
    comparisons: list[Comparison] = []
    left_out: Counter[str] = Counter()
    for trace in traces:
        people = trace.of_people(scorer)
        if not people:
            continue
        found = _pair(trace, people, scorer, scale)
        if isinstance(found, str):
            left_out[found] += 1
        else:
            found.about["link"] = link(trace.trace_id)
            comparisons.append(found)
    return measure(scorer, scale, comparisons, left_out)


def _pair(
    trace: Assessed, people: Mapping[str, Opinion], scorer: str, scale: Scale
) -> Comparison | str:
    """Both sides of a trace, or why there are not two."""
    verdict = trace.of_judge(scorer)
    if verdict is None:
        return NOT_JUDGED
    judged = scale.read(verdict.value)
    votes = {person: scale.read(opinion.value) for person, opinion in people.items()}
    known = [vote for vote in votes.values() if vote is not None]
    if judged is None or not known:
        return OFF_SCALE
    human = _majority(known)
    if human is None:
        return TIE
    agreeing = [people[person] for person, vote in votes.items() if vote == human]
    said = [o.rationale for o in agreeing if o.rationale and o.rationale != verdict.rationale]
    about = {"people": sorted(people), "judge_model": verdict.by}
    return Comparison(
        trace.trace_id, human, judged, " / ".join(said) or None, verdict.rationale, about
    )


def _majority(votes: Iterable[Value]) -> Value | None:
    first, *others = Counter(votes).most_common(2)
    return None if others and others[0][1] == first[1] else first[0]
