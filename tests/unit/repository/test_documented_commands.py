"""Every command of the README, the quickstart and the documentation is one that exists."""

from __future__ import annotations

import functools
import re
import subprocess
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
import typer
import yaml
from awscli.clidriver import CLIOperationCaller, create_clidriver
from awscli.customizations.s3.subcommands import S3Command
from botocore import xform_name
from botocore.validate import ParamValidator

from docs.generator.commands import verbs
from inference_monitor.env_file import check_names
from stacks.settings import DeploySettings
from tests.unit.repository.documented import PAGES, ROOT, Typed, blocks, typed_on

TYPED = [command for page in PAGES for command in typed_on(page)]
OTHER_PROGRAMS = {"cp", "docker", "git", "mkdir", "node", "pip", "source", "unset", ""}
"""Programs of the shell and of others, which need no check; `` only sets variables."""
OF_VERSION_2 = ["sso login"]
"""The AWS CLI that can be installed from PyPI is version 1, which does not have these."""
NOT_SETTINGS = re.compile(r"(AWS|CDK)_[A-Z_]+|BUCKET|KEY|RELIABILITY_FILES")
MAKEFILES = [ROOT / "Makefile", *ROOT.glob("*/**/*.mk")]


def _of(program: str) -> list[Typed]:
    return [
        one for one in TYPED if one.words and one.words[0].removeprefix(".venv/bin/") == program
    ]


def _names(command: Typed) -> str:
    return str(command)


def test_every_program_is_checked() -> None:
    """A program is parsed below, or is one that this test knows."""
    programs = {c.words[0].removeprefix(".venv/bin/") if c.words else "" for c in TYPED}
    checked = {"aws", "export", "inference-monitor", "make", "npx", "python"}
    assert programs - checked <= OTHER_PROGRAMS
    assert {"aws", "inference-monitor", "make", "npx"} <= programs


@pytest.mark.parametrize("command", _of("inference-monitor"), ids=_names)
def test_a_verb_takes_what_is_typed(command: Typed, monkeypatch: pytest.MonkeyPatch) -> None:
    """The verb exists, and takes these arguments and options; nothing is run."""
    monkeypatch.chdir(ROOT)
    monkeypatch.setenv("STACK_PREFIX", "dev")  # see test_pages_name_the_deployment
    rest = list(command.words[1:])
    if rest[0] in ("VERB", "--version"):
        return
    found = dict(verbs())
    name = " ".join(rest[:2]) if " ".join(rest[:2]) in found else rest[0]
    assert name in found
    arguments: list[str] = []
    for word in rest[len(name.split()) :]:
        paths = [str(path.relative_to(ROOT)) for path in ROOT.glob(word)] if "*" in word else [word]
        assert paths, f"{word} matches no file"
        arguments += paths
    with suppress(typer.Exit):  # after --help
        found[name].make_context(name, arguments)


@functools.cache
def _targets() -> set[str]:
    texts = [path.read_text() for path in MAKEFILES if "node_modules" not in path.parts]
    return {name for text in texts for name in re.findall(r"^([a-z-]+):", text, re.MULTILINE)}


@pytest.mark.parametrize("command", _of("make"), ids=_names)
def test_a_target_exists(command: Typed) -> None:
    """The target is one of the Makefile, and so is each variable that is set with it."""
    makefiles = "".join(path.read_text() for path in MAKEFILES)
    programs = "".join(
        path.read_text()
        for folder in ("local", "benchmarks")
        for path in (ROOT / folder).rglob("*.py")
    )
    for word in command.words[1:]:
        name, is_variable, _ = word.partition("=")
        if is_variable:
            known = name.lower() in DeploySettings.model_fields
            assert known or name in makefiles or f'"{name}"' in programs
        else:
            assert word in _targets()


@functools.cache
def _help_of_cdk(verb: str) -> str:
    done = subprocess.run(
        [ROOT / "node_modules/.bin/cdk", verb, "--help"],
        capture_output=True,
        text=True,
        check=True,
        timeout=120,
    )
    return done.stdout


