"""Judge models: what `models.yaml` says of them, and the prices a deployment sets itself."""

from __future__ import annotations

import json
import re
from datetime import date, timedelta
from importlib.resources import files
from pathlib import Path
from typing import get_args

import pytest

from inference_monitor.config.models import (
    DEFAULT_JUDGE,
    EXAMPLE,
    GEOGRAPHIES,
    MODELS_FILE,
    InvalidModelsError,
    ModelFacts,
    ModelState,
    ModelTable,
    Price,
    Way,
    parse_prices,
)
from inference_monitor.config.specs import bedrock_model_id
from inference_monitor_cli.models.catalog import Catalog
from stacks.judge_models import GEOGRAPHIES as REGIONS
from stacks.judge_models import JudgeModel

PROFILE = "arn:aws:bedrock:us-east-1:111122223333:application-inference-profile/my-profile"
REPOSITORY = Path(__file__).parents[3]
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
        ("us.moonshotai.kimi-k3", 19.8),
        ("global.moonshotai.kimi-k3", 18.0),
        ("eu.deepseek.v3.2", 2.964),
        ("unknown.model", None),
    ],
)
def test_prices_are_those_of_the_table(model: str, usd: float | None) -> None:
    """A million tokens in and out cost what the file says; an unknown model costs nothing known."""
    cost = ModelTable.load().cost(model, 1_000_000, 1_000_000)
    assert cost == (None if usd is None else pytest.approx(usd, rel=1e-3))


def test_the_file_is_as_new_as_its_source() -> None:
    """Nothing in the source is newer than the day that the file says it was read."""
    table = ModelTable.load()
    source = files("mlflow") / "utils/model_catalog/bedrock.json"
    assert table.source.startswith("mlflow/utils/model_catalog/bedrock.json")
    updated = [
        told["last_updated_at"] for told in json.loads(source.read_text())["models"].values()
    ]
    assert max(updated) <= table.as_of.isoformat()


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
        (f"{TABLE}  - {{pattern: a, input: 1}}", ":4: `input` and `output` go together"),
        (
            f"{TABLE}  - {{pattern: a, end_of_life: soon}}",
            ":4: `end_of_life` is 'soon'; it must be",
        ),
        (f"{TABLE}  - {{pattern: a, legacy: 2026-13-01}}", ":4: `legacy` is '2026-13-01'; it must"),
        (
            f"{TABLE}  - {{pattern: a, ways: [guess]}}",
            ":4: `ways` is 'guess'; it must be a list of",
        ),
        (
            f"{TABLE}  - {{pattern: a, ways: []}}",
            ":4: `ways` is an empty list; it must be a list of json_",
        ),
        (f"{TABLE}  - {{pattern: a, refuses: [top_k]}}", ":4: `refuses` is 'top_k'; it must be"),
        (f"{TABLE}  - {{pattern: a, thinks: often}}", ":4: `thinks` is 'often'; it must be never"),
        (
            f"{TABLE}  - {{pattern: a, geographies: {{eu: 0}}}}",
            ":4: `geographies` is 0; it must be f",
        ),
        (f"{TABLE}  - {{pattern: a, differs: {{price: x}}}}", ":4: `differs` is"),
        (f"{TABLE}  - {{pattern: a, thinks: never, thinks: always}}", "`thinks` is given twice"),
        (f"{TABLE}  - {{pattern: a}}\n  - {{ways: [words]}}", ":5: `pattern` is missing"),
        ("nothing", "`as_of`, `source` and `models`"),
    ],
)
def test_a_broken_file_is_told_with_its_lines(tmp_path: Path, text: str, told: str) -> None:
    """Whoever edits the models is told which line is wrong, and what would be right."""
    (tmp_path / "models.yaml").write_text(text)
    with pytest.raises(InvalidModelsError) as caught:
        ModelTable.load(tmp_path / "models.yaml")
    assert told in str(caught.value)


