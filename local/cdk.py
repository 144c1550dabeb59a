"""The real CDK CLI, pointed at the emulated AWS."""

from __future__ import annotations

import json
import os
import shutil
import sys
from collections.abc import Mapping
from pathlib import Path

from local.processes import Program
from local.settings import ACCOUNT, ROOT, ChainSettings

CDK = ROOT / "node_modules/.bin/cdk"
SECONDS = 300
LAST_LINES = 15
ASSEMBLY = "cdk.out"
# Neither AWS profiles nor deploy settings of the developer's own.
_INHERITED = ("PATH", "HOME", "LANG", "TMPDIR", "NODE_OPTIONS")


class CdkError(Exception):
    """The CDK CLI has failed; says why as far as it does."""


class Cdk:
    """Synthesizes, deploys and destroys; one folder for each deployment."""

    def __init__(self, settings: ChainSettings, environment: Mapping[str, str]) -> None:
        self._settings = settings
        self._environment = environment
        self._bootstrapped = False

    def synth(self, deploy: Mapping[str, str]) -> None:
        """Synthesize the app with these deploy settings; meanwhile bootstrap, the first time."""
        name = deploy["STACK_PREFIX"]
        folder = self._folder(name)
        # From a folder with cdk.json but without `.env`: a developer's settings stay out of this.
        shutil.copy(ROOT / "cdk.json", folder)
        app = ["--app", f"{sys.executable} {ROOT / 'app.py'}", "--output", str(folder / ASSEMBLY)]
        synth = self._begin("synth", name, "--quiet", *app, **deploy)
        try:
            if not self._bootstrapped:
                where = f"aws://{ACCOUNT}/{self._settings.region}"
                _finish(self._begin("bootstrap", "toolkit", where))
                self._bootstrapped = True
            _finish(synth)
        finally:
            synth.stop()

    def deploy(self, stack_prefix: str) -> dict[str, str]:
        """Deploy what was synthesized, and give the stack's outputs."""
        outputs = self._folder(stack_prefix) / "outputs.json"
        arguments = ["--app", ASSEMBLY, "--require-approval", "never"]
        _finish(self._begin("deploy", stack_prefix, *arguments, "--outputs-file", str(outputs)))
        (values,) = json.loads(outputs.read_text()).values()
        return dict(values)

    def destroy(self, stack_prefix: str) -> None:
        """Destroy what was deployed."""
        _finish(self._begin("destroy", stack_prefix, "--app", ASSEMBLY, "--force", "--all"))

    def _folder(self, name: str) -> Path:
        folder = self._settings.folder / "cdk" / name
        folder.mkdir(parents=True, exist_ok=True)
        return folder

    def _begin(self, verb: str, name: str, *arguments: str, **variables: str) -> Program:
        inherited = {name: os.environ[name] for name in _INHERITED if name in os.environ}
        return Program(
            f"cdk {verb}",
            [str(CDK), verb, *arguments, "--ci", "--no-version-reporting", "--no-notices"],
            env={**inherited, **self._environment, **variables},
            cwd=self._folder(name),
            log=self._settings.logs / f"cdk-{verb}-{name}.log",
        )


def _finish(program: Program) -> None:
    if status := program.finish(SECONDS):
        raise CdkError(
            f"{program.name} failed with status {status}: see {program.log}\n"
            + "\n".join(_last_lines(program.log))
        )


def _last_lines(log: Path) -> list[str]:
    # jsii's banner about Node stands before and after everything else.
    lines = log.read_text(errors="replace").splitlines()
    return [line for line in lines if not line.startswith("b'!!")][-LAST_LINES:]
