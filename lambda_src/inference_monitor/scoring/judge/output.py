"""What a judge wrote: the objects in its text, and why it stopped."""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Iterable, Mapping
from typing import Any

from inference_monitor.families.thoughts import separate_thoughts
from inference_monitor.inference import Choice

TOOL = "verdict"


class _Ambiguous:
    """A value that was given twice, and differs."""


AMBIGUOUS = _Ambiguous()

_BLANKS = " \t\r\n\ufeff\u200b\u00a0"
FENCE = re.compile(r"(?:```[\w-]*\s*\n?(.*?)```|~~~[\w-]*\s*\n(.*?)~~~)", re.DOTALL)
_OPEN_FENCE = re.compile(r"\A(?:```|~~~)[\w-]*\s*\n")
# Control tokens of chat templates: OpenAI's form, DeepSeek's with a wide bar, and Mistral's.
_CONTROL = re.compile(
    r"<\|[^|<>\s]{1,40}\|>|<\uff5c[^\uff5c<>]{1,40}\uff5c>|</?s>|\[/?TOOL_CALLS\]|\[ARGS\]"
)
# Tags around a call or an answer: Llama, Qwen, GLM, MiniMax, Claude.
_TAGS = r"(?:\w+:)?(?:tool_calls?|function_calls)|answer|final_answer|output|json|verdict"
_OPENING = re.compile(rf"\A<(?:{_TAGS}|_*function[=(][\w.]+\)?)>\s*")
_CLOSING = re.compile(rf"\s*</(?:{_TAGS}|_*function)>\Z")
# What is left of a call before its input, as of Kimi's `functions.verdict:0`.
_LABEL = re.compile(
    rf"\A(?:assistant|function|action:|json|(?:\w+[.:])?{TOOL}(?:_tool)?(?::\d+)?)(?=[\s\[{{`<])\s*",
    re.IGNORECASE,
)
_PARAMETER = re.compile(
    r"<_*parameter(?:=| name=)\"?([\w.-]+)\"?>((?:(?!<_*parameter).)*?)</_*parameter>"
    r"|<arg_key>((?:(?!<arg_key).)*?)</arg_key>\s*+<arg_value>((?:(?!<arg_key).)*?)</arg_value>",
    re.DOTALL,
)
_PYTHON_CALL = re.compile(rf"\[?\s*(?:print\()?(?:\w+\.)*{TOOL}\s*\(.*\)\s*\]?", re.DOTALL)
_CALL_NAMES = ("name", "function", "tool", "tool_name")
_CALL_KEYS = ("parameters", "arguments", "input", "tool_input")
_AROUND = frozenset({"output", "answer", "response", "result", "evaluation", "judgment"})
_MOST_LAYERS = 6
_STRING = r'"(?:\\.|[^"\\])*+"?'  # also without an end, so that no text takes long
_COMMENT = re.compile(rf"({_STRING})|//[^\n]*|/\*[^*]{{0,500}}\*/", re.DOTALL)
_COMMA_TOO_MANY = re.compile(rf"({_STRING})|,(?=\s*[\]}}])", re.DOTALL)
_BARE_KEY = re.compile(rf"({_STRING})|(?<=[{{,\s])([A-Za-z_]\w*)(?=\s*:)", re.DOTALL)
_LABELLED = re.compile(
    r"\A[\s*_#-]*rationale[*_ ]*:[*_\s]*(?P<rationale>\S.*?)"
    r"\n[\s*_#-]*result[*_ ]*:[*_ ]*(?P<result>[^\n]+)\Z",
    re.DOTALL | re.IGNORECASE,
)
_LABEL_LINE = re.compile(r"^[^\w\n]*(?:rationale|result)[^\w\n]*:", re.MULTILINE | re.IGNORECASE)


def written_objects(said: str) -> list[Any]:
    """The objects that a text consists of; none where it holds anything else."""
    said = said.strip(_BLANKS)
    whole = _sequence(said)
    return [_call_input(given) for given in whole or _notations(unwrapped(said))]


