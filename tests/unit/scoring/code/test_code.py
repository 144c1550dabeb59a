"""Scorers that ask no judge: token counts, the user's own functions, MLflow's classes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from mlflow.entities import Feedback

from inference_monitor.inference import Failure, Kind, ToolCall, Usage
from inference_monitor.scoring.build import build_scorers
from tests.unit.builders import read
from tests.unit.judging import MODEL, FakeBedrock, batch, config, inference

COUNT = {"name": "token_count", "type": "token_count"}


def run(
    *specs: dict[str, Any], about: Any = None, folder: Path = Path("nowhere")
) -> list[Feedback]:
    """The assessments of one inference."""
    built = build_scorers(
        config(*specs), FakeBedrock(), default_model=MODEL, concurrency=2, drop_ins=folder
    )
    (verdicts,) = built.score(batch(about or inference()))
    assert (verdicts.pending, verdicts.usage.calls) == ([], 0)
    return verdicts.assessments


@pytest.mark.parametrize(
    ("about", "value", "metadata"),
    [
        pytest.param(inference(), 15, {"input_tokens": "12", "output_tokens": "3"}, id="reported"),
        pytest.param(
            inference("a" * 40, "b" * 9, usage=Usage()),
            13,
            {
                "input_tokens": "10",
                "output_tokens": "3",
                "estimated": "input_tokens, output_tokens",
            },
            id="estimated",
        ),
        pytest.param(
            inference("a" * 40, "b", usage=Usage(output_tokens=7)),
            17,
            {"input_tokens": "10", "output_tokens": "7", "estimated": "input_tokens"},
            id="half",
        ),
        pytest.param(
            inference("a" * 8, None, failure=Failure("boom"), usage=Usage()),
            2,
            {"input_tokens": "2", "output_tokens": "0", "estimated": "input_tokens"},
            id="failure",
        ),
    ],
)
def test_tokens_are_counted(about: Any, value: int, metadata: dict[str, str]) -> None:
    """The endpoint's counts are taken; where it gave none, an estimate says that it is one."""
    (feedback,) = run(COUNT, about=about)
    assert feedback.value == value
    assert feedback.source.source_type == "CODE"
    assert feedback.metadata == {"scorer": "token_count", "scorer_version": "1", **metadata}
    assert ("estimated" in (feedback.rationale or "")) == ("estimated" in metadata)


def test_an_estimate_is_of_all_that_was_asked_and_written() -> None:
    """Each prompt of a batch, each answer; thoughts and tool calls are tokens as well."""
    answers = [[{"generated_text": "c" * 8}], [{"generated_text": "d" * 12}]]
    (feedback,) = run(COUNT, about=read({"inputs": ["a" * 40, "b" * 20]}, answers))
    told = feedback.metadata or {}
    assert (told["input_tokens"], told["output_tokens"]) == ("15", "5")
    (feedback,) = run(
        COUNT, about=read({"inputs": "x"}, {"generated_text": "<think>abcdefgh</think>4"})
    )
    assert (feedback.metadata or {})["output_tokens"] == "3"
    calls = (ToolCall("f", "{'a': 12}"),)
    (feedback,) = run(COUNT, about=inference("q", None, usage=Usage(), tool_calls=calls))
    assert (feedback.metadata or {})["output_tokens"] == "3"


def test_nothing_is_not_counted() -> None:
    """Without counts and without text there is no assessment, and none for other models."""
    assert run(COUNT, about=inference("", "", usage=Usage())) == []
    assert run(COUNT, about=inference(kind=Kind.CLASSIFIER)) == []


DROP_IN = """
from mlflow.entities import Feedback
from mlflow.genai.scorers import Scorer, scorer

def words(outputs):
    return len(outputs.split())

@scorer
def asked(inputs, outputs) -> Feedback:
    return Feedback(value=inputs["messages"][0]["content"], rationale="r", metadata={"n": 1})

@scorer
def several(outputs):
    return [Feedback(name="a", value=True), Feedback(name="b", value=0.5)]

class Long(Scorer):
    name: str = "long"
    def __call__(self, *, outputs):
        return len(outputs) > 3

@scorer
def broken(outputs):
    raise ValueError("first line\\nsecond line")

@scorer
def wants_trace(trace): ...

def nothing(): return None
def nan(): return float("nan")
def odd(): return object()
def twice(): return [Feedback(name="a", value=1), Feedback(name="a", value=2)]
def unstorable(): return Feedback(value={"a": object()})
not_a_function = 3
"""


