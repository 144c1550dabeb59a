"""Start the emulated AWS in its own environment, and talk to it."""

from __future__ import annotations

import os
from functools import cache
from pathlib import Path
from typing import Any

import boto3

from local.emulator import behaviour
from local.emulator.behaviour import Behaviour
from local.emulator.config import EmulatorConfig
from local.processes import LOOPBACK, Program, answers, free_port
from local.recorder import recorded_calls
from local.settings import ENVIRONMENTS, MADE_UP, ROOT, ChainSettings, environment_of

RECORDER = str(Path(recorded_calls.__file__).parent)
FUNCTION_PREFIX = "sagemaker-data-capture-processor-"
START_SECONDS = 60


class EmulatedAws:
    """ministack with our additions, on a free port; its state lives as long as the process."""

    def __init__(self, settings: ChainSettings, overrides: dict[str, str]) -> None:
        port = free_port()
        self.url = f"http://{LOOPBACK}:{port}"
        self._region = settings.region
        recording = {recorded_calls.VARIABLE: str(settings.calls)} if settings.record_calls else {}
        path = [RECORDER] if settings.record_calls else []
        functions = EmulatorConfig(
            function_prefix=FUNCTION_PREFIX,
            code=str(ROOT / "lambda_src"),
            python=str(ENVIRONMENTS / "venv-lambda/bin/python"),
            logs=str(settings.logs),
            workers=settings.workers,
            overrides={
                "AWS_ENDPOINT_URL_S3": self.url,
                "AWS_ENDPOINT_URL_DYNAMODB": self.url,
                **recording,
                "PYTHONPATH": os.pathsep.join(path),
                **overrides,
            },
        )
        scratch = settings.folder / "emulator"
        scratch.mkdir(parents=True, exist_ok=True)
        self._behaviour = scratch / "behaviour.json"
        self.behave(Behaviour())
        env = {
            behaviour.VARIABLE: str(self._behaviour),
            **{name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ},
            **functions.to_environment(),
            **environment_of(MADE_UP, settings.region),
            "BIND_HOST": LOOPBACK,
            "GATEWAY_PORT": str(port),
            "MINISTACK_HOST": LOOPBACK,
            "MINISTACK_REGION": settings.region,
            "SFN_WAIT_SCALE": str(settings.wait_scale),
            # Servers we do not use, on fixed ports.
            "IOT_MTLS_ENABLED": "0",
            "SFTP_ENABLED": "0",
            "TMPDIR": str(scratch),
            **recording,
            "PYTHONPATH": os.pathsep.join([str(ROOT), *path]),
        }
        self._program = Program(
            "emulated AWS",
            [str(ENVIRONMENTS / "venv-emulator/bin/python"), "-m", "local.emulator"],
            env=env,
            cwd=scratch,
            log=settings.logs / "emulator.log",
        )

    def wait(self) -> None:
        """Wait until it answers; raises StartError if it does not."""
        url = f"{self.url}/_ministack/health"
        self._program.wait_until(lambda: answers(url), START_SECONDS)

    def client(self, service: str) -> Any:
        """A boto3 client of the emulated service."""
        return _client(service, self.url, self._region)

    def behave(self, wanted: Behaviour) -> None:
        """Let it behave like this from now on."""
        wanted.write(self._behaviour)

    @property
    def pid(self) -> int:
        """The process whose descendants are the function's workers."""
        return self._program.pid

    @property
    def environment(self) -> dict[str, str]:
        """What makes an AWS SDK, the AWS CLI and the CDK CLI talk to it."""
        return {
            **environment_of(MADE_UP, self._region),
            "AWS_ENDPOINT_URL": self.url,
            "AWS_ENDPOINT_URL_S3": self.url,
        }

    def stop(self) -> None:
        """End it, its functions, and what is in it."""
        self._program.stop()


@cache
def _client(service: str, url: str, region: str) -> Any:
    # Never with the credentials of whoever runs this.
    session: Any = boto3.Session(MADE_UP.access_key, MADE_UP.secret_key, region_name=region)
    return session.client(service, endpoint_url=url)
