"""What GitHub reads of this repository: workflows with few rights, and commands that exist."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).parents[3]
WORKFLOWS = sorted((ROOT / ".github" / "workflows").glob("*.yml"))
NAMES = [path.stem for path in WORKFLOWS]
# What more than reading the repository each job may do, and why it has to.
MORE_RIGHTS = {
    ("deploy", "deploy"): {"id-token": "write"},  # OIDC
    ("release", "release"): {"contents": "write"},  # creates the release
}


def load(path: Path) -> dict[str, Any]:
    """A workflow; BaseLoader, because YAML 1.1 takes the key `on` for true."""
    document: dict[str, Any] = yaml.load(path.read_text(), Loader=yaml.BaseLoader)  # noqa: S506
    return document


def steps(path: Path) -> list[dict[str, Any]]:
    """The steps of all jobs."""
    return [step for job in load(path)["jobs"].values() for step in job["steps"]]


def test_every_suite_has_a_workflow() -> None:
    """Checks, tests, the image, a deployment and a release run on GitHub."""
    assert NAMES == ["check", "deploy", "image", "release", "test"]


@pytest.mark.parametrize("path", WORKFLOWS, ids=NAMES)
def test_workflows_have_the_least_rights(path: Path) -> None:
    """A workflow may read the repository; a job has more only where this test says so."""
    workflow = load(path)
    assert workflow["permissions"] == {"contents": "read"}
    for name, job in workflow["jobs"].items():
        more = MORE_RIGHTS.get((path.stem, name), {})
        assert job.get("permissions", {"contents": "read"}) == {"contents": "read", **more}
        assert int(job["timeout-minutes"]) <= 180
    assert "pull_request_target" not in workflow["on"]


@pytest.mark.parametrize("path", WORKFLOWS, ids=NAMES)
def test_actions_are_pinned(path: Path) -> None:
    """A tag can be moved, a commit cannot; the version beside it is for people and Dependabot."""
    used = re.findall(r"^\s*-? *uses: *(.+)$", path.read_text(), re.MULTILINE)
    assert len(used) == sum("uses" in step for step in steps(path))
    pinned = re.compile(r"[\w-]+/[\w-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+")
    assert [action for action in used if not pinned.fullmatch(action)] == []
    checkouts = [
        step for step in steps(path) if step.get("uses", "").startswith("actions/checkout")
    ]
    assert checkouts
    assert all(step["with"] == {"persist-credentials": "false"} for step in checkouts)


@pytest.mark.parametrize("path", WORKFLOWS, ids=NAMES)
def test_workflows_run_what_exists(path: Path) -> None:
    """Each `make` target is one of this project; no text of an event gets into a shell."""
    makefiles = [ROOT / "Makefile", *ROOT.glob("*/*.mk"), *ROOT.glob("*/*/*.mk")]
    rules = "\n".join(file.read_text() for file in makefiles if ".venv" not in file.parts)
    targets = set(re.findall(r"^([a-z-]+):", rules, re.MULTILINE))
    scripts = [step["run"] for step in steps(path) if "run" in step]
    called = {target for script in scripts for target in re.findall(r"\bmake ([a-z-]+)", script)}
    assert called
    assert called <= targets
    assert not [script for script in scripts if "${{" in script]


def test_a_deployment_waits_for_its_environment() -> None:
    """A person starts it, GitHub's environment guards it, and no key of AWS is stored."""
    workflow = load(ROOT / ".github" / "workflows" / "deploy.yml")
    assert list(workflow["on"]) == ["workflow_dispatch"]
    assert workflow["jobs"]["deploy"]["environment"] == "${{ inputs.environment }}"
    (credentials,) = [
        s["with"] for s in workflow["jobs"]["deploy"]["steps"] if "aws" in str(s.get("uses"))
    ]
    assert set(credentials) == {"role-to-assume", "aws-region"}


def test_documents_link_to_files_that_exist() -> None:
    """Links are relative, so they hold in a fork; each leads somewhere."""
    documents = [ROOT / name for name in ("CHANGELOG.md", "CONTRIBUTING.md", "SECURITY.md")]
    for document in documents:
        links = re.findall(r"\]\(([^)#]+)", document.read_text())
        local = [link for link in links if not link.startswith("https://")]
        assert [link for link in local if not (ROOT / link).exists()] == []
        assert not [link for link in links if "github.com/" in link]


def test_templates_are_valid() -> None:
    """Each issue form has a name, a description and a question with an id of its own."""
    forms = [p for p in (ROOT / ".github/ISSUE_TEMPLATE").glob("*.yml") if p.stem != "config"]
    assert len(forms) == 3
    for form in forms:
        document = load(form)
        assert {"name", "description", "body"} <= set(document)
        ids = [part["id"] for part in document["body"] if part["type"] != "markdown"]
        assert len(ids) == len(set(ids)) > 0