def test_the_table_says_where_it_is_from() -> None:
    """Facts carry their date and source."""
    table = ModelTable.load(MODELS_FILE)
    assert table.source
    assert table.as_of.year >= 2026


@pytest.mark.parametrize(
    ("today", "state"),
    [
        ("2026-04-13", ModelState.ACTIVE),
        ("2026-04-14", ModelState.LEGACY),
        ("2026-10-13", ModelState.LEGACY),
        ("2026-10-14", ModelState.ENDED),
        ("2030-01-01", ModelState.ENDED),
    ],
)
def test_the_state_follows_from_the_dates(today: str, state: ModelState) -> None:
    """The first day of a state belongs to it, whatever stands before the model's name."""
    table, day = ModelTable.load(), date.fromisoformat(today)
    sonnet = "anthropic.claude-sonnet-4-20250514-v1:0"
    for prefix in (
        "",
        "global.",
        "eu.",
        "us-gov.",
        "arn:aws:bedrock:eu-west-1:1:foundation-model/",
    ):
        assert table.state(f"{prefix}{sonnet}", day) is state


def test_an_announced_end_is_legacy_already() -> None:
    """Bedrock announces an end when a model becomes Legacy; a known later day goes before that."""
    end, later = date(2027, 6, 1), date(2027, 1, 1)
    announced = ModelFacts(pattern="a", end_of_life=end)
    planned = ModelFacts(pattern="a", legacy=later, end_of_life=end)
    assert announced.state(date(2026, 11, 25)) is ModelState.LEGACY
    assert planned.state(date(2026, 11, 25)) is ModelState.ACTIVE
    assert ModelFacts(pattern="a", legacy=later).state(later) is ModelState.LEGACY


@pytest.mark.parametrize("model", [PROFILE, "unknown.model", "zz.anthropic.claude-sonnet-4-6"])
def test_nothing_is_made_up_about_an_unknown_model(model: str) -> None:
    """It has no facts and no price, and its state is unknown."""
    table = ModelTable.load()
    assert table.facts(model) is None
    assert table.price(model) is None
    assert table.state(model, date(2026, 11, 25)) is ModelState.UNKNOWN


def test_own_prices_say_nothing_else_about_a_model() -> None:
    """A price of one's own changes neither what a model takes nor until when it lives."""
    table = ModelTable.load().with_own(parse_prices("*haiku*=9/9, *my-profile*=3/15"))
    haiku = "global.anthropic.claude-haiku-4-5-20251001-v1:0"
    assert table.facts(haiku) == ModelTable.load().facts(haiku)
    assert table.price(haiku) == Price(9, 9, 0.9, 11.25)
    assert table.state(PROFILE, date(2026, 11, 25)) is ModelState.UNKNOWN


@pytest.mark.parametrize(
    ("model", "refused", "not_taken"),
    [
        ("anthropic.claude-sonnet-4-6", ["temperature_with_top_p"], {"json_schema"}),
        ("anthropic.claude-haiku-5-5", ["temperature", "top_p"], {"json_schema"}),
        ("anthropic.claude-opus-4-7", ["temperature", "top_p"], {"json_schema"}),
        ("anthropic.claude-sonnet-5", ["temperature", "top_p"], {"json_schema"}),
        ("anthropic.claude-sonnet-5-5", ["temperature", "top_p"], {"forced_tool", "any_tool"}),
        ("anthropic.claude-opus-5-5", ["temperature", "top_p"], {"forced_tool", "any_tool"}),
        ("anthropic.claude-fable-5-1", ["temperature", "top_p"], {"forced_tool", "any_tool"}),
        ("meta.llama3-3-70b-instruct-v1:0", [], {"forced_tool", "any_tool", "json_schema"}),
        ("mistral.mistral-large-3-675b-instruct", [], {"forced_tool"}),
        ("deepseek.r1-v1:0", [], {"forced_tool", "any_tool", "offered_tool", "json_schema"}),
    ],
)
def test_what_a_model_is_known_to_refuse(
    model: str, refused: list[str], not_taken: set[str]
) -> None:
    """The published refusals are in the file, so that they are not met again in each process."""
    facts = ModelTable.load().facts(f"us.{model}")
    assert facts
    assert facts.refuses == refused
    assert facts.ways
    assert not not_taken & set(facts.ways)


