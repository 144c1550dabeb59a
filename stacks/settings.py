"""The deploy settings: the only place where the CDK app reads its environment or `.env`."""

from __future__ import annotations

import os
from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, Field, ValidationError
from pydantic_settings import BaseSettings

from inference_monitor.config.caps import DEFAULT_USD_PER_DAY, Cap, Caps
from inference_monitor.config.models import DEFAULT_JUDGE
from inference_monitor.config.models import EXAMPLE as PRICES_EXAMPLE
from inference_monitor.env_file import FROM_ENV_FILE, UnreadableEnvFileError, check_names
from stacks import rules
from stacks.names import Names


class InvalidSettingsError(Exception):
    """The deploy settings cannot be used; the text holds one line for every problem."""


def _endpoint(validated: dict[str, Any]) -> str:
    return str(validated["sagemaker_endpoint_name"])


class DeploySettings(BaseSettings):
    """What two deployments may differ in. `.env.example` describes every one of them (tested)."""

    model_config = FROM_ENV_FILE

    stack_prefix: Annotated[str, AfterValidator(rules.stack_prefix)] = Field(examples=["dev"])
    mlflow_tracking_uri: Annotated[str, AfterValidator(rules.mlflow_arn)] = Field(
        examples=["arn:aws:sagemaker:us-east-1:111122223333:mlflow-app/app-ABC123DEF456"]
    )
    sagemaker_endpoint_name: Annotated[str, AfterValidator(rules.endpoint_name)] = Field(
        examples=["my-llm-endpoint"]
    )
    data_capture_s3_bucket: Annotated[str, AfterValidator(rules.bucket_name)] | None = Field(
        default=None, examples=["my-data-capture-bucket"]
    )
    data_capture_s3_prefix: Annotated[str, AfterValidator(rules.key_prefix)] | None = Field(
        default=None, examples=["my-llm-endpoint"]
    )
    other_endpoints: Literal["skip", "include"] = Field(default="skip", examples=["skip"])
    mlflow_experiment_name: Annotated[str, AfterValidator(rules.experiment_name)] = Field(
        default_factory=_endpoint, examples=["my-llm-endpoint"]
    )
    bedrock_model_id: Annotated[str, AfterValidator(rules.judge_model)] = Field(
        default=DEFAULT_JUDGE, examples=[DEFAULT_JUDGE]
    )
    mlflow_artifact_s3_uri: Annotated[str, AfterValidator(rules.s3_uri)] | None = Field(
        default=None, examples=["s3://my-mlflow-bucket/artifacts"]
    )
    mlflow_trace_store: Literal["auto", "spans", "artifacts"] = Field(
        default="auto", examples=["auto"]
    )
    data_capture_kms_key_arn: Annotated[str, AfterValidator(rules.kms_key_arn)] | None = Field(
        default=None,
        examples=["arn:aws:kms:us-east-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab"],
    )
    results_kms_key_arn: Annotated[str, AfterValidator(rules.kms_key_arn)] | None = Field(
        default=None,
        examples=["arn:aws:kms:us-east-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab"],
    )
    alarm_email: Annotated[str, AfterValidator(rules.email)] | None = Field(
        default=None, examples=["team@example.com"]
    )
    silence_alarm_hours: int = Field(default=6, ge=1, le=168, examples=[6])
    redaction: Annotated[
        Literal["off", "patterns", "presidio"], AfterValidator(rules.redaction)
    ] = Field(default="off", examples=["patterns"])
    judge_budget_usd_per_day: Cap = Field(default=DEFAULT_USD_PER_DAY, examples=[10])
    judge_budget_usd_per_run: Cap = Field(default=None, examples=[2])
    judge_prices: Annotated[str, AfterValidator(rules.judge_prices)] | None = Field(
        default=None, examples=[PRICES_EXAMPLE]
    )
    judge_requests_per_minute: float | None = Field(
        default=None, gt=0, allow_inf_nan=False, examples=[600]
    )
    judge_tokens_per_minute: float | None = Field(
        default=None, gt=0, allow_inf_nan=False, examples=[400_000]
    )
    judge_concurrency: int = Field(default=32, ge=1, le=200, examples=[32])
    judge_timeout_seconds: float = Field(
        default=120, ge=5, le=600, allow_inf_nan=False, examples=[120]
    )
    lambda_memory_mb: int = Field(default=2048, ge=1024, le=10240, examples=[2048])
    lambda_timeout_seconds: int = Field(default=900, ge=60, le=900, examples=[900])
    lambda_ephemeral_storage_mb: int = Field(default=512, ge=512, le=10240, examples=[512])
    lambda_reserved_concurrency: int | None = Field(default=None, ge=1, examples=[20])
    map_max_concurrency: int = Field(default=10, ge=1, le=10000, examples=[10])
    batch_max_items: int = Field(default=25, ge=1, le=10000, examples=[25])
    # A batch travels with its file's name and a flag; Step Functions carries 262,144 bytes in all.
    batch_max_bytes: int = Field(default=204_800, ge=16_384, le=256_000, examples=[204_800])
    # A batch that always fails must not stop the others; an outage should. Whatever is tolerated,
    # closing the ledger fails a run that lost a record.
    tolerated_failure_percentage: int = Field(default=50, ge=0, le=100, examples=[50])
    log_retention_days: Annotated[int, AfterValidator(rules.log_retention_days)] = Field(
        default=90, examples=[90]
    )

    @property
    def caps(self) -> Caps:
        """What judging may cost."""
        return Caps(self.judge_budget_usd_per_day, self.judge_budget_usd_per_run)

    @property
    def names(self) -> Names:
        """The physical names of this deployment."""
        return Names(self.stack_prefix)

    @classmethod
    def load(cls) -> Self:
        """Read the environment, then `.env` in the working directory.

        Raises:
            InvalidSettingsError: One line per missing or malformed setting, each with an example,
                and per name that is a misspelt setting.
        """
        try:
            lines = check_names([name.upper() for name in cls.model_fields], os.environ)
            settings = cls()
        except UnreadableEnvFileError as error:
            raise InvalidSettingsError(str(error)) from error
        except ValidationError as error:
            lines += [
                _line(str(e["loc"][0]), e["type"], e["msg"])
                for e in error.errors()
                if e["type"] != "default_factory_not_called"
            ]
            raise InvalidSettingsError("\n".join(lines)) from error
        if lines:
            raise InvalidSettingsError("\n".join(lines))
        return settings


def _line(field: str, kind: str, message: str) -> str:
    name = field.upper()
    problem = "is missing" if kind == "missing" else message.removeprefix("Value error, ")
    examples = DeploySettings.model_fields[field].examples or [""]
    return f"{name}: {problem}; for example {name}={examples[0]}"
