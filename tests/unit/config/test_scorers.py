"""`scorers.yaml` is checked as a whole, and every mistake is named with its line."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from inference_monitor.config.conditions import When
from inference_monitor.config.scorers import InvalidScorersError, ScorersConfig, load_scorers
from inference_monitor.config.specs import (
    JudgedSpec,
    bedrock_model_id,
)
from inference_monitor.inference import Kind

LAMBDA_SRC = Path(__file__).parents[3] / "lambda_src"
DEFAULT = "bedrock:/default"


def problems(folder: Path, text: str) -> list[str]:
    """The lines of the error that a file gives."""
    path = folder / "scorers.yaml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(InvalidScorersError) as error:
        load_scorers(path)
    return str(error.value).splitlines()


def test_the_default_file_scores_as_documented() -> None:
    """The file we ship holds the scorers the README names, on every record, by one judge."""
    config = load_scorers(LAMBDA_SRC / "scorers.yaml")
    assert [(s.name, s.type, s.sample_rate) for s in config.scorers] == [
        ("safety", "safety", 1),
        ("relevance_to_query", "relevance_to_query", 1),
        ("fluency", "fluency", 1),
        ("follows_objective", "guidelines", 1),
        ("professional_tone", "guidelines", 1),
        ("no_harmful_advice", "guidelines", 1),
        ("coherence", "judge", 1),
        ("token_count", "token_count", 1),
    ]
    assert config.models(DEFAULT) == {DEFAULT}


def test_the_default_file_asks_about_tone_and_coherence_of_texts_only() -> None:
    """A bare tool call has neither, and no fluency either."""
    config = load_scorers(LAMBDA_SRC / "scorers.yaml")
    of_texts = [s.name for s in config.scorers if isinstance(s, JudgedSpec) and s.asks_for_text]
    assert of_texts == ["fluency", "professional_tone", "coherence"]
    assert "fluency" in [s.name for s in config.scorers if not getattr(s, "needs_text", True)]


def test_the_default_file_says_what_holds_without_it() -> None:
    """The settings it shows are the defaults, so that nothing changes when a line is deleted."""
    shown, bare = load_scorers(LAMBDA_SRC / "scorers.yaml"), ScorersConfig(scorers=[])
    assert shown.model_copy(update={"scorers": []}) == bare
    assert bare.max_judged_answers == 10


def test_all_problems_come_at_once_with_their_lines(tmp_path: Path) -> None:
    """A user sees every mistake of the file in one go, in the order of the lines."""
    found = problems(
        tmp_path,
        """\
max_record_tokens: 10
scorers:
  - name: safety
    type: safety
    sample_rate: 1.5
  - name: safety
    type: safty
  - type: guidelines
    name: tone
  - just a text
