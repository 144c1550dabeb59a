"""Prices: those of the file, those of its source, and those a deployment sets itself."""

from __future__ import annotations

import json
from importlib.resources import files
from pathlib import Path

import pytest

from inference_monitor.scoring.models import (
    MODELS_FILE,
    InvalidModelsError,
    ModelFacts,
    ModelTable,
)
from inference_monitor.scoring.own_prices import EXAMPLE, parse_prices

PROFILE = "arn:aws:bedrock:us-east-1:111122223333:application-inference-profile/my-profile"
TABLE = "as_of: 2026-09-29\nsource: here\nmodels:\n"


@pytest.mark.parametrize(
    ("model", "usd"),
    [
        ("global.anthropic.claude-sonnet-4-6", 18.0),
        ("eu.anthropic.claude-sonnet-4-6", 19.8),
        ("eu.anthropic.claude-sonnet-4-20250514-v1:0", 18.0),
        ("global.anthropic.claude-haiku-4-5-20251001-v1:0", 6.0),
        ("anthropic.claude-haiku-4-5-20251001-v1:0", 6.0),
        ("eu.anthropic.claude-haiku-4-5-20251001-v1:0", 6.6),
        ("anthropic.claude-3-haiku-20240307-v1:0", 1.5),
        ("us.amazon.nova-pro-v1:0", 4.0),
        ("us.amazon.nova-lite-v1:0", 0.3),
        ("amazon.nova-micro-v1:0:128k", 0.175),
        ("arn:aws:bedrock:eu-west-1:1:inference-profile/eu.amazon.nova-pro-v1:0", 5.25),
        ("arn:aws:bedrock:us-east-1::foundation-model/amazon.nova-pro-v1:0", 4.0),
        ("us-gov.anthropic.claude-sonnet-4-5-20250929-v1:0", 21.6),
        (PROFILE, None),
        ("unknown.model", None),
    ],
)
def test_prices_are_those_of_the_table(model: str, usd: float | None) -> None:
    """A million tokens in and out cost what the file says; an unknown model costs nothing known."""
    cost = ModelTable.load().cost(model, 1_000_000, 1_000_000)
    assert cost == (None if usd is None else pytest.approx(usd))


def test_the_file_says_what_its_source_says() -> None:
    """Every id of the named source that the file has a price for costs there what it costs here."""
    table = ModelTable.load()
    source = files("mlflow") / "utils/model_catalog/bedrock.json"
    assert table.source.startswith("mlflow/utils/model_catalog/bedrock.json")
    found = set()
    for model, facts in json.loads(source.read_text())["models"].items():
        told, price = facts.get("pricing") or {}, table.price(model)
        if "/" in model or price is None or "input_per_million_tokens" not in told:
            continue
        found.add(model)
        assert price.input == pytest.approx(told["input_per_million_tokens"]), model
        assert price.output == pytest.approx(told["output_per_million_tokens"]), model
        for side in ("cache_read", "cache_write"):
            if f"{side}_per_million_tokens" in told:
                expected = told[f"{side}_per_million_tokens"]
                assert getattr(price, side) == pytest.approx(expected), model
        assert facts["last_updated_at"] <= table.as_of.isoformat()
    # No row is there without something in the source to support it.
    supported = [row for row in table.models if any(row.matches(model) for model in found)]
    assert supported == table.models


def test_the_cache_and_batches_have_their_own_prices() -> None:
    """Left out, reading costs a tenth of the input and writing a quarter more; batches half."""
    rows = [
        ModelFacts(pattern="plain", input=10, output=20),
        ModelFacts(pattern="own", input=10, output=20, cache_read=3, cache_write=4),
    ]
    table = ModelTable(as_of="2026-01-01", source="here", models=rows)
    assert table.cost("plain", 0, 0, cache_read=1_000_000) == pytest.approx(1)
    assert table.cost("plain", 0, 0, cache_write=1_000_000) == pytest.approx(12.5)
    assert table.cost("own", 0, 0, cache_read=1_000_000, cache_write=1_000_000) == pytest.approx(7)
    assert table.cost("own", 1_000_000, 1_000_000, batch=True) == pytest.approx(15)


def test_the_regional_factor_is_for_everything_in_a_region() -> None:
    """A geography's profile costs that much more for the cache, too; the global one does not."""
    row = ModelFacts(pattern="vendor.model", input=10, output=20, regional=1.1)
    table = ModelTable(as_of="2026-01-01", source="here", models=[row])
    regional, world = table.price("eu.vendor.model"), table.price("global.vendor.model")
    assert regional
    assert world
    assert regional.input == pytest.approx(11)
    assert regional.cache_read == pytest.approx(1.1)
    assert (world.input, world.cache_read) == (10, 1)


def test_own_prices_go_first() -> None:
    """A deployment's price stands in for the file's, and gives one to what has no model's name."""
    own = parse_prices("*my-profile*=3/15, *nova-lite*=0.5/0.6")
    table = ModelTable.load().with_own(own)
    assert table.cost(PROFILE, 1_000_000, 1_000_000) == pytest.approx(18)
    assert table.cost("us.amazon.nova-lite-v1:0", 1_000_000, 1_000_000) == pytest.approx(1.1)
    assert table.cost("us.amazon.nova-micro-v1:0", 1_000_000, 1_000_000) == pytest.approx(0.175)


def test_an_arn_can_be_the_pattern() -> None:
    """Slashes and colons of the pattern do not get in the way of the prices."""
    (price,) = parse_prices(f" {PROFILE} = 3/15 ,")
    assert (price.pattern, price.input, price.output) == (PROFILE, 3, 15)


@pytest.mark.parametrize(
    "part", ["3/15", "a=3", "a=3/", "a=x/1", "=3/15", "a=-1/2", "a=nan/1", "a=1/inf", "a=1/2/3"]
)
def test_what_is_no_price_is_named(part: str) -> None:
    """The message shows the part that is wrong, and what it should look like."""
    with pytest.raises(ValueError, match=r"is not PATTERN=INPUT/OUTPUT") as caught:
        parse_prices(f"*ok*=1/2, {part}")
    assert repr(part) in str(caught.value)


def test_the_example_is_a_setting() -> None:
    """What a message shows as an example can be read."""
    assert len(parse_prices(EXAMPLE)) == 2
    assert parse_prices("") == []


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("models: []", "`as_of` is missing; it must be a date"),
        (f"{TABLE}  - {{pattern: a, input: -1, output: 2}}", ":4: `input` is -1; it must be a num"),
        (f"{TABLE}  - {{pattern: a, input: 1, outptu: 2}}", "did you mean `output`?"),
        ("nothing", "`as_of`, `source` and `models`"),
    ],
)
def test_a_broken_file_is_told_with_its_lines(tmp_path: Path, text: str, told: str) -> None:
    """Whoever edits the prices is told which line is wrong, and what would be right."""
    (tmp_path / "prices.yaml").write_text(text)
    with pytest.raises(InvalidModelsError) as caught:
        ModelTable.load(tmp_path / "prices.yaml")
    assert told in str(caught.value)


def test_the_price_table_says_where_it_is_from() -> None:
    """Prices carry their date and source."""
    table = ModelTable.load(MODELS_FILE)
    assert table.source
    assert table.as_of.year >= 2026
