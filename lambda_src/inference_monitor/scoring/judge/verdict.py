"""The verdict a judge is asked for: its JSON schema, and what of an answer is taken for one.

A spelling that can mean one thing only is taken: `"Yes."` for `yes`, `"4"` for 4, a field too many.
Anything else is an error, never a value: two different verdicts, a category that is not offered, a
number off the scale, a sentence.
"""

from __future__ import annotations

import math
import re
import unicodedata
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from inference_monitor.config.specs import JudgedSpec, JudgeSpec
from inference_monitor.scoring.judge.output import TOOL, decoded, explain_stop, fold_keys, objects

Result = str | bool | float

_RATIONALE = {"type": "string", "description": "Detailed explanation for the evaluation"}
_NUMBER = re.compile(
    r"([+-]?(?:\d+(?:\.\d*)?|\.\d+)(?:e[+-]?\d{1,3})?)"
    r"(?:\s*(?:/|out of|of)\s*(\d+(?:\.\d+)?)|\s*(%))?",
    re.IGNORECASE,
)
_AROUND_A_NUMBER = " \t\r\n!,;:*_`'\"“”()[]"
_AROUND_A_WORD = " \t\r\n.!,;:*_`'\"“”()[]"


class UnreadableVerdictError(Exception):
    """The judge answered, but not with a verdict; the message quotes nothing of its answer."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """What the judge found, and why."""

    result: Result
    rationale: str


class VerdictFormat:
    """One kind of result: the schema that asks for it, and the reading of what comes back."""

    def __init__(self, result: dict[str, Any], read_result: Callable[[Any], Result]) -> None:
        """`result` is the JSON schema of the result; `read_result` raises ValueError."""
        self.result = result
        self._read_result = read_result

    @property
    def tool(self) -> dict[str, Any]:
        """The tool for one verdict on its own, described as MLflow describes it."""
        result = {"description": "The evaluation rating/result", **self.result}
        return verdict_tool(_fields(_RATIONALE, result))

    @property
    def schema(self) -> dict[str, Any]:
        """The JSON schema of a verdict among others, as short as can be."""
        return _fields({"type": "string"}, self.result)

    def read(self, response: Mapping[str, Any]) -> Verdict:
        """Read the one verdict out of a Converse response.

        Raises:
            UnreadableVerdictError: If there is no complete verdict of this kind, or two differ.
        """
        return self.choose(objects(response), response)

    def choose(self, given: Sequence[Any], response: Mapping[str, Any]) -> Verdict:
        """The one verdict that all of some objects agree on.

        Raises:
            UnreadableVerdictError: If there is none, or they differ.
        """
        verdicts = [self.accept(one, response) for one in given]
        if len({verdict.result for verdict in verdicts}) != 1:
            what = f"{len(verdicts)} different verdicts" if verdicts else "no verdict"
            raise UnreadableVerdictError(f"the judge gave {what} ({explain_stop(response)})")
        return verdicts[0]

    def accept(self, given: Any, response: Mapping[str, Any]) -> Verdict:
        """Read a verdict out of one object that the judge gave in a response.

        Raises:
            UnreadableVerdictError: If it is not a complete verdict of this kind.
        """
        given = decoded(given)
        fields = fold_keys(given) if isinstance(given, Mapping) else {}
        rationale, wrong = fields.get("rationale"), None
        if not isinstance(rationale, str):
            wrong = "`rationale` is missing or no text"
        elif "result" not in fields:
            wrong = "`result` is missing"
        else:
            try:
                return Verdict(self._read_result(_inner(fields["result"])), rationale)
            except ValueError as error:
                wrong = f"`result` {error}"
        raise UnreadableVerdictError(
            f"the judge's verdict does not fit: {wrong} ({explain_stop(response)})"
        )


def _inner(result: Any) -> Any:
    """A result that is put into an object of its own, alone."""
    if isinstance(result, Mapping) and len(result) == 1:
        ((key, inner),) = result.items()
        return inner if str(key).strip().lower() in ("result", "value", "rating") else result
    return result


def verdict_tool(schema: dict[str, Any]) -> dict[str, Any]:
    """The tool for Converse whose input is the verdict."""
    return {
        "toolSpec": {
            "name": TOOL,
            "description": "Record the verdict.",
            "inputSchema": {"json": schema},
        }
    }


def verdict_format(spec: JudgedSpec) -> VerdictFormat:
    """The kind of result a scorer wants."""
    match spec:
        case JudgeSpec(output="bool"):
            return VerdictFormat({"type": "boolean"}, _read_bool)
        case JudgeSpec(output="number", range=[low, high]):
            return _number(low, high)
    return one_of(spec.labels)


def one_of(labels: Sequence[str]) -> VerdictFormat:
    """A result that is one of some labels, best first."""
    by_fold: dict[str, list[str]] = {}
    for label in labels:
        by_fold.setdefault(_fold(label), []).append(label)

    def read(given: Any) -> Result:
        if isinstance(given, str) and given in labels:
            return given
        for spelling in _spellings(given):
            if len(meant := by_fold.get(spelling, [])) == 1:
                return meant[0]
        raise ValueError("is none of the categories")

    return VerdictFormat({"type": "string", "enum": list(labels)}, read)


def _number(low: float, high: float) -> VerdictFormat:
    def read(given: Any) -> Result:
        value = _to_number(given, low, high)
        if not low <= value <= high:
            raise ValueError(f"is not between {low:g} and {high:g}")
        return value

    return VerdictFormat({"type": "number", "minimum": low, "maximum": high}, read)


def _to_number(given: Any, low: float, high: float) -> float:
    """A number, also as text, as so many of the highest ("4/5"), or in per cent of it."""
    if isinstance(given, str) and (found := _NUMBER.fullmatch(_bare(given))):
        value = float(found[1])
        if found[3] and low == 0 and high in (1, 100):
            return value * high / 100
        if not found[3] and (found[2] is None or float(found[2]) == high):
            return value
    elif isinstance(given, int | float) and not isinstance(given, bool):
        with suppress(OverflowError):  # an integer beyond what a float can be
            if math.isfinite(value := float(given)):
                return value
    raise ValueError("is no number")


def _bare(number: str) -> str:
    """A number without what stands around it; a point before its digits is a part of it."""
    return number.strip(_AROUND_A_NUMBER).rstrip(". ")


def _read_bool(given: Any) -> Result:
    if isinstance(given, bool):
        return given
    if isinstance(given, str) and (word := _fold(given)) in _MEANS:
        return _MEANS[word]
    raise ValueError("is neither true nor false")


_MEANS = {"true": True, "yes": True, "false": False, "no": False}


def _spellings(given: Any) -> list[str]:
    """What a result may have been meant to be, as folded labels; the nearest first."""
    if isinstance(given, bool):
        return ["true", "yes"] if given else ["false", "no"]
    if isinstance(given, int | float):
        return [f"{given:g}"]
    if isinstance(given, str):
        word = _fold(given)
        meant = _MEANS.get(word)
        return [word] if meant is None else [word, *_spellings(meant)]
    return []


def _fold(label: str) -> str:
    """A label without the differences that mean nothing: case, blanks, punctuation around it."""
    folded = unicodedata.normalize("NFKC", label).casefold().strip(_AROUND_A_WORD)
    return re.sub(r"[\s_-]+", " ", folded) or label


def _fields(rationale: dict[str, Any], result: dict[str, Any]) -> dict[str, Any]:
    """Rationale and result; the rationale comes first, or it would only excuse the result."""
    return {
        "type": "object",
        "properties": {"rationale": rationale, "result": result},
        "required": ["rationale", "result"],
    }
