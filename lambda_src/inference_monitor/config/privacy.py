"""The schema of `privacy.yaml`: what is redacted when redaction is switched on."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated, Any, Literal, get_args

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field
from pydantic_core import PydanticCustomError

from inference_monitor.config.yaml_file import ConfigFile, Location, data_file
from inference_monitor.errors import MonitorError
from inference_monitor.time_limit import cpu_limit

PRIVACY_FILE = data_file("privacy.yaml")

Kind = Literal[
    "URL_CREDENTIALS",
    "EMAIL",
    "IBAN",
    "CREDIT_CARD",
    "US_SSN",
    "PHONE",
    "IP_ADDRESS",
    "AWS_ACCESS_KEY",
    "AWS_SECRET_KEY",
    "JWT",
    "API_KEY",
    "BEARER_TOKEN",
    "PRIVATE_KEY",
    "SECRET",
]
"""The built-in patterns, see `privacy.patterns`."""
KINDS: tuple[Kind, ...] = get_args(Kind)

_NAME = re.compile(r"[A-Z][A-Z0-9_]{0,39}")
# A pattern in linear time takes milliseconds for each of these, one in quadratic time many seconds.
_HOSTILE = [unit * (100_000 // len(unit)) for unit in ("a", "A", "1", "-", " ", "a1", "a ", "1-")]
_PROBE_SECONDS = 1.0


class InvalidPrivacyError(MonitorError):
    """`privacy.yaml` cannot be used; one line for each problem, with the file's line number."""


def _unusable(reason: str) -> PydanticCustomError:
    return PydanticCustomError("not_usable", "{reason}", {"reason": reason})


def _name(value: Any) -> Any:
    if not isinstance(value, str) or not _NAME.fullmatch(value):
        raise _unusable(
            f"{value!r} is not a pattern name: capital letters, digits and `_`, at most 40"
        )
    if value in KINDS:
        raise _unusable(f"`{value}` is the name of a built-in pattern")
    return value


def _regex(value: Any) -> Any:
    if not isinstance(value, str):
        raise _unusable("a pattern must be a regular expression in quotes")
    try:
        regex = re.compile(value)
    except re.error as error:
        raise _unusable(f"not a regular expression: {error}") from None
    if regex.search(""):
        raise _unusable("matches the empty text; it must match at least one character")
    try:
        for text in _HOSTILE:
            # The last character makes a match fail only where it nearly succeeded.
            with cpu_limit(_PROBE_SECONDS):
                regex.search(f"{text}\0")
    except TimeoutError:
        raise _unusable(
            "takes too long on a text of 100,000 characters; bound its repetitions ({1,20} instead"
            r" of +), or begin it with a boundary such as \b"
        ) from None
    return value


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class PresidioConfig(_Strict):
    """What Presidio looks for in addition to the patterns."""

    language: str = Field(
        default="en", min_length=2, description="A language of Presidio, e.g. en."
    )
    model: str = Field(
        default="en_core_web_lg",
        pattern=r"^\w+$",
        description="The name of an installed spaCy model, e.g. en_core_web_lg.",
    )
    entities: list[str] = Field(
        default=["PERSON", "LOCATION"],
        min_length=1,
        description="A list of Presidio's entities, e.g. [PERSON, LOCATION].",
    )
    score_threshold: float = Field(
        default=0.5,
        ge=0,
        le=1,
        description="A number from 0 to 1.\nPresidio's results with a lower score are ignored.",
    )


class PrivacyConfig(_Strict):
    """A valid `privacy.yaml`."""

    builtin: list[Kind] = Field(
        default=list(KINDS),
        description=f"A list of {', '.join(KINDS)}.\nThe built-in patterns that are redacted.",
    )
    patterns: dict[
        Annotated[str, BeforeValidator(_name)], Annotated[str, BeforeValidator(_regex)]
    ] = Field(
        default={},
        max_length=50,
        description="A mapping of at most 50 names to regular expressions.\nEach match is replaced"
        " by the name in brackets.",
        json_schema_extra={"propertyNames": {"pattern": f"^{_NAME.pattern}$"}},
    )
    presidio: PresidioConfig = Field(
        default=PresidioConfig(),
        description="A mapping with `language`, `model`, `entities` and `score_threshold`.\nUsed"
        " with the deploy setting REDACTION=presidio only.",
    )


def _in_file(location: Location) -> Location:
    """Leave out what pydantic adds for the key of a mapping."""
    return tuple(part for part in location if part != "[key]")


_FILE = ConfigFile(PrivacyConfig, InvalidPrivacyError, locate=_in_file)


def load_privacy(path: Path = PRIVACY_FILE) -> PrivacyConfig:
    """Read `privacy.yaml`.

    Raises:
        InvalidPrivacyError: If anything in it is wrong; its text has one line per problem.
    """
    return _FILE.read(path)
