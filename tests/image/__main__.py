"""`python -m tests.image build` and `python -m tests.image audit`; `make image`, `make audit`."""

from __future__ import annotations

import sys
from typing import NoReturn

import typer

from tests.image.audit import NotAuditedError, audit
from tests.image.engine import EngineError, whatever_is_missing
from tests.image.function_image import TAG, build_image, init_seconds
from tests.image.sbom import SBOM, write_sbom

NOT_DONE = 2

app = typer.Typer(add_completion=False)


@app.command("build")
def build_command() -> None:
    """Build the function's image and its bill of materials, and print size and init time."""
    if missing := whatever_is_missing():
        _stop(f"no image is built: {missing}", NOT_DONE)
    try:
        typer.echo(build_image())
        document = write_sbom(TAG)
        cold, warm = init_seconds(cold=True), init_seconds(cold=False)
    except EngineError as error:
        _stop(str(error), 1)
    typer.echo(f"init   {cold:.1f} s with cold files, {warm:.1f} s with warm ones")
    typer.echo(f"sbom   {SBOM}, {len(document['components'])} components")


@app.command("audit")
def audit_command() -> None:
    """Say which locked packages have known vulnerabilities."""
    try:
        found = audit()
    except NotAuditedError as error:
        _stop(f"NOT AUDITED: {error}", NOT_DONE)
    if found:
        _stop("\n".join(map(str, found)), 1)
    typer.echo("no known vulnerabilities that are not explained")


def _stop(message: str, status: int) -> NoReturn:
    typer.echo(message, err=True)
    sys.exit(status)


if __name__ == "__main__":
    app()
