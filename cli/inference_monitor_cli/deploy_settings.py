"""The deploy settings that matter to the command, as the deployment reads them: `.env` and all.

The names and defaults are those of `stacks.settings` (tested), which needs the CDK.
"""

from __future__ import annotations

from typing import Literal

from pydantic import Field, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict

from inference_monitor.scoring.caps import DEFAULT_USD_PER_DAY, Cap
from inference_monitor.scoring.models import DEFAULT_JUDGE
from inference_monitor_cli.problems import CommandError


class DeploySettings(BaseSettings):
    """What judging a record, and running the function, depends on."""

    model_config = SettingsConfigDict(
        env_file=".env",
        env_ignore_empty=True,
        extra="ignore",
        frozen=True,
        str_strip_whitespace=True,
    )

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
            CommandError: If one of them cannot be used.
        """
        try:
            return cls()
        except ValidationError as error:
            told = [
                f"{str(e['loc'][0]).upper()}: {e['msg'].removeprefix('Value error, ')}"
                for e in error.errors()
            ]
            raise CommandError(f"{'; '.join(told)}; see .env.example") from None
