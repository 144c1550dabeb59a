"""The wheel, installed where nothing of the project is: the command and its data files work."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from inference_monitor import __version__

ROOT = Path(__file__).parents[2]
FILES = ROOT / "samples" / "shop-assistant"
FILE = next(FILES.rglob("*.jsonl"))
PACKAGES = (ROOT / "lambda_src" / "inference_monitor", ROOT / "cli" / "inference_monitor_cli")
UV = Path(sys.executable).with_name("uv")
# What a user's shell has; nothing of it may lead to the repository.
VARIABLES = {k: v for k, v in os.environ.items() if k not in ("PYTHONPATH", "VIRTUAL_ENV")}

# Packages come from an index.
pytestmark = pytest.mark.timeout(900)


def build(wheel: Path, folder: Path) -> Path:
    """Build the wheel from the source distribution, as a release does.

    Building it from the repository would pick up what an earlier build has left there.
    """
    subprocess.run([UV, "build", "--quiet", "--sdist", "--out-dir", folder, ROOT], check=True)
    (source,) = folder.glob("*.tar.gz")
    subprocess.run([UV, "build", "--quiet", "--wheel", "--out-dir", wheel, source], check=True)
    (built,) = wheel.glob("*.whl")
    return built


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The built wheel."""
    return build(tmp_path_factory.mktemp("wheel"), tmp_path_factory.mktemp("source"))


def install(requirement: str, folder: Path) -> Path:
    """Install into an empty virtual environment; gives its folder of programs."""
    subprocess.run([UV, "venv", "--quiet", "--python", sys.executable, folder], check=True)
    python = folder / "bin" / "python"
    subprocess.run(
        [UV, "pip", "install", "--quiet", "--python", python, requirement],
        check=True,
        env=VARIABLES,
    )
    return folder / "bin"


@pytest.fixture(scope="module")
def plain(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The programs of an environment with the command alone."""
    return install(str(wheel), tmp_path_factory.mktemp("plain") / "venv")


@pytest.fixture(scope="module")
def with_mlflow(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The programs of an environment with the extra `mlflow`."""
    return install(f"{wheel}[mlflow]", tmp_path_factory.mktemp("mlflow") / "venv")


def run(
    programs: Path, folder: Path, *words: str, **variables: str
) -> subprocess.CompletedProcess[str]:
    """Run the command in an empty folder, without credentials or settings."""
    return subprocess.run(
        [programs / "inference-monitor", *words],
        cwd=folder,
        env={"PATH": os.environ["PATH"], "COLUMNS": "160", **variables},
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )


def test_the_wheel_holds_the_packages_whole(wheel: Path) -> None:
    """Every module, data file and type marker of the repository is in it, and the licence."""
    expected = {
        path.relative_to(package.parent).as_posix()
        for package in PACKAGES
        for path in package.rglob("*")
        if path.suffix in (".py", ".yaml", ".typed")
    }
    shipped = {path.name for path in (ROOT / "lambda_src").glob("*.yaml")}
    expected |= {f"inference_monitor_defaults/{name}" for name in shipped}
    names = {name for name in zipfile.ZipFile(wheel).namelist() if ".dist-info/" not in name}
    assert names == expected
    assert shipped == {"models.yaml", "privacy.yaml", "scorers.yaml"}
    told = zipfile.ZipFile(wheel).namelist()
    assert f"sagemaker_inference_monitor-{__version__}.dist-info/licenses/LICENSE" in told


def test_verbs_that_need_no_mlflow(plain: Path, tmp_path: Path) -> None:
    """The wheel alone shows its version and help, models, scorers, and what is in a capture."""
    assert run(plain, tmp_path, "--version").stdout == f"inference-monitor {__version__}\n"
    assert "inspect" in run(plain, tmp_path, "--help").stdout
    models = json.loads(run(plain, tmp_path, "models", "--json").stdout)
    assert "amazon.nova-lite-v1*" in {row["pattern"] for row in models["models"]}
    scorers = run(plain, tmp_path, "scorers", "check")
    assert (scorers.returncode, "safety" in scorers.stdout) == (0, True), scorers.stderr
    installed = "site-packages/inference_monitor_defaults/scorers.yaml\n"
    assert scorers.stderr.startswith(f"using {plain.parent}")
    assert scorers.stderr.endswith(installed)
    inspected = run(plain, tmp_path, "inspect", str(FILE))
    lines = len(FILE.read_text().splitlines())
    assert (inspected.returncode, f"{lines} lines: " in inspected.stdout) == (0, True)
    completed = run(
        plain, tmp_path, _INFERENCE_MONITOR_COMPLETE="complete_bash",
        COMP_WORDS="inference-monitor sc", COMP_CWORD="1",
    )  # fmt: skip
    assert completed.stdout.split() == ["scorers"]


@pytest.mark.parametrize(
    "words",
    [
        ("estimate", str(FILE)),
        ("scorers", "check", "--live"),
        ("scorers", "try", str(FILE)),
        ("agreement", "--labelled"),
        ("agreement", "--tracking-uri", "http://127.0.0.1:9", "--experiment", "any"),
        ("backfill", "--prefix", "dev", "--from", "2026-03-02", "--to", "2026-03-02"),
    ],
)
def test_verbs_that_need_mlflow_say_so(plain: Path, tmp_path: Path, words: tuple[str, ...]) -> None:
    """Without the extra they end with 2, and one line says what to install."""
    result = run(plain, tmp_path, *words)
    assert result.returncode == 2
    (told,) = [line for line in result.stderr.splitlines() if not line.startswith("using ")]
    assert told.startswith(f"{words[0]}")
    assert "mlflow is not installed" in told
    assert told.endswith("pip install 'sagemaker-inference-monitor[mlflow]'")


def test_verbs_with_the_extra(with_mlflow: Path, tmp_path: Path) -> None:
    """Captures are priced, and the labelled set is read, with what the extra brings."""
    estimated = run(with_mlflow, tmp_path, "estimate", str(FILES), "--json")
    assert estimated.returncode == 0, estimated.stderr
    assert json.loads(estimated.stdout)["once"]["judge"]["as_configured"]["usd"] > 0
    # Nobody answers the question about the price, so no judge is asked.
    labelled = run(with_mlflow, tmp_path, "agreement", "--labelled")
    assert "records, " in labelled.stderr
    assert "not installed" not in labelled.stderr
