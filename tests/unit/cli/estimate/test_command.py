"""`inference-monitor estimate`: prices before anything is spent."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from inference_monitor_cli.main import app
from tests.unit.builders import capture

SCORERS = """\
scorers:
  - {name: safety, type: safety}
  - {name: fluency, type: fluency, sample_rate: 0.5}
  - {name: token_count, type: token_count}
"""
RATE = ("--records-per-day", "1000", "--input-tokens", "800", "--output-tokens", "200")

Run = Callable[..., Any]


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Run it in a folder with scorers and two hours of captures, without the developer's settings.

    Input costs nothing, so that prices can be added up by hand: 150 tokens a verdict, 10 USD a
    million.
    """
    monkeypatch.chdir(tmp_path)
    for name in ("BEDROCK_MODEL_ID", "JUDGE_BUDGET_USD_PER_DAY", "JUDGE_BUDGET_USD_PER_RUN"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("JUDGE_PRICES", "*sonnet-4*=0/10")
    (tmp_path / "s.yaml").write_text(SCORERS)
    (tmp_path / "captures").mkdir()
    for hour in (9, 10):
        when = f"2026-03-02T{hour:02}:00:00Z"
        answers = [{"generated_text": "fine"}] * 9 + [{"error": "boom", "code": 424}]
        lines = [
            capture({"inputs": "hi"}, answer, eventId=f"e-{hour}-{n}", inferenceTime=when)
            for n, answer in enumerate(answers)
        ]
        (tmp_path / f"captures/{hour}.jsonl").write_text("\n".join(map(json.dumps, lines)) + "\n")

    def run(*words: str, columns: int = 160) -> Any:
        words = ("estimate", *words, "--scorers-file", "s.yaml")
        return CliRunner().invoke(app, words, env={"COLUMNS": str(columns)})

    return run


def document(run: Run, *words: str) -> Any:
    """What it prints as JSON."""
    result = run(*words, "--json")
    assert result.exit_code == 0, result.stderr
    return json.loads(result.stdout)


def test_captures_are_priced_once_and_as_traffic(run: Run) -> None:
    """20 inferences in two hours are 240 a day; 18 of them can be judged, at 1.5 calls each."""
    told = document(run, "captures")
    assert (told["counted"]["inferences"], told["counted"]["failed"]) == (20, 2)
    assert told["counted"]["records_per_day"] == told["records_per_day"] == 240
    once = told["once"]["judge"]["each"]
    safety, fluency = once["scorers"]
    assert (safety["records"], safety["usd"]) == (18, pytest.approx(18 * 0.0015))
    assert fluency["records"] == once["calls"] - 18 <= 18
    day = told["per_day"]["judge"]
    assert day["each"]["calls"] == pytest.approx(216 * 1.5)
    assert day["panel"]["calls"] == pytest.approx(216)
    assert day["as_configured"] == day["each"]
    assert day["in_batch_usd"] == pytest.approx(day["each"]["usd"] / 2)


def test_the_total_is_the_sum_of_its_lines(run: Run) -> None:
    """The judge, every service, and what a deployment costs anyway; in 30 days 30 times as much."""
    told = document(run, "captures", "--mlflow-usd-per-hour", "0.5")
    day = told["per_day"]
    services = {line["service"]: line["usd"] for line in day["services"]}
    assert services["MLflow server"] == 12
    assert set(services) >= {
        "Lambda", "Step Functions", "S3", "DynamoDB", "EventBridge", "CloudWatch logs", "X-Ray",
        "MLflow storage", "CloudWatch",
    }  # fmt: skip
    judge = day["judge"]["as_configured"]["usd"]
    assert day["usd"] == pytest.approx(judge + sum(services.values()))
    assert told["usd_for_days"] == pytest.approx(30 * day["usd"])
    assert "CloudWatch" not in {line["service"] for line in told["once"]["services"]}


def test_a_rate_is_priced_without_captures(run: Run) -> None:
    """1,000 records a day: 1,000 calls for one scorer, half as many for the other."""
    told = document(run, *RATE, "--judging", "panel", "--days", "7")
    day = told["per_day"]
    assert day["judge"]["as_configured"]["calls"] == pytest.approx(1000)
    assert day["judge"]["each"]["calls"] == pytest.approx(1500)
    assert day["judge"]["each"]["usd"] == pytest.approx(1500 * 0.0015)
    assert told["usd_for_days"] == pytest.approx(7 * day["usd"])
    assert (told["once"], told["counted"]) == (None, None)
    # 1,000 tokens are shown to the judge, besides its instructions.
    assert day["judge"]["each"]["input_tokens"] > 1000 * 1000


def test_a_rate_replaces_that_of_the_captures(run: Run) -> None:
    """Their mix stays: a tenth fails, ten records in a file, unless that is said, too."""
    told = document(run, "captures", "--records-per-day", "1000")
    assert told["per_day"]["judge"]["panel"]["calls"] == pytest.approx(900)
    assert (told["per_day"]["work"]["files"], told["records_per_file"]) == (100, 10)
    assert "10 records in a capture file: as in the captures." in " ".join(told["notes"])
    told = document(run, "captures", "--records-per-day", "1000", "--records-per-file", "500")
    assert (told["per_day"]["work"]["files"], told["records_per_file"]) == (2, 500)
    assert "--records-per-file" not in " ".join(told["notes"])


def test_a_million_records_in_small_files_cost_their_executions(run: Run) -> None:
    """100,000 files of ten: five transitions each, 12.50 USD; in long files a sixth of that."""
    million = ("--records-per-day", "1000000", "--input-tokens", "800", "--output-tokens", "200")
    paid = {}
    for per_file in ("10", "1000"):
        day = document(run, *million, "--records-per-file", per_file)["per_day"]
        assert day["work"]["files"] == 1_000_000 / float(per_file)
        (paid[per_file],) = (s["usd"] for s in day["services"] if s["service"] == "Step Functions")
    assert paid["10"] == pytest.approx(12.5)
    assert paid["1000"] == pytest.approx((1000 * 3 + 40_000 * 2) * 25 / 1_000_000)


def test_a_budget_is_counted_in_dynamodb(run: Run, tmp_path: Path) -> None:
    """As `.env` has it, and by default: two writes a call and cap."""
    with_cap = document(run, *RATE)
    (tmp_path / ".env").write_text("JUDGE_BUDGET_USD_PER_DAY=none\n")
    without = document(run, *RATE)
    dynamodb = [
        next(line["used"] for line in told["per_day"]["services"] if line["service"] == "DynamoDB")
        for told in (with_cap, without)
    ]
    assert dynamodb == ["4,000 writes", "1,000 writes"]


def test_a_word_that_is_no_cap_is_told(run: Run, tmp_path: Path) -> None:
    """In one line, as at the synthesis."""
    (tmp_path / ".env").write_text("JUDGE_BUDGET_USD_PER_DAY=unlimited\n")
    result = run(*RATE)
    assert result.exit_code == 2
    assert (
        "JUDGE_BUDGET_USD_PER_DAY: 'unlimited' is neither an amount of USD above 0 nor `none` for"
        " no cap; see .env.example"
    ) in " ".join(result.stderr.split())


def test_a_cap_that_judges_only_a_part_is_told(run: Run, tmp_path: Path) -> None:
    """The price of judging everything is not what a capped day costs."""
    told = "JUDGE_BUDGET_USD_PER_DAY=10 lets "
    assert told not in run(*RATE, "--records-per-day", "10").stdout.replace("\n", " ")
    assert told in run(*RATE, "--records-per-day", "100000").stdout.replace("\n", " ")
    (tmp_path / ".env").write_text("JUDGE_BUDGET_USD_PER_DAY=none\n")
    assert told not in run(*RATE, "--records-per-day", "100000").stdout.replace("\n", " ")


def test_the_tables_end_with_one_line(run: Run) -> None:
    """What was counted, both ways beside each other, where to check, and the total."""
    result = run("captures")
    lines = result.stdout.splitlines()
    assert lines[0].startswith(
        "20 inferences (18 generated_text, 2 lmi_error) in 2 files, 2 hours: 240 a day; 10% failed"
    )
    assert "each" in result.stdout
    assert "in batch" in result.stdout
    assert "calculator.aws" in result.stdout
    assert "--mlflow-usd-per-hour adds it" in result.stdout
    assert lines[-1].startswith("total: these captures once $")
    assert lines[-1].endswith("in 30 days")


def test_no_digit_is_lost_in_a_narrow_terminal(run: Run, tmp_path: Path) -> None:
    """Of two judges, the names are below their scorers, and leave room for the numbers."""
    other = "bedrock:/global.anthropic.claude-opus-5-5"
    text = f"scorers:\n- {{name: a, type: safety}}\n- {{name: b, type: safety, model: {other!r}}}\n"
    (tmp_path / "s.yaml").write_text(text)
    shown = run(*RATE, columns=80).stdout
    table = shown.partition("A day with 1,000 inferences\n")[0]
    assert "…" not in table
    assert table.count(" 1,000 │") == 2
    assert table.count(" 150,000 │") == 2
    assert "300,000 │" in table


def test_a_dead_judge_is_not_priced(run: Run) -> None:
    """What cannot be asked has no price: the line says since when, and what to use instead."""
    dead = "bedrock:/us.anthropic.claude-3-7-sonnet-20250219-v1:0"
    result = run(*RATE, "--model", dead)
    assert result.exit_code == 1
    (told,) = result.stderr.splitlines()
    assert told.startswith(f"--model: {dead} reached its end of life on 2026-04-28")
    assert result.stdout == ""


def test_a_model_without_a_price_is_never_free(run: Run) -> None:
    """It is named, with what to set, and the sums say that they are not all."""
    result = run(*RATE, "--model", "bedrock:/my.model-1")
    text = " ".join(result.stdout.split())
    assert "The price of my.model-1 is not known" in text
    assert "JUDGE_PRICES=my.model-1=3/15" in text
    assert "$0.00 + ?" in text
    assert text.endswith("and what is not priced")
    assert document(run, *RATE, "--model", "bedrock:/my.model-1")["unpriced_models"] == [
        "my.model-1"
    ]


@pytest.mark.parametrize(
    ("words", "told"),
    [
        ((), "give captures, or a rate"),
        (RATE[:2], "give captures, or a rate"),
        (("captures", *RATE), "give captures, or a rate"),
        (("nowhere",), "cannot read nowhere"),
        (("captures", "--aws-prices", "s.yaml"), "`as_of` is missing"),
    ],
)
def test_what_cannot_be_priced_is_told(run: Run, words: tuple[str, ...], told: str) -> None:
    """Status 2, and what to do."""
    result = run(*words)
    assert result.exit_code == 2
    assert told in result.stderr


def test_captures_without_an_inference_have_no_price(run: Run, tmp_path: Path) -> None:
    """Rather than nothing at all."""
    (tmp_path / "captures/9.jsonl").write_text("{}\n")
    result = run("captures/9.jsonl")
    assert (result.exit_code, "no inference is in the 1 files" in result.stderr) == (2, True)