def code(name: str, module: str = "own_checks_for_tests", **more: Any) -> dict[str, Any]:
    """A scorer of the drop-in file."""
    return {"name": f"my_{name}", "type": "code", "function": f"{module}:{name}", **more}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A drop-in folder with one file."""
    path = tmp_path_factory.mktemp("scorers")
    (path / "own_checks_for_tests.py").write_text(DROP_IN)
    return path


def test_own_functions_and_scorers_give_assessments(folder: Path) -> None:
    """Plain functions, `@scorer` functions and Scorer classes run without an edit of our code."""
    words, asked, a, b, long = run(
        *(code(name) for name in ("words", "asked", "several", "Long", "nothing")), folder=folder
    )[:5]
    assert (words.name, words.value, words.source.source_id) == (
        "my_words",
        1,
        "own_checks_for_tests:words",
    )
    assert (asked.name, asked.value, asked.rationale) == (
        "my_asked",
        "What is the capital of France?",
        "r",
    )
    assert asked.metadata == {"n": "1", "scorer": "my_asked", "scorer_version": "1"}
    assert [(f.name, f.value) for f in (a, b, long)] == [("a", True), ("b", 0.5), ("my_Long", True)]
    assert len({f.assessment_id for f in (words, asked, a, b, long)}) == 5


def test_functions_see_every_answer_of_a_batch(folder: Path) -> None:
    """Each answer with its own question; the lowest number counts, and says whose it is."""
    about = read({"inputs": ["one", "two"]}, [[{"generated_text": "a b c"}],
                                              [{"generated_text": "a"}]])  # fmt: skip
    words, asked = run(code("words"), code("asked"), about=about, folder=folder)
    told = words.metadata or {}
    assert (words.value, told["worst_answer"], told["answers"]) == (1, "2", '{"1": 3, "2": 1}')
    assert (asked.metadata or {})["answers"] == '{"1": "one", "2": "two"}'


def test_functions_get_the_answer_without_its_thoughts(folder: Path) -> None:
    """A word count is that of the answer, not of what was thought before it."""
    about = read({"inputs": "x"}, {"generated_text": "<think>a b c d</think>\nFour."})
    (words,) = run(code("words"), about=about, folder=folder)
    assert words.value == 1


def test_several_assessments_are_not_given_twice(folder: Path) -> None:
    """A scorer that gives several assessments is recognised by them on a second delivery."""
    built = build_scorers(
        config(code("several")), FakeBedrock(), default_model=MODEL, concurrency=1, drop_ins=folder
    )
    (first,) = built.score(batch(inference()))
    (again,) = built.score(batch(inference(), existing=first.assessments))
    assert (len(first.assessments), again.assessments) == (2, [])


@pytest.mark.parametrize(
    ("spec", "says"),
    [
        (code("broken"), "ValueError: first line"),
        (code("wants_trace"), "cannot be loaded: TypeError: needs `trace`"),
        (code("missing"), "cannot be loaded: AttributeError: "),
        (code("f", module="no_such_module"), "cannot be loaded: ModuleNotFoundError: "),
        (code("not_a_function"), "cannot be loaded: TypeError: "),
        (code("nan"), "ValueError: gave nan, which MLflow cannot store"),
        (code("odd"), "MlflowException: odd must return one of int"),
        (code("twice"), "ValueError: gave two assessments of the same name"),
        (code("unstorable"), "ParseError: "),
        ({"name": "m", "type": "mlflow", "class": "builtins.dict"}, "is no MLflow scorer"),
    ],
    ids=lambda value: value.get("function", "class") if isinstance(value, dict) else "",
)
def test_a_scorer_that_fails_is_an_error_beside_the_others(
    folder: Path, spec: dict[str, Any], says: str
) -> None:
    """Whatever goes wrong in somebody else's code is told in its assessment; the others go on."""
    failed, words = run(spec, code("words"), folder=folder)
    assert (failed.name, failed.error_code) == (spec["name"], "SCORER_ERROR")
    assert failed.value is None
    assert says in str(failed.error_message)
    assert "second line" not in str(failed.error_message)
    assert (words.name, words.value) == ("my_words", 1)


def test_failures_are_scored_only_when_asked_for(folder: Path) -> None:
    """Own scorers see answers of LLMs, and failures or other models where the file says so."""
    specs = [
        code("words"),
        code("words", when={"status": "error"}) | {"name": "on_errors"},
        code("words", when={"kind": "classifier"}) | {"name": "on_classes"},
    ]
    names = [
        [f.name for f in run(*specs, about=about, folder=folder)]
        for about in (
            inference(),
            inference(failure=Failure("boom")),
            inference(kind=Kind.CLASSIFIER),
        )
    ]
    assert names == [["my_words"], ["on_errors"], ["on_classes"]]


def test_mlflows_own_classes_run_by_name() -> None:
    """A class that MLflow ships is made with the arguments of the file and runs."""
    spec = {
        "name": "capital",
        "type": "mlflow",
        "class": "mlflow.genai.scorers.RegexMatch",
        "arguments": {"pattern": "^Paris"},
    }
    (feedback,) = run(spec)
    assert feedback.error is None
    assert feedback.name == "capital"
    assert str(feedback.value) == "yes"
    feedback.to_proto()