def unwrapped(said: str) -> str:
    """A text without fences, and the notation of a tool call around it."""
    said = _CONTROL.sub("\n", said).strip(_BLANKS)
    for _ in range(_MOST_LAYERS):
        if fenced := FENCE.fullmatch(said):
            said = fenced[1] or fenced[2] or ""
        said = _OPEN_FENCE.sub("", said) if len(_OPEN_FENCE.findall(said)) == 1 else said
        said = _LABEL.sub("", _CLOSING.sub("", _OPENING.sub("", said))).strip(_BLANKS)
    return said


def decoded(given: Any) -> Any:
    """An object that is given as its JSON text, as its object; anything else as it is."""
    if isinstance(given, str) and (found := written_objects(given)):
        return found[0] if len(found) == 1 else given
    return given


def fold_keys(given: Mapping[str, Any]) -> dict[str, Any]:
    """An object whose keys differ from the schema's in case or blanks only."""
    return _object((str(key).strip().lower(), value) for key, value in given.items())


def is_verdict_tool(name: Any) -> bool:
    """Whether a name is that of the tool, as some models prefix it: `functions.verdict`."""
    return TOOL in re.split(r"[^a-z]+", str(name).lower())


def _object(pairs: Iterable[tuple[Any, Any]]) -> dict[Any, Any]:
    given: dict[Any, Any] = {}
    for key, value in pairs:
        given[key] = value if key not in given or given[key] == value else AMBIGUOUS
    return given


def _notations(said: str) -> list[dict[Any, Any]]:
    if parameters := _PARAMETER.findall(said):
        pairs = ((name or key, value or other) for name, value, key, other in parameters)
        return [_object((name.strip(), value.strip()) for name, value in pairs)]
    if _PYTHON_CALL.fullmatch(said):
        return _python_calls(said)
    if found := _sequence(said) or _sequence(_repaired(said)):
        return found
    labelled = _LABELLED.fullmatch(said)
    if labelled and len(_LABEL_LINE.findall(said)) == len(labelled.groupdict()):
        return [labelled.groupdict()]
    return []


def _sequence(said: str) -> list[dict[str, Any]]:
    """JSON objects one after the other, or in a list."""
    # Models write line breaks inside of strings.
    decoder = json.JSONDecoder(strict=False, object_pairs_hook=_object)
    found: list[Any] = []
    position = 0
    try:
        while position < len(said):
            given, position = decoder.raw_decode(said, position)
            found += given if isinstance(given, list) else [given]
            position += len(said) - position - len(said[position:].lstrip(" \t\r\n;,"))
    except (ValueError, RecursionError):
        return _python_object(said)
    return found if all(isinstance(given, dict) for given in found) else []


def _repaired(said: str) -> str:
    """JSON without comments and commas too many, and with straight quotes around its keys."""
    if '"' not in said:
        said = re.sub("[“”„]", '"', said)
    said = _COMMENT.sub(lambda found: found[1] or "", said)
    said = _COMMA_TOO_MANY.sub(lambda found: found[1] or "", said)
    return _BARE_KEY.sub(lambda found: found[1] or f'"{found[2]}"', said).strip()


def _python_object(said: str) -> list[dict[str, Any]]:
    """An object in Python's notation, as some models write it: single quotes, True, None."""
    try:
        tree = ast.parse(said, mode="eval").body
        if not isinstance(tree, ast.Dict):
            return []
        pairs = zip(tree.keys, tree.values, strict=True)
        return [_object((ast.literal_eval(k), ast.literal_eval(v)) for k, v in pairs if k)]
    except (ValueError, TypeError, SyntaxError, RecursionError, MemoryError):
        return []


def _python_calls(said: str) -> list[dict[str, Any]]:
    try:
        tree = ast.parse(said, mode="eval").body
        calls = tree.elts if isinstance(tree, ast.List) else [tree]
        if isinstance(tree, ast.Call) and getattr(tree.func, "id", None) == "print":
            calls = tree.args
        return [
            {str(keyword.arg): ast.literal_eval(keyword.value) for keyword in call.keywords}
            for call in calls
            if isinstance(call, ast.Call)
        ]
    except (ValueError, TypeError, SyntaxError, RecursionError, MemoryError):
        return []


