"""The deploy settings that name things of an account: what `init` writes and `doctor` looks at.

Their names are those of `stacks.settings`, which needs the CDK.
"""

from __future__ import annotations

import re

from pydantic_settings import BaseSettings

from inference_monitor.env_file import FROM_ENV_FILE
from inference_monitor_cli.deploy_settings import DeploySettings

MLFLOW_ARN = re.compile(
    r"arn:aws(?:-us-gov)?:sagemaker:(?P<region>[a-z0-9-]+):(?P<account>\d{12}):"
    r"(?:mlflow-app|mlflow-tracking-server)/[A-Za-z0-9-]+"
)
REQUIRED = ("stack_prefix", "mlflow_tracking_uri", "sagemaker_endpoint_name")


class AccountSettings(BaseSettings):
    """Names of things in an account; None where `.env` and the environment name none."""

    model_config = FROM_ENV_FILE

    stack_prefix: str | None = None
    mlflow_tracking_uri: str | None = None
    sagemaker_endpoint_name: str | None = None
    data_capture_s3_bucket: str | None = None
    data_capture_s3_prefix: str | None = None
    mlflow_artifact_s3_uri: str | None = None
    mlflow_experiment_name: str | None = None
    alarm_email: str | None = None

    @classmethod
    def load(cls) -> AccountSettings:
        """Read the environment, then `.env` in the working directory.

        Raises:
            CommandError: If one of them cannot be used, or a name is a misspelt setting.
        """
        DeploySettings.load()
        return cls()

    def problems(self) -> list[str]:
        """What is missing or malformed, a line each."""
        lines = [f"{name.upper()} is missing" for name in REQUIRED if getattr(self, name) is None]
        if self.mlflow_tracking_uri and not MLFLOW_ARN.fullmatch(self.mlflow_tracking_uri):
            lines.append(
                "MLFLOW_TRACKING_URI is not the ARN of an mlflow-app or an mlflow-tracking-server"
            )
        if self.data_capture_s3_bucket and "/" in self.data_capture_s3_bucket:
            lines.append("DATA_CAPTURE_S3_BUCKET is not the bare name of a bucket")
        if (prefix := self.data_capture_s3_prefix) and prefix.startswith(("s3://", "/")):
            lines.append("DATA_CAPTURE_S3_PREFIX is not a folder: neither s3:// nor / before it")
        if (uri := self.mlflow_artifact_s3_uri) and not uri.startswith("s3://"):
            lines.append("MLFLOW_ARTIFACT_S3_URI does not start with s3://")
        return lines
