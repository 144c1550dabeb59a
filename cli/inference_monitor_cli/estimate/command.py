"""`inference-monitor estimate`: what tracing and judging will cost, before it does."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from inference_monitor_cli.captures import find_files
from inference_monitor_cli.deploy_settings import DeploySettings
from inference_monitor_cli.estimate.aws_prices import PRICES_FILE, AwsPrices
from inference_monitor_cli.estimate.traffic import Traffic
from inference_monitor_cli.problems import CommandError, needs_mlflow, told_plainly
from inference_monitor_cli.project_files import find_scorers
from inference_monitor_cli.scorers_file import (
    JudgingOption,
    Model,
    ScorersFile,
    check_judges_or_exit,
    judge_model,
    judged,
    load_or_exit,
    price_table,
)

_WHAT_TO_GIVE = (
    "give captures, or a rate: --records-per-day 10000 --input-tokens 800 --output-tokens 200"
)


def estimate(  # noqa: PLR0913  # each is an option of the command
    captures: Annotated[
        list[str] | None,
        typer.Argument(help="Capture files, folders, s3://bucket/key or s3://bucket/prefix."),
    ] = None,
    *,
    records_per_day: Annotated[
        float | None, typer.Option(min=1, help="Inferences a day; by default as in the captures.")
    ] = None,
    records_per_file: Annotated[
        float | None,
        typer.Option(
            min=1, help="Inferences in a capture file; each file is an execution. As in captures."
        ),
    ] = None,
    input_tokens: Annotated[
        int | None, typer.Option(min=1, help="Of a conversation, where there are no captures.")
    ] = None,
    output_tokens: Annotated[
        int | None, typer.Option(min=1, help="Of an answer, where there are no captures.")
    ] = None,
    scorers_file: ScorersFile = None,
    model: Model = None,
    judging: JudgingOption = None,
    days: Annotated[float, typer.Option(min=1, help="The days of the forecast's total.")] = 30,
    mlflow_usd_per_hour: Annotated[
        float | None, typer.Option(min=0, help="What your MLflow App or tracking server costs.")
    ] = None,
    aws_prices: Annotated[
        Path, typer.Option(help="A file with prices of AWS services.", show_default=False)
    ] = PRICES_FILE,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document.")] = False,
) -> None:
    """Estimate what captures cost to judge now, and what traffic costs in a day and a month.

    Every judge call is planned as the function does it, with sample rates and rules. The services
    of AWS are priced by list prices of one Region. Nothing is asked of a judge.
    """
    with told_plainly("estimate"):
        settings = DeploySettings.load()
        if model:
            settings = settings.model_copy(update={"bedrock_model_id": judge_model(model)})
        config = load_or_exit(scorers_file or find_scorers())
        prices = price_table(settings.judge_prices)
        check_judges_or_exit(config, settings, prices, model)
        with needs_mlflow("estimate needs MLflow's judges"):
            from inference_monitor_cli.estimate import bill, output  # noqa: PLC0415
        parts = bill.Parts(
            judged(config, judging) if judging else config,
            settings,
            prices,
            AwsPrices.load(aws_prices),
            mlflow_usd_per_hour,
        )
        rate = bill.Rate(records_per_day, records_per_file)
        if captures and not (input_tokens or output_tokens):
            with _progress() as show:
                files = find_files(captures)
                result = bill.of_captures(files, parts, rate, days, show)
        elif records_per_day and input_tokens and output_tokens and not captures:
            result = bill.of_rate(rate, input_tokens, output_tokens, parts, days)
        else:
            raise CommandError(_WHAT_TO_GIVE)
        if as_json:
            sys.stdout.write(json.dumps(output.document(result)) + "\n")
        else:
            output.show(Console(), result)


@contextmanager
def _progress() -> Iterator[Callable[[Traffic], None]]:
    console = Console(stderr=True)
    columns = (SpinnerColumn(), TextColumn("{task.description}"), TimeElapsedColumn())
    with Progress(
        *columns, console=console, transient=True, disable=not console.is_terminal
    ) as progress:
        task = progress.add_task("reading", total=None)

        def show(traffic: Traffic) -> None:
            text = f"{traffic.files} files, {traffic.records} inferences"
            progress.update(task, description=text)

        yield show
