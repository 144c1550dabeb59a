"""What stands in `.env` and in the environment but is no setting: misspelt names, unreadable files.

Settings that are read by name ignore a name they do not know, so that a misspelt budget would be no
budget. The deployment and the command check both places here before they read them.
"""

from __future__ import annotations

import codecs
from collections.abc import Collection, Mapping
from difflib import SequenceMatcher
from io import StringIO
from pathlib import Path

from dotenv.parser import parse_stream
from pydantic_settings import SettingsConfigDict

ENV_FILE = ".env"
ENCODING = "utf-8-sig"
FROM_ENV_FILE = SettingsConfigDict(
    env_file=ENV_FILE,
    env_file_encoding=ENCODING,
    env_ignore_empty=True,
    extra="ignore",
    frozen=True,
    str_strip_whitespace=True,
)
"""How classes of deploy settings are read: the environment, then the file."""

# Variables of MLflow's client, which begin like our settings.
_OF_MLFLOW = frozenset(
    f"MLFLOW_{name}"
    for name in (
        "ARTIFACT_URI", "EXPERIMENT_ID", "TRACKING_AUTH", "TRACKING_AWS_SIGV4",
        "TRACKING_CLIENT_CERT_PATH", "TRACKING_INSECURE_TLS", "TRACKING_PASSWORD",
        "TRACKING_SERVER_CERT_PATH", "TRACKING_TOKEN", "TRACKING_USERNAME",
    )
)  # fmt: skip
_MOST_EDITS = 2
_ALIKE = 0.8
_SHARED_WORDS_ALIKE = 0.68
_OWN_WORDS = ("JUDGE_", "DATA_CAPTURE_", "SAGEMAKER_ENDPOINT_")
"""With these, names begin that only we use."""


class UnreadableEnvFileError(Exception):
    """The file cannot be read as settings; the text is one line that says what to do."""


def check_names(
    settings: Collection[str], environment: Mapping[str, str], path: Path = Path(ENV_FILE)
) -> list[str]:
    """What looks like a setting and is none, a line each; empty when all is well.

    In the file, which is written for us, a name that resembles a setting is taken for it. In the
    environment, which is full of other people's variables, only a slip of the pen is, and only
    where the setting itself is given nowhere.

    Args:
        settings: The names of all settings, in upper case.
        environment: The variables of the process.
        path: The settings file; need not exist.

    Raises:
        UnreadableEnvFileError: If the file is not UTF-8, or has a line without NAME=value.
    """
    known = {name.upper() for name in settings}
    named = read_names(path)
    given = {name.upper() for name in (*named, *environment)}
    meant = [(name, f"in {path}", _resembled(name, known)) for name in named]
    meant += [(n, "in the environment", _misspelt(n, known - given)) for n in sorted(environment)]
    return [
        f"{name} {where}: there is no such setting; did you mean {setting}?"
        for name, where, setting in meant
        if setting and name.upper() not in known
    ]


def read_names(path: Path) -> list[str]:
    """The names that a settings file gives a value; none when there is no such file.

    Raises:
        UnreadableEnvFileError: If the file is not UTF-8, or has a line without NAME=value.
    """
    if not path.is_file():
        return []
    try:
        content = path.read_bytes()
    except OSError as error:
        raise UnreadableEnvFileError(f"{path}: cannot be read: {error.strerror}") from error
    names = []
    for binding in parse_stream(StringIO(_text(path, content))):
        if binding.error or (binding.key and binding.value is None):
            raise UnreadableEnvFileError(
                f"{path}: line {binding.original.line} is not of the form NAME=value"
            )
        names += [binding.key] if binding.key else []
    return names


def _text(path: Path, content: bytes) -> str:
    if content.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        kind = "is UTF-16"
    elif b"\0" in content:
        kind = "holds NUL characters"
    else:
        try:
            return content.decode(ENCODING)
        except UnicodeDecodeError as error:
            line = content.count(b"\n", 0, error.start) + 1
            kind = f"is not UTF-8 in line {line}"
    raise UnreadableEnvFileError(f"{path}: {kind}; save it as UTF-8, or write it anew")


def _resembled(name: str, known: Collection[str]) -> str | None:
    """The setting that a name in our own file was meant to be."""
    plain = _plain(name)
    if plain in _OF_MLFLOW:
        return None
    if near := _misspelt(name, known):
        return near
    alike = {setting: SequenceMatcher(None, plain, setting).ratio() for setting in sorted(known)}
    closest = max(alike, key=alike.__getitem__)
    if alike[closest] >= _ALIKE or plain.startswith(_OWN_WORDS):
        return closest
    words = set(plain.split("_"))
    sharing = [
        setting
        for setting, ratio in alike.items()
        if ratio >= _SHARED_WORDS_ALIKE
        and (words <= set(setting.split("_")) or words >= set(setting.split("_")))
    ]
    return max(sharing, key=alike.__getitem__, default=None)


def _misspelt(name: str, known: Collection[str]) -> str | None:
    """The setting that is at most two slips away, such as a letter too many or two exchanged."""
    plain = _plain(name)
    if plain in _OF_MLFLOW:
        return None
    near = {
        setting: edits
        for setting in sorted(known)
        if abs(len(plain) - len(setting)) <= _MOST_EDITS
        and not _is_numbered(plain, setting)
        and (edits := _edits(plain, setting)) <= _MOST_EDITS
    }
    return min(near, key=near.__getitem__, default=None)


def _plain(name: str) -> str:
    return name.upper().replace("-", "_").replace(".", "_")


def _is_numbered(name: str, setting: str) -> bool:
    """Whether it is a further variable of that name, as BEDROCK_MODEL_ID_2 is."""
    return name.startswith(setting) and name[len(setting) :].strip("_").isdigit()


def _edits(a: str, b: str) -> int:
    """Letters to insert, leave out, replace or exchange with their neighbour to turn a into b."""
    costs = {(i, -1): i + 1 for i in range(-1, len(a))} | {(-1, j): j + 1 for j in range(len(b))}
    for i, of_a in enumerate(a):
        for j, of_b in enumerate(b):
            costs[i, j] = min(
                costs[i - 1, j] + 1, costs[i, j - 1] + 1, costs[i - 1, j - 1] + (of_a != of_b)
            )
            if i and j and of_a == b[j - 1] and a[i - 1] == of_b:
                costs[i, j] = min(costs[i, j], costs[i - 2, j - 2] + 1)
    return costs[len(a) - 1, len(b) - 1]
