"""The contracts of `pyproject.toml` about imports hold, and an import against one is found."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
PACKAGES = {"inference_monitor": "lambda_src", "inference_monitor_cli": "cli", "stacks": "."}


def lint_imports(*before: Path) -> subprocess.CompletedProcess[str]:
    """Check the contracts; modules in the folders `before` hide those of the repository."""
    folders = [*before, ROOT / "lambda_src", ROOT / "cli", ROOT]
    return subprocess.run(
        [Path(sys.executable).with_name("lint-imports"), "--no-cache"],
        check=False,
        cwd=before[0] if before else ROOT,
        env={**os.environ, "COLUMNS": "200", "PYTHONPATH": os.pathsep.join(map(str, folders))},
        capture_output=True,
        text=True,
    )


def test_imports_keep_their_contracts() -> None:
    """The handler is above the service and the domain below; config and stack need no AWS."""
    checked = lint_imports()
    assert checked.returncode == 0, checked.stdout
    assert ", 0 broken" in checked.stdout


@pytest.mark.parametrize(
    ("module", "line", "broken"),
    [
        pytest.param(
            "inference_monitor/config/caps.py",
            "import boto3",
            "Configuration is read without AWS and MLflow",
            id="config needs boto3",
        ),
        pytest.param(
            "inference_monitor/families/openai.py",
            "import mlflow",
            "Reading captures into inferences is pure",
            id="a reader needs MLflow",
        ),
        pytest.param(
            "inference_monitor/scoring/breaker.py",
            "from inference_monitor.traces import chat",
            "imports point down",
            id="scoring needs traces",
        ),
        pytest.param(
            "inference_monitor/text.py",
            "import inference_monitor_cli.terminal",
            "Nothing that is deployed or installed needs what stands above it",
            id="the function needs the command",
        ),
        pytest.param(
            "inference_monitor/scoring/code/custom.py",
            "from inference_monitor.scoring import build",
            "Packages have no circles",
            id="a circle",
        ),
        pytest.param(
            "inference_monitor_cli/terminal.py",
            "import aws_cdk",
            "The command is installed without the CDK",
            id="the command needs the CDK",
        ),
        pytest.param(
            "stacks/names.py",
            "import boto3",
            "The stack is synthesized without AWS's client and MLflow",
            id="the stack needs boto3",
        ),
    ],
)
def test_an_import_in_the_wrong_direction_is_found(
    tmp_path: Path, module: str, line: str, broken: str
) -> None:
    """Each contract fails for a module that breaks it, and is named."""
    package = module.partition("/")[0]
    shutil.copytree(ROOT / PACKAGES[package] / package, tmp_path / package)
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    with (tmp_path / module).open("a") as file:
        file.write(f"\n{line}\n")
    checked = lint_imports(tmp_path)
    assert checked.returncode == 1, checked.stdout
    broken_lines = [text for text in checked.stdout.splitlines() if " BROKEN" in text]
    assert any(broken in text for text in broken_lines)