""",
    )
    sample_rate = "a number from 0 (no record) to 1 (every record)"
    types = (
        "one of safety, relevance_to_query, fluency, groundedness, tool_use, instruction_following,"
        " conversation_completeness, user_frustration, summarization, guidelines, judge,"
        " token_count, code, mlflow"
    )
    guidelines = "a rule in plain words, or a list of them"
    assert found == [
        "scorers.yaml:1: `max_record_tokens` is 10; it must be a whole number of at least 500",
        f"scorers.yaml:5: scorer `safety`: `sample_rate` is 1.5; it must be {sample_rate}",
        "scorers.yaml:6: scorer `safety`: the name `safety` is already used above",
        f"scorers.yaml:7: scorer `safety`: `type` is 'safty'; it must be {types}",
        f"scorers.yaml:8: scorer `tone`: `guidelines` is missing; it must be {guidelines}",
        "scorers.yaml:10: a scorer is 'just a text'; it must be a mapping with `name` and `type`",
    ]


JUDGE = "scorers:\n- name: c\n  type: judge\n  instructions: x\n"


@pytest.mark.parametrize(
    ("text", "line", "says"),
    [
        pytest.param("", 1, "the file is empty; it must be a mapping", id="empty"),
        pytest.param("- a", 1, "the file is a list; it must be a mapping", id="list"),
        pytest.param("scorers: no\n", 1, "`scorers` is False; it must be a list", id="no list"),
        pytest.param("scorers: [", 1, "not valid YAML", id="not yaml"),
        pytest.param("a: &a [*a]\nscorers: []", 1, "unknown key `a`", id="recursive alias"),
        pytest.param("scorers: []\nscorer: []", 2, "did you mean `scorers`?", id="typo on top"),
        pytest.param("scorers: []\nscorers: []", 2, "given twice", id="key given twice"),
        pytest.param(JUDGE, 2, "`output` is missing; it must be bool", id="no output"),
        pytest.param(JUDGE + "  output: [yes, no]", 5, "need quotes", id="yes and no are booleans"),
        pytest.param(JUDGE + "  output: [one]", 5, "at least two", id="one category"),
        pytest.param(JUDGE + "  output: [a, a]", 5, "different", id="category twice"),
        pytest.param(JUDGE + "  output: number", 2, "belong together", id="number, no range"),
        pytest.param(
            JUDGE + "  output: number\n  range: [5, 1]", 2, "[lowest, highest]", id="range reversed"
        ),
        pytest.param(JUDGE + "  output: bool\n  range: [0, 1]", 2, "belong together", id="range"),
        pytest.param(
            JUDGE + "  output: bool\n  version: 1.10", 6, 'e.g. "1.10"', id="version is a float"
        ),
        pytest.param(
            JUDGE + "  output: bool\n  model: claude", 6, "must be bedrock:/ and", id="model"
        ),
        pytest.param(
            JUDGE + "  output: bool\n  inference_parameters:\n    topp: 1",
            7,
            "unknown key `topp`; did you mean `top_p`?",
            id="unknown parameter",
        ),
        pytest.param(
            "scorers: []\nalways:\n- sample_rate: 1",
            3,
            "a rule needs `when`, `first_per_hour` or both",
            id="a rule for everything",
        ),
        pytest.param(
            "scorers: []\nalways:\n- first_per_hour: 2000",
            3,
            "`first_per_hour` is 2000; it must be a whole number from 1 to 1000",
            id="too many first",
        ),
        pytest.param(
            "scorers:\n- {name: a, type: token_count, when: {input_tokens: [9, 1]}}",
            2,
            "`input_tokens` must be [least, most]",
            id="tokens reversed",
        ),
        pytest.param(
            "scorers:\n- {name: a, type: token_count, when: {output_tokens: [many, null]}}",
            2,
            "`output_tokens` is 'many'; it must be [least, most]",
            id="tokens are no number",
        ),
        pytest.param(
            "scorers:\n- {name: a, type: token_count, when: {tool_calls: sometimes}}",
            2,
            "`tool_calls` is 'sometimes'; it must be true, or false",
            id="tool calls",
        ),
        pytest.param(
            "scorers:\n- {name: a, type: token_count, when: {finish_reason: 3}}",
            2,
            "`finish_reason` is 3; it must be a finish reason as the endpoint reports it",
            id="finish reason",
        ),
        pytest.param(
            "scorers:\n- {name: a, type: token_count, when: {finish_reason: []}}",
            2,
            "`finish_reason` is an empty list; it must be a finish reason",
            id="no finish reason",
        ),
        pytest.param(
            JUDGE + "  output: bool\n  needs_text: 1", 6, "must be true, or false", id="needs text"
        ),
        pytest.param(
            "scorers: []\nmax_judged_answers: 0",
            2,
            "`max_judged_answers` is 0; it must be a whole number of at least 1",
            id="no answers",
        ),
        pytest.param(
            "scorers: []\ncontext_marks: [['<context>']]",
            2,
            "it must be a list of pairs of texts",
            id="marks that are no pairs",
        ),
        pytest.param(
            "scorers:\n- name: a\n  type: token_count\n  when:\n    tag:\n      tenant: 3",
            6,
            "`tag` is 3; it must be a mapping of tags to a value",
            id="value in a mapping with keys of the user's own",
        ),
        pytest.param(
            "scorers: []\nalways:\n- {sample_rate: 0, first_per_hour: 1}",
            3,
            "`sample_rate` is 0; it must be a number above 0, at most 1",
            id="the same key means another thing in a rule",
        ),
        pytest.param(
            "scorers: []\nalways:\n- {when: {kind: [llm]}, first_per_hours: 1}",
            3,
            "unknown key `first_per_hours`; did you mean `first_per_hour`?",
            id="typo in a rule",
        ),
        pytest.param(
            "scorers: []\nalways:\n- {first_per_hour: 1, guideline: x}",
            3,
            "unknown key `guideline`",
            id="no guess from another part of the file",
        ),
        pytest.param(
            "scorers: []\njudging: jury", 2, "`judging` is 'jury'; it must be each", id="judging"
        ),
        pytest.param(
            JUDGE + "  output: bool\n  when: {status: error}", 6, "answers of LLMs only", id="when"
        ),
        pytest.param(
            JUDGE.replace("x", "'{{ trace }}'") + "  output: bool",
            4,
            "{{ trace }} is not filled in; use {{ inputs }} and {{ outputs }}",
            id="unknown placeholder",
        ),
        pytest.param(
            "scorers:\n- {name: a b, type: safety}",
            2,
            "`name` is 'a b'; it must be letters",
            id="n",
        ),
        pytest.param(
            "scorers:\n- {name: a, type: guidelines, guidelines: [x, '']}",
            2,
            "`guidelines` is ''",
            id="empty guideline",
        ),
        pytest.param(
            "scorers:\n- {name: a, type: code, function: f}", 2, "module:function", id="function"
        ),
    ],
)
def test_each_mistake_says_what_would_be_right(
    tmp_path: Path, text: str, line: int, says: str
) -> None:
    """Every kind of mistake gives exactly one line, at the right place, with the cure."""
    (found,) = problems(tmp_path, text)
    assert found.startswith(f"scorers.yaml:{line}: ")
    assert says in found


def test_a_missing_file_is_a_problem_too(tmp_path: Path) -> None:
    """A wrong path is said in one line, not as a traceback of the file system."""
    with pytest.raises(InvalidScorersError, match=r"nowhere\.yaml: cannot be read"):
        load_scorers(tmp_path / "nowhere.yaml")


def test_drop_in_functions_are_looked_for_before_they_are_deployed(tmp_path: Path) -> None:
    """A function that its drop-in file does not define is found without importing the file."""
    folder = tmp_path / "scorers"
    folder.mkdir()
    (folder / "mine.py").write_text("import nothing_like_this\ndef polite(): ...\nfair: int = 1\n")
    (folder / "broken.py").write_text("def polite(:\n")
    template = "- {{name: n{0}, type: code, function: '{1}'}}\n"
    names = ["mine:polite", "mine:rude", "broken:polite", "installed.package:f", "mine:fair"]
    text = "scorers:\n" + "".join(template.format(i, name) for i, name in enumerate(names))
    missing, broken = problems(tmp_path, text)
    assert missing == "scorers.yaml:3: scorer `n1`: scorers/mine.py does not define `rude`"
    assert "scorers.yaml:4: scorer `n2`: scorers/broken.py is not valid Python" in broken


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(max_size=8),
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(
                st.sampled_from(["scorers", "name", "type", "when", "output", "x"]),
                inner,
                max_size=4,
            )
        ),
        max_leaves=12,
    )
)
def test_no_document_breaks_the_check(document: Any) -> None:
    """Whatever a file holds, it is a valid configuration or a list of problems with lines."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Path, "read_text", lambda *_, **__: yaml.safe_dump(document))
        try:
            load_scorers(Path("scorers.yaml"))
            found = []
        except InvalidScorersError as error:
            found = str(error).splitlines()
    assert all(line.startswith("scorers.yaml:") for line in found)


