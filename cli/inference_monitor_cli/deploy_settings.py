"""The deploy settings that matter to the command, as the deployment reads them: `.env` and all.

The names and defaults are those of `stacks.settings` (tested), which needs the CDK.
"""

from __future__ import annotations

import os
from typing import Literal

from pydantic import Field, ValidationError
from pydantic_settings import BaseSettings

from inference_monitor.config.caps import DEFAULT_USD_PER_DAY, Cap
from inference_monitor.config.models import DEFAULT_JUDGE
from inference_monitor.env_file import FROM_ENV_FILE, UnreadableEnvFileError, check_names
from inference_monitor_cli.problems import CommandError

DEPLOYMENT_ONLY = (
    "STACK_PREFIX",
    "MLFLOW_TRACKING_URI",
    "SAGEMAKER_ENDPOINT_NAME",
    "DATA_CAPTURE_S3_BUCKET",
    "DATA_CAPTURE_S3_PREFIX",
    "OTHER_ENDPOINTS",
    "DATA_CAPTURE_KMS_KEY_ARN",
    "MLFLOW_EXPERIMENT_NAME",
    "MLFLOW_ARTIFACT_S3_URI",
    "MLFLOW_TRACE_STORE",
    "RESULTS_KMS_KEY_ARN",
    "ALARM_EMAIL",
    "SILENCE_ALARM_HOURS",
    "JUDGE_REQUESTS_PER_MINUTE",
    "JUDGE_TOKENS_PER_MINUTE",
    "LAMBDA_TIMEOUT_SECONDS",
    "LAMBDA_EPHEMERAL_STORAGE_MB",
    "LAMBDA_RESERVED_CONCURRENCY",
    "MAP_MAX_CONCURRENCY",
    "TOLERATED_FAILURE_PERCENTAGE",
    "LOG_RETENTION_DAYS",
)
"""Settings of the deployment that the command makes nothing of: known, so not misspelt."""


class DeploySettings(BaseSettings):
    """What judging a record, and running the function, depends on."""

    model_config = FROM_ENV_FILE

    bedrock_model_id: str = DEFAULT_JUDGE
    redaction: Literal["off", "patterns", "presidio"] = "off"
    judge_prices: str | None = None
    judge_budget_usd_per_day: Cap = DEFAULT_USD_PER_DAY
    judge_budget_usd_per_run: Cap = None
    judge_concurrency: int = Field(default=32, ge=1, le=200)
    judge_timeout_seconds: float = Field(default=120, ge=5, le=600)
    lambda_memory_mb: int = 2048
    batch_max_items: int = Field(default=25, ge=1)
    batch_max_bytes: int = Field(default=204_800, ge=1)

    @classmethod
    def load(cls) -> DeploySettings:
        """Read the environment, then `.env` in the working directory.

        Raises:
            CommandError: If one of them cannot be used, or a name is a misspelt setting.
        """
        known = [*(name.upper() for name in cls.model_fields), *DEPLOYMENT_ONLY]
        try:
            if misspelt := check_names(known, os.environ):
                raise CommandError(" ".join(misspelt))
            return cls()
        except UnreadableEnvFileError as error:
            raise CommandError(str(error)) from None
        except ValidationError as error:
            told = [
                f"{str(e['loc'][0]).upper()}: {e['msg'].removeprefix('Value error, ')}"
                for e in error.errors()
            ]
            raise CommandError(f"{'; '.join(told)}; see .env.example") from None
