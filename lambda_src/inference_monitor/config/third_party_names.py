"""The third-party scorers of MLflow that can reach our judge, and how they get into the image.

Imported at synth time, where neither MLflow nor any of them is installed.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from importlib.metadata import version

_PACKAGE = "mlflow.genai.scorers."


@dataclass(frozen=True, slots=True)
class Framework:
    """A third-party package whose metrics MLflow wraps, as `mlflow.genai.scorers.<key>.<class>`.

    `key` is also the name of the dependency group that brings it.
    """

    key: str
    distribution: str

    @property
    def package(self) -> str:
        """MLflow's module with the metrics."""
        return _PACKAGE + self.key

    @property
    def installed(self) -> str:
        """The package with its version.

        Raises:
            PackageNotFoundError: If it is not installed.
        """
        return f"{self.distribution} {version(self.distribution)}"

    @property
    def how_to_install(self) -> str:
        """What to do when it is not there."""
        return (
            f"include the dependency group `{self.key}` in the group `lambda` of pyproject.toml,"
            " run `make lock`, and deploy again"
        )


DEEPEVAL = Framework("deepeval", "deepeval")
RAGAS = Framework("ragas", "ragas")
PHOENIX = Framework("phoenix", "arize-phoenix-evals")

_BY_KEY = {framework.key: framework for framework in (DEEPEVAL, RAGAS, PHOENIX)}


def framework_of(class_path: str) -> Framework | None:
    """The third-party package that a class of `scorers.yaml` is from; None for any other class."""
    if not class_path.startswith(_PACKAGE):
        return None
    return _BY_KEY.get(class_path.removeprefix(_PACKAGE).partition(".")[0])


def missing_package(class_path: str, requirements: Iterable[str]) -> str | None:
    """Why a class cannot be loaded in an image of these requirements; None when it can."""
    framework = framework_of(class_path)
    if framework is None:
        return None
    pinned = re.compile(rf"{re.escape(framework.distribution)}==")
    if any(pinned.match(line) for line in requirements):
        return None
    return f"{framework.distribution} is not in requirements.txt: {framework.how_to_install}"