def test_ways_are_in_the_order_of_their_worth() -> None:
    """Each row has the best way first, and asking in words last: every model takes that."""
    order = get_args(Way)
    for row in ModelTable.load().models:
        if row.ways:
            assert row.ways == sorted(set(row.ways), key=order.index), row.pattern
            assert row.ways[-1] == "words", row.pattern


def test_every_row_can_be_reached() -> None:
    """No pattern stands behind one that catches all its models."""
    table = ModelTable.load()
    for row in table.models:
        assert table.facts(row.pattern.replace("*", "x")) == row, row.pattern


def test_the_default_judge_lives() -> None:
    """Our file and the installed MLflow's catalog give the default at least 60 days more."""
    model, in_two_months = bedrock_model_id(DEFAULT_JUDGE), date.today() + timedelta(days=60)
    assert ModelTable.load().state(model, in_two_months) is ModelState.ACTIVE
    told = Catalog.installed().models[model]
    assert in_two_months.isoformat() < told.get("deprecation_date", "9999-12-31")


def test_living_models_are_suggested() -> None:
    """The default is first among a few that can be asked today, and dead ones are left out."""
    table, today = ModelTable.load(), date.today()
    living = table.living(today)
    assert living[0] == DEFAULT_JUDGE
    assert 2 <= len(living) <= 4
    for uri in living:
        model = bedrock_model_id(uri)
        assert table.state(model, today) is ModelState.ACTIVE
        assert table.price(model)
        assert JudgeModel.parse(uri)
    ends = ModelFacts(pattern="a.b", suggested="a.b", end_of_life=date(2026, 1, 1))
    assert table.model_copy(update={"models": [ends]}).living(today) == []


def test_the_assumed_price_is_the_dearest_of_the_active_models() -> None:
    """Neither a dead model nor a price of one's own decides what an unknown one may cost."""
    rows = [
        ModelFacts(pattern="a.cheap-*", input=1, output=5),
        ModelFacts(pattern="a.dear-*", input=10, output=50, regional=1.1),
        ModelFacts(pattern="a.dead", input=15, output=75, end_of_life=date(2026, 1, 1)),
        ModelFacts(pattern="a.unpriced"),
    ]
    table = ModelTable(as_of="2026-01-01", source="here", models=rows)
    table = table.with_own(parse_prices("*=100/100"))
    assert table.assumed_price(date(2026, 11, 25)) == Price(10, 50, 1, 12.5)
    assert ModelTable.load().assumed_price().output >= 50


def test_geographies_are_those_that_can_be_granted() -> None:
    """Every profile that the stack can grant is recognized by its first part."""
    assert set(REGIONS) == GEOGRAPHIES


def test_no_dead_model_is_an_example() -> None:
    """Whoever copies an id from a setting or the documentation gets a living model."""
    table, today = ModelTable.load(), date.today()
    vendors = {row.pattern.partition(".")[0] for row in table.models}
    id_ = re.compile(rf"\b(?:{'|'.join(vendors)})\.[a-z0-9][a-z0-9.:-]*[a-z0-9]")
    texts = [
        path
        for folder in ("app.py", "README.md", ".env.example", "docs", "stacks", "cli", "lambda_src")
        for path in [REPOSITORY / folder, *(REPOSITORY / folder).rglob("*")]
        if path.is_file() and path != MODELS_FILE and path.suffix != ".pyc"
    ]
    found = {(p.name, m) for p in texts for m in id_.findall(p.read_text(errors="replace"))}
    assert (".env.example", "anthropic.claude-sonnet-4-6") in found
    dead = [(name, m) for name, m in found if table.state(m, today) is ModelState.ENDED]
    assert dead == []