def _call_input(given: dict[str, Any]) -> Any:
    """The input of a tool call that is written as an object; any other object as it is."""
    function = given.get("function")
    if isinstance(function, Mapping):
        given = dict(function)
    if any(is_verdict_tool(given[name]) for name in _CALL_NAMES if name in given):
        for key in _CALL_KEYS:
            if key in given:
                return decoded(given[key])
    if len(given) != 1:
        return given
    ((key, value),) = given.items()
    inner = decoded(value)
    around = str(key).strip().lower() in _AROUND and _holds_verdicts(inner)
    return inner if key == TOOL or around else given


def _holds_verdicts(given: Any) -> bool:
    """Whether an object is a verdict, or has nothing but verdicts."""
    if not isinstance(given, Mapping) or not given:
        return False
    return {"rationale", "result"} <= set(fold_keys(given)) or all(
        isinstance(one, Mapping) and {"rationale", "result"} <= set(fold_keys(one))
        for one in given.values()
    )


DECLINED = frozenset({"refusal", "content_filtered", "guardrail_intervened"})
"""Stop reasons of a judge that will not judge the content (Bedrock's API reference, `Converse`;
`refusal` is Anthropic's, passed on by Bedrock)."""


def content(response: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """The content blocks of a response; none where it has no message."""
    message = (response.get("output") or {}).get("message") or {}
    blocks = message.get("content") or []
    return [block for block in blocks if isinstance(block, Mapping)]


def stop_reason(response: Mapping[str, Any]) -> str:
    """Why the judge stopped, as Bedrock says it."""
    return str(response.get("stopReason"))


def explain_stop(response: Mapping[str, Any]) -> str:
    """The stop reason for an error message, with what helps against it."""
    reason = stop_reason(response)
    return f"stop reason: {reason}" + (", raise max_tokens" if reason == "max_tokens" else "")


def has_thoughts(response: Mapping[str, Any]) -> bool:
    """Whether the model says that it has thought, in a block of its own or in its text."""
    in_blocks = any("reasoningContent" in block for block in content(response))
    return in_blocks or _said(response).reasoning is not None


def text(response: Mapping[str, Any]) -> str:
    """What the judge says in text, without its thoughts."""
    return (_said(response).text or "").strip()


def objects(response: Mapping[str, Any]) -> list[Any]:
    """What the judge gave to be read as a verdict, in order; the inputs of its tool calls first.

    An input that is no object, not even written as JSON, stands as it is.
    """
    calls = _tool_calls(response)
    if calls:
        return [decoded(call.get("input")) for call in calls if is_verdict_tool(call.get("name"))]
    said = _said(response)
    if said.tool_calls:  # of the harmony format
        return [decoded(call.arguments) for call in said.tool_calls if is_verdict_tool(call.name)]
    whole = written_objects(said.text or "")
    return whole or [one for block in _fenced(said.text or "") for one in written_objects(block)]


def repeats(response: Mapping[str, Any], shown: str) -> bool:
    """Whether what a judge gives in text stands in what it was shown, blanks aside.

    A verdict that it only repeats is that of whoever wrote the judged text.
    """
    if _tool_calls(response):
        return False
    said = text(response)
    given = (
        [said] if written_objects(said) else [one for one in _fenced(said) if written_objects(one)]
    )
    compared = ["".join(unwrapped(one).split()) for one in given or [said]]
    shown = "".join(shown.split())
    return any(one and one in shown for one in compared)


def _tool_calls(response: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    calls = [block.get("toolUse") for block in content(response)]
    return [call for call in calls if isinstance(call, Mapping)]


def _said(response: Mapping[str, Any]) -> Choice:
    """The text of an answer, apart from its thoughts."""
    said = "".join(str(block["text"]) for block in content(response) if "text" in block)
    # A verdict may speak of the marks of thoughts.
    return Choice(said) if written_objects(said) else separate_thoughts(Choice(said))


def _fenced(said: str) -> list[str]:
    return [one or other for one, other in FENCE.findall(said)]


def thoughts(response: Mapping[str, Any]) -> str:
    """The thoughts that a model shows in blocks of their own; some show none, or a summary."""
    blocks = [
        block["reasoningContent"] for block in content(response) if "reasoningContent" in block
    ]
    return "\n".join(str((block.get("reasoningText") or {}).get("text", "")) for block in blocks)
