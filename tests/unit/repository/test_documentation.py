"""The documentation: its links, and the pages that are generated from the code."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

from docs.generator.commands import commands_page, verbs
from docs.generator.config_files import scorers_page
from docs.generator.exit_statuses import MEANING_OF_1
from docs.generator.links import for_site
from docs.generator.messages import AREAS, HOLE, Message, messages, messages_of, messages_page
from docs.generator.observability import MEANINGS
from docs.generator.settings import settings_page
from inference_monitor.config.schema import scorers_schema
from inference_monitor.ledger import Summary
from stacks.settings import DeploySettings
from tests.unit.repository.documented import ROOT, blocks

MARKDOWN = [
    *sorted(ROOT.glob("*.md")),
    *sorted((ROOT / "docs").rglob("*.md")),
    ROOT / "local/README.md",
]
LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")
TROUBLESHOOTING = ROOT / "docs/troubleshooting.md"
LEAST_LETTERS = 10
"""Fewer letters of a message that are not filled in would fit nearly any text."""
MESSAGES = [message for folder in AREAS.values() for message in messages(folder)]


def _anchors(path: Path) -> set[str]:
    """The anchors of a page's headings, as GitHub makes them."""
    text = re.sub(r"^```.*?^```$", "", path.read_text(), flags=re.MULTILINE | re.DOTALL)
    headings = re.findall(r"^#+ (.+)$", text, re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("page", MARKDOWN, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_links_lead_somewhere(page: Path) -> None:
    """Each link to a file of the repository finds it, and its heading if it names one.

    The pages of the reference are generated; the build of the site checks links to them.
    """
    for target in LINK.findall(page.read_text()):
        file, _, anchor = target.partition("#")
        if "://" in file or "/reference/" in f"/{file}":
            continue
        found = (page.parent / file).resolve() if file else page
        if ROOT not in found.parents:
            continue  # a page of GitHub beside the repository's files
        assert found.exists(), target
        assert not anchor or anchor in _anchors(found), target


def test_readme_begins_with_one_screen() -> None:
    """Before the first heading: a few lines, one picture, two commands."""
    beginning = (ROOT / "README.md").read_text().split("\n## ")[0]
    assert len(beginning.splitlines()) < 25
    assert beginning.count("![") == 1
    (block,) = re.findall(r"^```\n(.*?)^```$", beginning, re.MULTILINE | re.DOTALL)
    assert len(block.splitlines()) == 2


def test_every_setting_is_in_the_reference() -> None:
    """Each deploy setting has a row, with a description."""
    rows = dict(re.findall(r"^\| `([A-Z0-9_]+)` \| ([^|]+)", settings_page(), re.MULTILINE))
    assert set(rows) == {name.upper() for name in DeploySettings.model_fields}
    assert all(text.strip() for text in rows.values())


def test_every_verb_and_option_is_in_the_reference() -> None:
    """Each verb has a heading, and each option that is not hidden a row."""
    page = commands_page()
    sections = {part.partition("\n")[0]: part for part in page.split("\n## ")[1:]}
    found = dict(verbs())
    assert set(sections) == set(found)
    for name, verb in found.items():
        for parameter in verb.params:
            if parameter.param_type_name == "option" and not parameter.hidden:
                assert f"`{parameter.opts[0]}`" in sections[name]


def test_exit_statuses_are_of_verbs() -> None:
    """No verb of the table has been renamed or removed."""
    assert set(MEANING_OF_1) <= set(dict(verbs()))


def test_every_key_of_scorers_is_in_the_reference() -> None:
    """Each key of a scorer, its conditions and its parameters is in a table.

    `first_per_hour` is explained where `sample_rate`, which may hold it, is.
    """
    page = scorers_page()
    keys = {
        key
        for definition in scorers_schema()["definitions"].values()
        for key in definition.get("properties", {})
    }
    assert [key for key in keys if f"| `{key}` |" not in page] == ["first_per_hour"]
    assert "first_per_hour" in page
    assert len(keys) > 20


def test_every_count_has_a_meaning() -> None:
    """Each count that the function sends as a metric is explained."""
    sent = {name.title().replace("_", "") for name in Summary.__dataclass_fields__}
    assert sent <= {*MEANINGS, "JudgeCostUsd"}


def test_every_raised_text_is_a_message() -> None:
    """The text of each exception that the product raises is on the page, found without its code."""
    page = messages_page()
    skipped = {"families", "privacy"}
    for folder in AREAS.values():
        for path in (ROOT / folder).rglob("*.py"):
            if skipped & set(path.parts):
                continue
            for node in ast.walk(ast.parse(path.read_text())):
                if isinstance(node, ast.Raise) and isinstance(node.exc, ast.Call):
                    for argument in node.exc.args:
                        if isinstance(argument, ast.Constant) and isinstance(argument.value, str):
                            words = " ".join(argument.value.split())
                            assert re.sub(r"(?<!\{)\{[a-z_]+\}(?!\})", HOLE, words) in page, path


def test_messages_of_a_module() -> None:
    """Texts are found whatever prints them, with their holes; help and docstrings are not."""
    source = '''"""A docstring of three words."""
import typer
HINT = "set the thing right"
def f(name, option=typer.Option(help="A help of words.")):
    log.warning("the judge %s is away", name)
    raise ValueError(f"no {name}")
'''
    found = [message.text for message in messages_of(source, "x.py")]
    assert found == ["set the thing right", "the judge … is away", "no …"]


def _is_printed(text: str) -> bool:
    """Whether a text is what some message looks like when it is printed."""

    def says(message: Message) -> bool:
        return sum(map(str.isalpha, message.text)) >= LEAST_LETTERS

    return any(says(one) and (one.pattern.fullmatch(text) or text in one.text) for one in MESSAGES)


SYMPTOMS = re.findall(r"^### (.+?)\n(.*?)(?=^##|\Z)", TROUBLESHOOTING.read_text(), re.M | re.S)


def test_there_are_many_symptoms() -> None:
    """At least 20 of them show their message."""
    assert len([text for _, text in SYMPTOMS if "```text" in text]) >= 20


@pytest.mark.parametrize("text", dict(SYMPTOMS).values(), ids=dict(SYMPTOMS))
def test_a_symptom_has_a_remedy(text: str) -> None:
    """A symptom says what to do: with a command, a setting, or what to look at."""
    assert re.search(
        r"^```\n|`[A-Za-z_]|\*\*", re.sub(r"```text.*?```", "", text, flags=re.S), re.M
    )


@pytest.mark.parametrize("text", blocks(TROUBLESHOOTING, "text"))
def test_messages_are_as_printed(text: str) -> None:
    """Each message of the page is one of the code, with its holes filled in."""
    assert _is_printed(text.strip())


def test_a_made_up_message_is_found_out() -> None:
    """The comparison can fail."""
    assert not _is_printed("the flux capacitor needs 1.21 gigawatts")


def test_links_for_the_site() -> None:
    """Links to pages stay links; a link to another file becomes its name; a dead one fails."""
    text = (
        "[a](docs/trust.md#limits) [b](LICENSE) [c](https://x.y) ![d](docs/images/trace-chat.png)"
    )
    assert for_site(text, "README.md") == (
        "[a](trust.md#limits) b (`LICENSE`) [c](https://x.y) ![d](images/trace-chat.png)"
    )
    assert for_site("[q](../QUICKSTART.md)", "docs/tutorial.md") == "[q](quickstart.md)"
    with pytest.raises(FileNotFoundError, match="nowhere"):
        for_site("[a](nowhere.md)", "README.md")
