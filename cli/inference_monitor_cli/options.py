"""The options that several commands have alike."""

from __future__ import annotations

from typing import Annotated

import typer

Prefix = Annotated[
    str, typer.Option("--prefix", envvar="STACK_PREFIX", help="The stack's STACK_PREFIX.")
]
DeploymentPrefix = Annotated[
    str | None, typer.Option("--prefix", envvar="STACK_PREFIX", help="The stack's STACK_PREFIX.")
]
"""The same where something else than a deployment can be named."""
FirstHour = Annotated[
    str | None,
    typer.Option("--from", help="Capture files from this day, 2026-03-02, or hour, …T09 (UTC)"),
]
LastHour = Annotated[
    str | None, typer.Option("--to", help="to this day or hour, which is part of it.")
]
TrackingUri = Annotated[
    str | None, typer.Option(help="MLflow; by default the deployed function's.")
]
ExperimentName = Annotated[
    str | None, typer.Option(help="The experiment; by default the deployed function's.")
]
