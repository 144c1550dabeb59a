"""The words for mistakes in `scorers.yaml`."""

from __future__ import annotations

from typing import Any

from inference_monitor.config_file import Location
from inference_monitor.errors import MonitorError


class InvalidScorersError(MonitorError):
    """`scorers.yaml` cannot be used; one line for each problem, with the file's line number."""


RIGHT: dict[str, str] = {
    "": "a mapping with the key `scorers`",
    "arguments": "a mapping of the class's keyword arguments",
    "class": "a dotted path, e.g. mlflow.genai.scorers.RegexMatch",
    "family": "the name of a payload family, or a list of them",
    "function": "module:function, e.g. my_checks:is_polite",
    "guidelines": "a rule in plain words, or a list of them",
    "inference_parameters": "a mapping with `temperature` and `max_tokens`",
    "instructions": "the judge's instructions, as text",
    "kind": "one or more of llm, embedding, rerank, classifier, other",
    "max_characters": "a whole number of at least 1000",
    "max_tokens": "a whole number of at least 64",
    "model": "bedrock:/ and a model or inference profile id,"
    " e.g. bedrock:/global.anthropic.claude-haiku-4-5-20251001-v1:0",
    "name": "letters, digits, `_`, `.` or `-`, at most 250, beginning with a letter or `_`",
    "output": "bool, number, or a list of at least two different categories, best first"
    ' (words like yes, no, on, off need quotes: ["yes", "no"])',
    "range": "[lowest, highest], two numbers",
    "sample_rate": "a number from 0 (no record) to 1 (every record)",
    "scorers": "a list of scorers",
    "status": "ok, error, or both as a list",
    "temperature": "a number from 0 to 1, or null to leave it out",
    "type": "one of safety, relevance_to_query, fluency, guidelines, judge, token_count, code,"
    " mlflow",
    "variant": "the name of a production variant, or a list of them",
    "version": 'a text in quotes or a whole number, e.g. "1.10"',
    "when": "a mapping with one or more of variant, family, kind, status",
}
"""What would be right, for every key of the schema."""

SENTENCES = {
    "model_attributes_type": "a scorer is {found}; it must be a mapping with `name` and `type`",
}


def location_in_file(location: Location) -> Location:
    """Leave out the scorer's type, which pydantic puts in: ("scorers", 2, "judge", "output")."""
    if location[:1] == ("scorers",) and len(location) > 2:
        return location[:2] + location[3:]
    return location


def scorer_of(document: Any, location: Location) -> str:
    """`scorer NAME: ` for a place inside a scorer that has a name, else nothing."""
    match location:
        case ("scorers", int(index), *_):
            scorer = document["scorers"][index]
            name = scorer.get("name") if isinstance(scorer, dict) else None
            return f"scorer `{name}`: " if isinstance(name, str) else ""
    return ""
