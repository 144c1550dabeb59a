"""Ask a person which one, where there are several, and say which option tells it in a script."""

from __future__ import annotations

from collections.abc import Mapping

import typer

from inference_monitor_cli.problems import CommandError
from inference_monitor_cli.terminal import printable


def choose(what: str, options: Mapping[str, str], *, option: str, yes: bool) -> str:
    """One of several names; the only one, if there is one.

    Args:
        what: What they are, as in "endpoint".
        options: The names, each with a line about it; not empty.
        option: The command's option that names one, as in "--endpoint".
        yes: Whether nobody may be asked.

    Raises:
        CommandError: If nobody answers, or may be asked.
    """
    names = list(options)
    if len(names) == 1:
        return names[0]
    if yes:
        raise CommandError(f"there is more than one {what}: add {option} with one of {_or(names)}")
    typer.echo(f"This account has more than one {what}:", err=True)
    for number, (name, line) in enumerate(options.items(), 1):
        typer.echo(f"  {number}  {printable(name)}\n     {printable(line)}", err=True)
    while True:
        answer = _answer(f"Which {what}? Its number or name", option)
        if answer in options:
            return answer
        if answer.isdigit() and 1 <= int(answer) <= len(names):
            return names[int(answer) - 1]
        typer.echo(f"{printable(answer)!r} is none of them", err=True)


def ask_for_text(question: str, *, option: str) -> str:
    """What somebody types.

    Raises:
        CommandError: If nobody does.
    """
    return _answer(question, option)


def agree(question: str, *, option: str) -> bool:
    """Whether somebody agrees.

    Raises:
        CommandError: If nobody answers.
    """
    try:
        return typer.confirm(question, err=True)
    except typer.Abort:
        raise CommandError(f"nobody answered: run it again with {option}") from None


def _answer(question: str, option: str) -> str:
    try:
        return str(typer.prompt(question, err=True)).strip()
    except typer.Abort:
        raise CommandError(f"nobody answered: run it again with {option}") from None


def _or(names: list[str]) -> str:
    return ", ".join(map(printable, names))
