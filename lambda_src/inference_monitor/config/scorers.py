"""`scorers.yaml` as a whole: what is scored, how often, and by which judge.

Imported at synth time, where neither MLflow nor boto3 is installed.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from pydantic import Field

from inference_monitor.config.conditions import AlwaysRule, Strict
from inference_monitor.config.scorers_checks import find_problems
from inference_monitor.config.scorers_file import (
    RIGHT,
    SENTENCES,
    InvalidScorersError,
    location_in_file,
    scorer_of,
)
from inference_monitor.config.specs import AnySpec, JudgedSpec, Judging, MlflowSpec
from inference_monitor.config.yaml_file import ConfigFile
from inference_monitor.scoring.contexts import MARKS

__all__ = ["InvalidScorersError", "ScorersConfig", "load_scorers"]


Marks = Annotated[list[Annotated[str, Field(min_length=1)]], Field(min_length=2, max_length=2)]


class ScorersConfig(Strict):
    """A valid `scorers.yaml`."""

    scorers: list[AnySpec]
    judging: Judging = "each"
    max_record_tokens: int = Field(default=10_000, ge=500)
    max_judged_answers: int = Field(default=10, ge=1)
    context_marks: list[Marks] = Field(default_factory=lambda: [list(pair) for pair in MARKS])
    always: list[AlwaysRule] = Field(default_factory=list)

    def models(self, default: str) -> set[str]:
        """Every judge model that may be called, as `bedrock:/…`; `default` where none is named."""
        asking = [s for s in self.scorers if isinstance(s, JudgedSpec | MlflowSpec)]
        return {s.model or default for s in asking if s.model or s.asks_judge}


_FILE = ConfigFile(
    ScorersConfig,
    InvalidScorersError,
    RIGHT,
    SENTENCES,
    check=find_problems,
    locate=location_in_file,
    part=scorer_of,
)


def load_scorers(path: Path) -> ScorersConfig:
    """Read `scorers.yaml`.

    Raises:
        InvalidScorersError: If anything in it is wrong; its text has one line per problem.
    """
    return _FILE.read(path)
