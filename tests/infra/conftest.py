"""Synthesis in this process, with the flags of `cdk.json` and without a developer's `.env`."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import app
from stacks.config_files import Deployable, load_scorers_file
from stacks.settings import DeploySettings
from tests.infra.deployed import Deployed

REPOSITORY = Path(__file__).parents[2]
REQUIRED = {
    "stack_prefix": "dev",
    "mlflow_tracking_uri": "arn:aws:sagemaker:us-east-1:111122223333:mlflow-app/app-ABC123DEF456",
    "sagemaker_endpoint_name": "llm-endpoint",
}
CAPTURES = {
    "data_capture_s3_bucket": "captures-111122223333",
    "data_capture_s3_prefix": "llm-endpoint",
}
"""Where the captures are; they are looked up where both are None."""

Synthesize = Callable[..., Deployed]


@pytest.fixture(autouse=True)
def _no_settings_of_the_developer(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in DeploySettings.model_fields:
        monkeypatch.delenv(name.upper(), raising=False)


def settings(**changes: Any) -> DeploySettings:
    """Valid deploy settings, with these changes."""
    return DeploySettings(_env_file=None, **{**REQUIRED, **CAPTURES, **changes})


def deployable(settings: DeploySettings) -> Deployable:
    """These settings with the shipped files."""
    return Deployable(settings, load_scorers_file())


@pytest.fixture(scope="session")
def synthesize() -> Synthesize:
    """Synthesize with these changes of the settings; the same changes are synthesized once."""
    context = json.loads((REPOSITORY / "cdk.json").read_text())["context"]
    done: dict[tuple[tuple[str, Any], ...], Deployed] = {}

    def run(**changes: Any) -> Deployed:
        key = tuple(sorted(changes.items()))
        if key not in done:
            assembly = app.build_app(deployable(settings(**changes)), context).synth()
            done[key] = Deployed(assembly.stacks[0].template)
        return done[key]

    return run


@pytest.fixture(scope="session")
def deployed(synthesize: Synthesize) -> Deployed:
    """The stack with no settings but these, which say where the captures are."""
    return synthesize()
