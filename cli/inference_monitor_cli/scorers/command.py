"""`inference-monitor scorers`: check what is configured, and try it on records before a deploy."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console

from inference_monitor_cli.captures import CaptureFile
from inference_monitor_cli.deploy_settings import DeploySettings
from inference_monitor_cli.problems import FAILED, CommandError, needs_mlflow, told_plainly
from inference_monitor_cli.project_files import find_scorers
from inference_monitor_cli.scorers.table import scorers_table
from inference_monitor_cli.scorers_file import (
    JudgingOption,
    Model,
    ScorersFile,
    check_judges_or_exit,
    judge_model,
    judged,
    load_or_exit,
    only,
    price_table,
)
from inference_monitor_cli.terminal import dollars, printable, things

if TYPE_CHECKING:
    from inference_monitor_cli.scorers.trial import Trial

ASKS_ABOVE_USD = 0.10

scorers_app = typer.Typer(
    no_args_is_help=True,
    help="Check the scorers, and try them before they are deployed.",
    rich_markup_mode="markdown",
)


@scorers_app.command()
def check(
    file: Annotated[
        Path | None,
        typer.Argument(help="The scorers; by default the project's.", show_default=False),
    ] = None,
    *,
    live: Annotated[
        bool, typer.Option("--live", help="Also ask each judge once, for a fraction of a cent.")
    ] = False,
    as_json: Annotated[
        bool, typer.Option("--json", help="Ask as --live does, and print one JSON document.")
    ] = False,
) -> None:
    """Say what is wrong with the scorers, as the synthesis does, or what is configured.

    With --live each judge is asked a small question with the parameters that it will be sent: who
    answers, in which way, what it does not take, seconds and price. Exits with 1 when something is
    wrong, or a judge gives no verdict.
    """
    with told_plainly("scorers check"):
        config = load_or_exit(file or find_scorers())
        settings = DeploySettings.load()
        prices = price_table(settings.judge_prices)
        check_judges_or_exit(config, settings, prices)
        if not as_json:
            Console().print(scorers_table(config, settings.bedrock_model_id))
        if not (live or as_json):
            return
        with needs_mlflow("scorers check --live needs MLflow's judges"):
            from inference_monitor.scoring.judge.client import bedrock_client  # noqa: PLC0415
            from inference_monitor_cli.live_check import check_live, live_table  # noqa: PLC0415
        client = bedrock_client(1, read_timeout=settings.judge_timeout_seconds)
        checked = list(check_live(config, settings.bedrock_model_id, client, prices))
        if as_json:
            document = {"judges": [one.document() for one in checked]}
            sys.stdout.write(json.dumps(document) + "\n")
        else:
            Console().print(live_table(checked))
        failed = [one.probed for one in checked if one.probed.problem]
        for probed in failed:
            typer.secho(printable(f"{probed.model}: {probed.problem}"), fg="red", err=True)
    raise typer.Exit(FAILED if failed else 0)


@scorers_app.command("try")
def try_(  # noqa: PLR0913  # each is an option of the command
    file: Annotated[str, typer.Argument(help="A capture file, or s3://bucket/key of one.")],
    *,
    records: Annotated[
        int, typer.Option(min=1, help="So many records, the first that an LLM answered.")
    ] = 3,
    line: Annotated[list[int] | None, typer.Option(help="This line; can be repeated.")] = None,
    scorers_file: ScorersFile = None,
    scorer: Annotated[
        list[str] | None, typer.Option(help="Only this scorer; can be repeated.")
    ] = None,
    judging: JudgingOption = None,
    model: Model = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document.")] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask, whatever it costs.")] = False,
) -> None:
    """Score a few records now and show verdicts, rationales, tokens and price. Writes nothing.

    Sample rates and the rules under `always` do not count here; everything else is as deployed,
    redaction included. Exits with 1 when a scorer gave an error.
    """
    with told_plainly("scorers try"):
        settings = DeploySettings.load()
        if model:
            settings = settings.model_copy(update={"bedrock_model_id": judge_model(model)})
        scorers_file = scorers_file or find_scorers()
        config = only(load_or_exit(scorers_file), scorer or [])
        with needs_mlflow("scorers try needs MLflow's judges"):
            from inference_monitor.scoring.judge.client import bedrock_client  # noqa: PLC0415
            from inference_monitor_cli.scorers import trial_output  # noqa: PLC0415
            from inference_monitor_cli.scorers.trial import Trial  # noqa: PLC0415
        config = judged(config, judging) if judging else config
        prices = price_table(settings.judge_prices)
        check_judges_or_exit(config, settings, prices, model)
        trial = Trial(config, settings, prices, scorers_file.parent)
        captures = CaptureFile(file)
        trial.choose(captures.entries(), captures.source, records, line or [])
        _agree_to_the_price(trial, yes=yes)
        tried = trial.run(bedrock_client)
        if as_json:
            sys.stdout.write(json.dumps(trial_output.document(tried)) + "\n")
        else:
            trial_output.show(Console(), tried)
    raise typer.Exit(FAILED if any(one.failed for one in tried) else 0)


def _agree_to_the_price(trial: Trial, *, yes: bool) -> None:
    """Say what it will cost, and ask when that is much or not known."""
    cost = trial.forecast
    about = f"about {things(cost.calls, 'judge call')}, {dollars(cost.usd)}"
    if cost.unpriced:
        about += f"; the price of {', '.join(cost.unpriced)} is not known (see JUDGE_PRICES)"
    if unknown := trial.of_unknown_price:
        about += f"; and whatever {', '.join(unknown)} asks"
    typer.echo(f"estimated: {printable(about)}", err=True)
    if yes or not (cost.usd > ASKS_ABOVE_USD or cost.unpriced or unknown):
        return
    if not sys.stdin.isatty():
        raise CommandError("nobody is there to be asked: run it again with --yes")
    typer.confirm("judge these records?", abort=True, err=True)
