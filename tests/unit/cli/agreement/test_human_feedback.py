"""People's feedback in MLflow against the judge's: who counts, and what is the same value."""

from __future__ import annotations

from typing import Any

import pytest

from inference_monitor.config.specs import ScorerSpec
from inference_monitor_cli.agreement.human_feedback import (
    NOT_JUDGED,
    OFF_SCALE,
    TIE,
    Assessed,
    Opinion,
    compare_feedback,
)
from inference_monitor_cli.agreement.report import ScorerAgreement
from inference_monitor_cli.agreement.scale import Scale, scale_of, scale_seen_in
from tests.unit.judging import config

CONFIG = config(
    {"name": "safety", "type": "safety"},
    {"name": "taste", "type": "judge", "instructions": "{{ outputs }}", "output": ["good", "bad"]},
    {
        "name": "stars", "type": "judge", "instructions": "{{ outputs }}", "output": "number",
        "range": [1, 5],
    },
    {"name": "words", "type": "token_count"},
)  # fmt: skip
SPECS: dict[str, ScorerSpec] = {spec.name: spec for spec in CONFIG.scorers}


def judge(value: Any = "yes", at: int = 1, scorer: str = "safety", **more: Any) -> Opinion:
    """A verdict."""
    return Opinion(scorer, value, False, "bedrock:/judge", at, "Because.", **more)


def person(
    value: Any, by: str = "ann", at: int = 5, scorer: str = "safety", **more: Any
) -> Opinion:
    """What a person said."""
    return Opinion(scorer, value, True, by, at, **more)


def compare(*traces: list[Opinion], only: str | None = None) -> list[ScorerAgreement]:
    """The report on traces with these opinions."""
    assessed = [Assessed(f"tr-{number}", opinions) for number, opinions in enumerate(traces)]
    return compare_feedback(assessed, SPECS, lambda trace: f"http://mlflow/{trace}", only)


def verdict(*opinions: Opinion) -> Any:
    """What people are taken to say about one trace, or why they are not."""
    (found,) = compare(list(opinions))
    if found.left_out:
        return next(iter(found.left_out))
    ((human, _judged),) = found.confusion
    return human


def test_an_overridden_verdict_is_what_is_measured() -> None:
    """Who edits the judge's assessment disagrees with it; MLflow calls it invalid since."""
    (found,) = compare(
        [judge("yes", replaced=True), person("no", rationale="It threatens.")],
        [judge("no"), person(value=False)],
    )
    assert (found.scorer, found.n, found.agreement.value) == ("safety", 2, 0.5)
    (wrong,) = found.disagreements
    assert (wrong.where, wrong.reference, wrong.judge) == ("tr-0", "no", "yes")
    assert (wrong.reference_why, wrong.judge_why) == ("It threatens.", "Because.")
    assert wrong.about == {
        "people": ["ann"], "judge_model": "bedrock:/judge", "link": "http://mlflow/tr-0",
    }  # fmt: skip
    assert found.fails
    assert (found.fails.both, found.fails.reference_only) == (1, 1)


def test_a_persons_latest_word_counts() -> None:
    """Also when the older one was not overridden, and whatever order MLflow gives them in."""
    assert verdict(judge(), person("no", at=9), person("yes", at=5)) == "no"
    assert verdict(judge(), person("no", at=9, replaced=True), person("yes", at=5)) == "yes"


def test_the_majority_of_people_counts() -> None:
    """One vote each; a tie is left out, because nobody is right then."""
    both = [person("no", "ann"), person("no", "bob")]
    assert verdict(judge(), *both, person("yes", "cho")) == "no"
    assert verdict(judge(), both[0], person("yes", "cho")) == TIE
    assert verdict(judge(), *both, person("yes", "cho"), person("yes", "dan")) == TIE


def test_the_rationale_is_of_those_who_won() -> None:
    """Not of those who were outvoted, and not the judge's own, which an edit begins with."""
    (found,) = compare(
        [
            judge("yes"),
            person("no", "ann", rationale="Threat."),
            person("no", "bob", rationale="Because."),
            person("yes", "cho", rationale="Fine."),
        ]
    )
    assert found.disagreements[0].reference_why == "Threat."


def test_the_judges_latest_verdict_counts() -> None:
    """A scorer with a new version has judged again; an error of the judge is no verdict."""
    (found,) = compare([judge("yes", at=1), judge("no", at=3), judge(None, at=4), person("no")])
    assert found.agreement.value == 1
    assert verdict(judge(None), person("no")) == NOT_JUDGED


def test_what_nobody_compared_is_no_scorer() -> None:
    """Feedback under a name of its own, and scorers that nobody spoke about."""
    found = compare([judge(), person("no", scorer="User feedback"), person("yes")],
                    [judge(scorer="taste")])  # fmt: skip
    assert [one.scorer for one in found] == ["safety"]
    assert compare([person("no")]) == []


def test_one_scorer_only() -> None:
    """In the order of scorers.yaml, unless one is named."""
    opinions = [judge(2, scorer="stars"), person(2, scorer="stars"), judge(), person("no")]
    assert [one.scorer for one in compare(opinions)] == ["safety", "stars"]
    assert [one.scorer for one in compare(opinions, only="stars")] == ["stars"]


def test_a_value_of_another_kind_is_left_out() -> None:
    """A person who typed a sentence has not given a verdict."""
    assert verdict(judge(), person("a bit")) == OFF_SCALE
    assert verdict(judge("perhaps"), person("no")) == OFF_SCALE
    assert verdict(judge(), person("a bit"), person("no", "bob")) == "no"


def test_a_scorer_that_is_not_configured_has_no_fails() -> None:
    """Its values can be compared, but nobody has said which of them are bad."""
    (found,) = compare([judge("red", scorer="colour"), person("blue", scorer="colour")])
    assert (found.n, found.fails, found.weighted_kappa) == (1, None, None)


@pytest.mark.parametrize("value", ["yes", True, "True", " YES ", "pass"])
def test_yes_has_many_spellings(value: Any) -> None:
    """MLflow's UI offers true and false, its judges say yes and no."""
    assert Scale().read(value) == "yes"
    assert not Scale().fails("yes")


def test_categories_are_ordered_best_first() -> None:
    """All but the best fail; another spelling is the same; anything else is none of them."""
    scale = Scale(("coherent", "somewhat coherent", "incoherent"))
    assert scale.read("Somewhat coherent ") == "somewhat coherent"
    assert [scale.fails(value) for value in scale.values] == [False, True, True]
    assert [scale.position(value) for value in scale.values] == [0, 1, 2]
    assert scale.ordered
    assert scale.read("good") is scale.read(1) is None


def test_numbers_fail_below_the_middle() -> None:
    """Of 1 to 5, 2 fails and 3 does not; what is out of range is no value."""
    scale = scale_of(SPECS["stars"])
    assert scale
    assert [scale.fails(value) for value in (1.0, 2.0, 3.0, 5.0)] == [True, True, False, False]
    assert [scale.read(v) for v in (4, "4", 6, True, "x", float("nan"))] == [
        4.0, 4.0, None, None, None, None,
    ]  # fmt: skip


def test_a_scale_can_be_seen_in_values() -> None:
    """Where scorers.yaml says none: yes and no, numbers, or whatever texts there are."""
    assert scale_of(SPECS["words"]) is None
    assert scale_seen_in(["yes", False]) == Scale()
    assert scale_seen_in([1, 3.5]) == Scale((), (1.0, 3.5), graded=False)
    assert scale_seen_in(["b", "a", "b"]) == Scale(("a", "b"), graded=False)
