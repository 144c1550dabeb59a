"""The page of the `inference-monitor` command: every verb, as its `--help` has it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import typer
from typer.core import TyperArgument, TyperGroup, TyperOption

from docs.generator.markdown import code, page, table
from inference_monitor_cli.main import app

PROGRAM = "inference-monitor"


def commands_page() -> str:
    """Every verb with its arguments and options."""
    return page(
        "The command",
        "`cli/inference_monitor_cli`",
        "`inference-monitor VERB --help` prints the same. Verbs that call AWS use your "
        "credentials and Region (`AWS_PROFILE`, `AWS_DEFAULT_REGION`). "
        "[Exit statuses](exit-statuses.md) has the status of each.",
        *(section for name, verb in verbs() for section in _sections(name, verb)),
    )


def verbs(program: Any = None, name: str = "") -> Iterator[tuple[str, Any]]:
    """Every verb with its command, by what is typed for it, in the order of the help."""
    program = program or typer.main.get_command(app)
    if not isinstance(program, TyperGroup):
        yield name, program
        return
    for part, verb in program.commands.items():
        if not verb.hidden:
            yield from verbs(verb, f"{name} {part}".strip())


def _sections(name: str, verb: Any) -> Iterator[str]:
    context = typer.Context(verb, info_name=name)
    shown = [one for one in verb.get_params(context) if not one.hidden]
    arguments = [one for one in shown if isinstance(one, TyperArgument)]
    options = [one for one in shown if isinstance(one, TyperOption) and one.name != "help"]
    yield f"## {name}"
    yield f"```\n{PROGRAM} {name} {' '.join(verb.collect_usage_pieces(context))}\n```"
    yield verb.help or ""
    if arguments:
        rows = [(code(str(one.name).upper()), one.help or "") for one in arguments]
        yield table(("argument", "meaning"), rows)
    if options:
        rows = [(_names(one, context), _help(one) + _default(one)) for one in options]
        yield table(("option", "meaning"), rows)


def _names(option: TyperOption, context: typer.Context) -> str:
    names = ", ".join(code(name) for name in (*option.opts, *option.secondary_opts))
    return names if option.is_flag else f"{names} {code(option.display_type(context))}"


def _help(option: TyperOption) -> str:
    text = option.help or ""
    return f"{text} Environment: {code(option.envvar)}." if option.envvar else text


def _default(option: TyperOption) -> str:
    value = option.default
    if option.is_flag or not isinstance(value, str | int | float):
        return ""
    return f" Default: {code(value)}."
