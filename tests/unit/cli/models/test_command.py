"""`inference-monitor models`: judge models, and what MLflow's catalog says otherwise."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from datetime import date
from importlib.metadata import version
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from inference_monitor.config.models import DEFAULT_JUDGE, ModelFacts, ModelTable
from inference_monitor_cli.main import app
from inference_monitor_cli.models import catalog as model_catalog
from inference_monitor_cli.models import command
from inference_monitor_cli.models.catalog import Catalog, Difference

ROW = ModelFacts(
    pattern="a.model-*", suggested="a.model-1", end_of_life=date(2027, 1, 8), input=3, output=15,
    regional=1.1,
)  # fmt: skip
TABLE = ModelTable(as_of="2026-11-25", source="here", left_out=["a.image-*"], models=[ROW])
THEIRS = {"input_per_million_tokens": 3, "output_per_million_tokens": 15}


def run(*words: str) -> Result:
    """Run the verb in a wide terminal."""
    return CliRunner().invoke(app, ["models", *words], env={"COLUMNS": "200"})


def catalog(**models: Mapping[str, Any]) -> Catalog:
    """A catalog of chat models; `_` in a name stands for a dot."""
    return Catalog(
        "3.17.2",
        {name.replace("_", ".", 1): {"mode": "chat", **told} for name, told in models.items()},
    )


def told(pricing: Mapping[str, float] = THEIRS, **facts: str) -> dict[str, Any]:
    """What the catalog tells of a model: what TABLE has, unless it is given otherwise."""
    return {"pricing": pricing, "deprecation_date": "2027-01-08", **facts}


def test_the_table_says_of_every_model_what_is_known() -> None:
    """State with its date, best way, thinking and price; question marks for what is not known."""
    result = run()
    assert result.exit_code == 0
    rows = {
        cells[0]: cells[1:]
        for line in result.stdout.splitlines()
        if len(cells := [cell.strip() for cell in line.strip("│").split("│")]) == 5
    }
    assert rows["anthropic.claude-sonnet-4-6"] == [
        "active", "forced_tool", "optional", "3 / 15"
    ]  # fmt: skip
    assert rows["anthropic.claude-3-7-sonnet-20250219-*"][:2] == ["ended 2026-04-28", "?"]
    assert f"default: {DEFAULT_JUDGE}" in result.stdout


def test_the_document_has_all_facts_and_states() -> None:
    """With --json a pipeline can tell whether its judge lives."""
    document = json.loads(run("--json").stdout)
    assert document["default"] == DEFAULT_JUDGE
    states = {row["pattern"]: (row["state"], row["end_of_life"]) for row in document["models"]}
    assert states["anthropic.claude-3-haiku-*"] == ("ended", "2026-09-10")
    assert len(states) == len(ModelTable.load().models)
    assert "differences" not in document


def test_the_installed_mlflow_says_what_the_file_says() -> None:
    """Prices, ends of life and models are those of MLflow's catalog; what differs is explained."""
    result = run("--compare", "--json")
    document = json.loads(result.stdout)
    assert [one for one in document["differences"] if one["explained"] is None] == []
    assert document["compared_with"] == f"MLflow {version('mlflow-skinny')}"
    assert result.exit_code == 0


def test_the_same_facts_are_no_difference() -> None:
    """Rounded prices, those of single Regions, and what the catalog leaves open do not differ."""
    rounded = {"input_per_million_tokens": 3.31, "output_per_million_tokens": 16.5}
    region = told({"input_per_million_tokens": 9})
    same = catalog(
        **{
            "a_model-1": told(),
            "eu_a.model-1": told(rounded),
            "a_model-2": {},
            "r/a_model-3": region,
        }
    )
    assert same.compare(TABLE) == []


@pytest.mark.parametrize(
    ("theirs", "expected"),
    [
        (
            told({**THEIRS, "output_per_million_tokens": 20}),
            Difference("a.model-1", "output", "15", "20"),
        ),
        (
            told({**THEIRS, "cache_read_per_million_tokens": 0.2}),
            Difference("a.model-1", "cache_read", "0.3", "0.2"),
        ),
        (
            told(deprecation_date="2026-12-01"),
            Difference("a.model-1", "end_of_life", "2027-01-08", "2026-12-01"),
        ),
    ],
)
def test_another_fact_is_a_difference(theirs: dict[str, Any], expected: Difference) -> None:
    """A new price or day of the catalog is told beside ours."""
    assert catalog(**{"a_model-1": theirs}).compare(TABLE) == [expected]


def test_models_that_only_one_of_both_has_are_differences() -> None:
    """A chat model without a row is told with its price; so is a row that nothing supports."""
    found = catalog(
        **{
            "b_new": told(),
            "a_image-1": told(),
            "b_embedding": {"mode": "embedding"},
        }
    ).compare(TABLE)
    assert found == [
        Difference("b.new", "model", None, "3/15 USD"),
        Difference("a.model-*", "model", "a row", None),
    ]
    sourced = ROW.model_copy(update={"source": "a model card"})
    assert catalog().compare(TABLE.model_copy(update={"models": [sourced]})) == []


def test_an_explained_difference_is_shown_and_does_not_fail(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A fact that differs on purpose says why; the exit status is about the others."""
    row = ROW.model_copy(update={"differs": {"input": "seen otherwise on the invoice"}})
    table = TABLE.model_copy(update={"models": [row]})
    other = catalog(**{"a_model-1": told({**THEIRS, "input_per_million_tokens": 4})})
    monkeypatch.setattr(Catalog, "installed", classmethod(lambda _: other))
    monkeypatch.setattr(command, "model_table", lambda: table)
    explained = run("--compare")
    assert explained.exit_code == 0
    assert "seen otherwise on the invoice" in explained.stdout
    row = ROW.model_copy(update={"differs": {"output": "the reason of another fact"}})
    table = TABLE.model_copy(update={"models": [row]})
    found = run("--compare")
    assert found.exit_code == 1
    assert [cell.strip() for cell in found.stdout.splitlines()[3].strip("│").split("│")] == [
        "a.model-1", "input", "3", "4", ""
    ]  # fmt: skip


def test_without_a_catalog_the_command_says_what_to_install(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The comparison needs MLflow, the table does not; neither imports it."""
    monkeypatch.setattr(model_catalog, "find_spec", lambda _name: None)
    result = run("--compare")
    assert result.exit_code == 2
    assert "needs an MLflow with a catalog of models" in result.stderr
    assert run().exit_code == 0


def test_mlflow_is_not_imported() -> None:
    """Reading the catalog takes no seconds of importing."""
    loaded = sys.modules.pop("mlflow", None)
    try:
        assert Catalog.installed().models
        assert "mlflow" not in sys.modules
    finally:
        if loaded:
            sys.modules["mlflow"] = loaded