def test_models_are_those_that_are_asked() -> None:
    """IAM is granted for each judge that is named, the default where it is used, and no other."""
    config = ScorersConfig.model_validate(
        {
            "scorers": [
                {"name": "a", "type": "safety", "model": "bedrock:/a"},
                {"name": "b", "type": "token_count"},
                {"name": "c", "type": "mlflow", "class": "m.C", "model": "bedrock:/c"},
                {"name": "d", "type": "mlflow", "class": "m.D"},
            ]
        }
    )
    assert config.models(DEFAULT) == {"bedrock:/a", "bedrock:/c"}
    assert bedrock_model_id("bedrock:/arn:aws:bedrock:x") == "arn:aws:bedrock:x"


def test_a_condition_may_be_one_value_or_a_list() -> None:
    """`variant: blue` and `variant: [blue]` mean the same, and 2 is a version as well as "2"."""
    scorer = {"name": "a", "type": "token_count", "when": {"variant": "blue"}, "version": 2}
    (spec,) = ScorersConfig.model_validate({"scorers": [scorer]}).scorers
    assert spec.when.variant == ["blue"]
    assert spec.version == "2"


def test_every_kind_of_model_can_be_named() -> None:
    """`when.kind` knows exactly the kinds that captures are sorted into."""
    assert When(kind=[str(kind) for kind in Kind]).kind == [str(kind) for kind in Kind]  # type: ignore[misc]


def test_the_schema_is_read_without_mlflow_and_boto3() -> None:
    """The CDK app imports the schema where neither is installed."""
    code = (
        "import sys; sys.modules.update(mlflow=None, boto3=None, botocore=None)\n"
        "import inference_monitor.config.scorers"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        check=False,
        env={"PYTHONPATH": str(LAMBDA_SRC)},
        capture_output=True,
    )
    assert (done.returncode, done.stderr) == (0, b"")