@pytest.mark.parametrize("command", _of("npx"), ids=_names)
def test_the_cdk_takes_what_is_typed(command: Typed) -> None:
    """The verb is one of the pinned CDK CLI, whose help has each option."""
    program, verb, *rest = command.words[1:]
    assert program == "cdk"
    told = _help_of_cdk(verb)
    assert told.startswith(f"cdk {verb}")
    for word in rest:
        assert not word.startswith("--") or word.partition("=")[0] in told


def _kinds(kind: Any) -> Iterator[Any]:
    """A class and its subclasses, in any depth."""
    yield kind
    for below in kind.__subclasses__():
        yield from _kinds(below)


@pytest.mark.parametrize("command", _of("aws"), ids=_names)
def test_the_aws_cli_takes_what_is_typed(
    command: Typed, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """The AWS CLI knows service, operation and options, and botocore's model their values."""
    asked: list[Any] = []

    def instead(_: Any, service: str, operation: str, parameters: Any, __: Any) -> int:
        model = create_clidriver().session.get_service_model(service)
        problems = ParamValidator().validate(
            parameters, model.operation_model(operation).input_shape
        )
        assert not problems.has_errors(), problems.generate_report()
        asked.append(operation)
        return 0

    def ran(*_: Any, **__: Any) -> int:
        asked.append("s3")
        return 0

    monkeypatch.setattr(CLIOperationCaller, "invoke", instead)
    for kind in _kinds(S3Command):
        monkeypatch.setattr(kind, "_run_main", ran)
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "any")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    monkeypatch.chdir(tmp_path)
    (tmp_path / "notifications.json").write_text("{}")
    arguments = list(command.words[1:])
    if " ".join(arguments) in OF_VERSION_2:
        return
    if len(arguments) == 2 and arguments[0] != "s3":  # named in a sentence, without its options
        operations = create_clidriver().session.get_service_model(arguments[0]).operation_names
        assert arguments[1] in {xform_name(operation, "-") for operation in operations}
        return
    if "--cli-binary-format" in arguments:
        drop = arguments.index("--cli-binary-format")
        arguments[drop : drop + 2] = []
    assert create_clidriver().main(arguments) == 0
    assert asked


NEED_A_DEPLOYMENT = {"backfill", "reconcile", "replay"}


@pytest.mark.parametrize("page", PAGES, ids=lambda path: path.name)
def test_pages_name_the_deployment(page: Path) -> None:
    """A page with commands that need STACK_PREFIX says so, or they have `--prefix`."""
    typed = [c for c in typed_on(page) if len(c.words) > 2 and c.words[1] in NEED_A_DEPLOYMENT]
    named = "STACK_PREFIX" in page.read_text() or all("--prefix" in c.words for c in typed)
    assert named or not typed


def test_variables_are_settings() -> None:
    """What is exported, or set for one command, is a setting or a variable of AWS's tools."""
    known = [name.upper() for name in DeploySettings.model_fields]
    for command in TYPED:
        exported = command.words[1:] if command.words[:1] == ("export",) else ()
        for assignment in (*command.environment, *exported):
            name = assignment.partition("=")[0]
            assert name in known or NOT_SETTINGS.fullmatch(name), f"{command}: {name}"


@pytest.mark.parametrize("page", PAGES, ids=lambda path: path.name)
def test_settings_and_yaml_can_be_used(page: Path, tmp_path: Path) -> None:
    """What is shown for `.env` are settings, and what is shown as YAML can be read."""
    for block in blocks(page, "ini"):
        (tmp_path / ".env").write_text(block)
        names = [name.upper() for name in DeploySettings.model_fields]
        assert check_names(names, {}, tmp_path / ".env") == []
        assert {line.partition("=")[0] for line in block.split()} <= set(names)
    for block in blocks(page, "yaml"):
        assert yaml.safe_load(block)
