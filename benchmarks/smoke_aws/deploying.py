"""Deploy the throw-away prefix with the CDK CLI, as a person does."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from local.processes import Program, StartError
from local.settings import ROOT
from stacks.settings import DeploySettings

CDK = ROOT / "node_modules/.bin/cdk"
SECONDS = 1800
_LAST_LINES = 12


@dataclass(frozen=True, slots=True)
class Folder:
    """Where CDK writes: `cdk.out`, and a log of what it said."""

    path: Path

    def deploy(self, settings: Mapping[str, str]) -> None:
        """`cdk deploy` with these deploy settings, and no other that are set here or in `.env`.

        Raises:
            OSError: If it fails; says what CDK said last.
        """
        self.path.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / "cdk.json", self.path)
        own = {name.upper() for name in DeploySettings.model_fields}
        inherited = {name: value for name, value in os.environ.items() if name not in own}
        program = Program(
            "cdk deploy",
            [
                str(CDK), "deploy", "--app", f"{sys.executable} {ROOT / 'app.py'}",
                "--require-approval", "never", "--ci", "--no-version-reporting", "--no-notices",
            ],
            env={**inherited, **settings},
            cwd=self.path,
            log=self.path / "cdk-deploy.log",
        )  # fmt: skip
        try:
            status = program.finish(SECONDS)
        except StartError as error:
            raise OSError(str(error)) from error
        if status:
            lines = program.log.read_text(errors="replace").splitlines()
            last = "; ".join(line.strip() for line in lines[-_LAST_LINES:] if line.strip())
            raise OSError(f"cdk deploy failed with status {status}, see {program.log}: {last}")
