"""A Bedrock model in memory that refuses what it is told to refuse, in Bedrock's words."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from tests.unit.judging import FakeBedrock, answer, bedrock_error, thought, verdict

Sent = Mapping[str, Any]

THOUGHT = "Is it? Or is it not?"


def choice(sent: Sent) -> Mapping[str, Any]:
    """The tool choice of a request; empty where there is none."""
    found: Mapping[str, Any] = sent.get("toolConfig", {}).get("toolChoice", {})
    return found


def config(sent: Sent) -> Mapping[str, Any]:
    """The inference configuration of a request."""
    found: Mapping[str, Any] = sent["inferenceConfig"]
    return found


TRIGGERS: dict[str, tuple[Callable[[Sent], bool], str]] = {
    "temperature": (
        lambda sent: "temperature" in config(sent),
        "The model returned the following errors: `temperature` is deprecated for this model.",
    ),
    "top_p": (
        lambda sent: "topP" in config(sent),
        "The model returned the following errors: `top_p` is deprecated for this model.",
    ),
    "both": (
        lambda sent: {"temperature", "topP"} <= set(config(sent)),
        (
            "The model returned the following errors: `temperature` and `top_p` cannot both be"
            " specified for this model. Please use only one."
        ),
    ),
    "top_k": (
        lambda sent: "top_k" in sent.get("additionalModelRequestFields", {}),
        "The model returned the following errors: `top_k` is deprecated for this model.",
    ),
    "stop_sequences": (
        lambda sent: "stopSequences" in config(sent),
        "The model returned the following errors: stop_sequences: Extra inputs are not permitted",
    ),
    "json_schema": (
        lambda sent: "textFormat" in sent.get("outputConfig", {}),
        (
            "The model returned the following errors: output_config.format: Extra inputs are not"
            " permitted"
        ),
    ),
    "effort": (
        lambda sent: "effort" in sent.get("outputConfig", {}),
        (
            "The model returned the following errors: output_config.effort: Extra inputs are not"
            " permitted"
        ),
    ),
    "output_config": (
        lambda sent: "outputConfig" in sent,
        "This model doesn't support the outputConfig field. Remove outputConfig and try again.",
    ),
    "forced": (
        lambda sent: bool({"tool", "any"} & set(choice(sent))),
        (
            "This model doesn't support the toolConfig.toolChoice.tool field. Remove"
            " toolConfig.toolChoice.tool and try again."
        ),
    ),
    "forced_by_claude": (
        lambda sent: bool({"tool", "any"} & set(choice(sent))),
        "The model returned the following errors: forced tool use is not supported for this model",
    ),
    "tools": (lambda sent: "toolConfig" in sent, "This model doesn't support tool use."),
    "thinking_with_forced_tool": (
        lambda sent: (
            "thinking" in sent.get("additionalModelRequestFields", {})
            and bool({"tool", "any"} & set(choice(sent)))
        ),
        (
            "The model returned the following errors: Thinking may not be enabled when tool_choice"
            " forces tool use."
        ),
    ),
    "disabled_thinking": (
        lambda sent: (
            sent.get("additionalModelRequestFields", {}).get("thinking", {}).get("type")
            == "disabled"
        ),
        (
            'The model returned the following errors: "thinking.type.disabled" is not supported for'
            " this model."
        ),
    ),
    "thinking": (
        lambda sent: "thinking" in sent.get("additionalModelRequestFields", {}),
        "The model returned the following errors: thinking: Extra inputs are not permitted",
    ),
    "system": (
        lambda sent: "system" in sent,
        (
            "This model doesn't support system messages. Try again without system messages or use a"
            " model that supports system messages."
        ),
    ),
    "cache": (
        lambda sent: any("cachePoint" in block for block in sent.get("system", ())),
        "You invoked an unsupported model or your request did not allow prompt caching.",
    ),
    "max_tokens": (
        lambda sent: config(sent)["maxTokens"] > 2048,
        (
            "The maximum tokens you requested exceeds the model limit of 2048. Try again with a"
            " maximum tokens value that is lower than 2048."
        ),
    ),
}
"""What a model may refuse: when it does, and in which words."""


def way_of(sent: Sent) -> str:
    """How a verdict is asked for."""
    if "textFormat" in sent.get("outputConfig", {}):
        return "json_schema"
    if "toolConfig" in sent:
        kind = next(iter(choice(sent)), "auto")
        return {"tool": "forced_tool", "any": "any_tool", "auto": "offered_tool"}[kind]
    return "words"


@dataclass
class PickyModel(FakeBedrock):
    """Refuses the first of `refuses` that a request has; else it answers with `reply`.

    `refused` has what was refused, in order. `thinks` is how many tokens its thoughts take. Offered
    a tool, it writes prose where `chatty`. `result` is its verdict. `says` are other words of a
    refusal, `code` another code.
    """

    refuses: tuple[str, ...] = ()
    says: Mapping[str, str] = field(default_factory=dict)
    code: str = "ValidationException"
    thinks: int = 0
    chatty: bool = False
    result: Any = "yes"
    refused: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.reply = self._answer

    @property
    def ways(self) -> list[str]:
        """How each request asked."""
        return [way_of(request) for request in self.requests]

    def _answer(self, sent: Sent) -> Any:
        for name in self.refuses:
            triggers, words = TRIGGERS[name]
            if triggers(sent):
                self.refused.append(name)
                said = self.says.get(name, words)
                return bedrock_error(
                    self.code if name in self.says else "ValidationException", 400, said
                )
        thoughts = [thought(THOUGHT)] if self.thinks else []
        if self.thinks and config(sent)["maxTokens"] < self.thinks + 200:
            return answer(thoughts, "max_tokens")
        way = way_of(sent)
        if way == "offered_tool" and self.chatty:
            return answer([*thoughts, {"text": "I would say that it is fine."}])
        if way in ("json_schema", "words"):
            text = f'{{"rationale": "Because.", "result": "{self.result}"}}'
            return answer([*thoughts, {"text": text}])
        given = verdict(self.result)
        given["output"]["message"]["content"][:0] = thoughts
        return given
