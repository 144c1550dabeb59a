"""The verbs of the `inference-monitor` command."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from inference_monitor import __version__
from inference_monitor_cli.agreement.command import agreement
from inference_monitor_cli.backfill.command import backfill
from inference_monitor_cli.compare.command import compare
from inference_monitor_cli.compare.gate import gate
from inference_monitor_cli.doctor.command import doctor
from inference_monitor_cli.estimate.command import estimate
from inference_monitor_cli.init.command import init
from inference_monitor_cli.inspect import inspect
from inference_monitor_cli.load.command import load
from inference_monitor_cli.models.command import models
from inference_monitor_cli.reconcile.command import reconcile
from inference_monitor_cli.replay.command import replay
from inference_monitor_cli.scorers.command import scorers_app
from inference_monitor_cli.terminal import any_output


class _App(typer.Typer):
    """The command as a program."""

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Run it, whatever its output goes to."""
        with any_output():
            return super().__call__(*args, **kwargs)


app = _App(
    no_args_is_help=True,
    # Paragraphs are wrapped to the terminal; without it each line of a docstring is one.
    rich_markup_mode="markdown",
    # Locals in a traceback would print what people typed into the model.
    pretty_exceptions_show_locals=False,
)
for verb in (
    init,
    doctor,
    inspect,
    replay,
    backfill,
    reconcile,
    agreement,
    compare,
    gate,
    estimate,
    models,
    load,
):
    app.command()(verb)
app.add_typer(scorers_app, name="scorers")


def _print_version(*, wanted: bool) -> None:
    if wanted:
        typer.echo(f"inference-monitor {__version__}")
        raise typer.Exit


@app.callback()
def main(
    *,
    version: Annotated[
        bool,
        typer.Option(
            "--version", callback=_print_version, is_eager=True, help="Print the version and exit."
        ),
    ] = False,
) -> None:
    """Monitor LLMs on SageMaker endpoints: every captured inference, scored in MLflow."""
