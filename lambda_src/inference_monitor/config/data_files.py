"""Where `models.yaml`, `scorers.yaml` and `privacy.yaml` are, however this package is installed."""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path

# The folder `lambda_src` under the name that pyproject.toml gives it in a wheel.
_INSTALLED_AS = "inference_monitor_defaults"


def data_file(name: str) -> Path:
    """Find a data file: beside the package in the repository and the image, else in the wheel.

    Raises:
        ModuleNotFoundError: If the package was copied without its data files.
    """
    beside = Path(__file__).parents[2] / name
    return beside if beside.exists() else Path(str(files(_INSTALLED_AS).joinpath(name)))
