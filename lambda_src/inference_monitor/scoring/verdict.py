"""The verdict a judge is made to give: a forced tool call, read strictly.

A verdict that cannot be read is an error, never a value: a judge that says "false" in quotes, names
a category that is not offered or leaves out its result has said nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, create_model

from inference_monitor.scoring.specs import JudgedSpec, JudgeSpec

TOOL = "verdict"

_RATIONALE = {"type": "string", "description": "Detailed explanation for the evaluation"}


class UnreadableVerdictError(Exception):
    """The judge answered, but not with a verdict; the message quotes nothing of its answer."""


class _Verdict(BaseModel):
    model_config = ConfigDict(strict=True, extra="forbid")

    rationale: str


@dataclass(frozen=True, slots=True)
class Verdict:
    """What the judge found, and why."""

    result: str | bool | float
    rationale: str


class VerdictFormat:
    """One kind of result: the schema that asks for it, and the model that reads it.

    `result` is the JSON schema of the result, `accepted` the same as a pydantic type.
    """

    def __init__(self, result: dict[str, Any], accepted: Any) -> None:
        self.result = result
        self._model = create_model("Verdict", __base__=_Verdict, result=(accepted, ...))

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
            UnreadableVerdictError: If there is not exactly one complete verdict of this kind.
        """
        return self.accept(tool_input(response), response.get("stopReason"))

    def accept(self, given: Any, stop_reason: Any) -> Verdict:
        """Read a verdict that the judge gave, strictly.

        Raises:
            UnreadableVerdictError: If it is not a complete verdict of this kind.
        """
        try:
            verdict = self._model.model_validate(given)
        except ValidationError as error:
            wrong = "; ".join(
                f"{_place(e['loc'])}: {e['msg']}"
                for e in error.errors(include_input=False, include_url=False, include_context=False)
            )
            hint = ", raise max_tokens" if stop_reason == "max_tokens" else ""
            raise UnreadableVerdictError(
                f"the judge's verdict does not fit: {wrong} (stop reason: {stop_reason}{hint})"
            ) from None  # pydantic's own error quotes the input
        return Verdict(result=verdict.model_dump()["result"], rationale=verdict.rationale)


def verdict_tool(schema: dict[str, Any]) -> dict[str, Any]:
    """The tool for Converse whose input is the verdict."""
    return {
        "toolSpec": {
            "name": TOOL,
            "description": "Record the verdict.",
            "inputSchema": {"json": schema},
        }
    }


def tool_input(response: Mapping[str, Any]) -> Any:
    """What the judge called the tool with.

    Raises:
        UnreadableVerdictError: If it did not call it exactly once.
    """
    content = response.get("output", {}).get("message", {}).get("content", [])
    calls = [block["toolUse"] for block in content if "toolUse" in block]
    inputs = [call.get("input") for call in calls if call.get("name") == TOOL]
    if len(inputs) != 1:
        raise UnreadableVerdictError(
            f"the judge called the tool `{TOOL}` {len(inputs)} times instead of once"
            f" (stop reason: {response.get('stopReason')})"
        )
    return inputs[0]


def _fields(rationale: dict[str, Any], result: dict[str, Any]) -> dict[str, Any]:
    """Rationale and result; the rationale comes first, or it would only excuse the result."""
    return {
        "type": "object",
        "properties": {"rationale": rationale, "result": result},
        "required": ["rationale", "result"],
    }


def _place(location: tuple[int | str, ...]) -> str:
    """Which field is wrong; one that the judge has made up is not repeated."""
    name = location[0] if location else "verdict"
    return str(name) if name in ("verdict", "rationale", "result") else "another field"


def verdict_format(spec: JudgedSpec) -> VerdictFormat:
    """The kind of result a scorer wants."""
    match spec:
        case JudgeSpec(output="bool"):
            return VerdictFormat({"type": "boolean"}, bool)
        case JudgeSpec(output="number", range=[low, high]):
            return VerdictFormat(
                {"type": "number", "minimum": low, "maximum": high},
                Annotated[float, Field(ge=low, le=high, allow_inf_nan=False)],
            )
    return _one_of([*spec.labels])


def _one_of(labels: list[str]) -> VerdictFormat:
    return VerdictFormat({"type": "string", "enum": labels}, Literal[tuple(labels)])
