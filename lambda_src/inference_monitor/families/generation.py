"""Answers of text generation servers: LMI, TGI, the Hugging Face toolkit, JumpStart, SGLang."""

from __future__ import annotations

from typing import Any

from inference_monitor.families.failures import find_failure
from inference_monitor.families.fields import (
    count_of,
    is_texts,
    object_of,
    objects_of,
    text_of,
    usage_of,
)
from inference_monitor.families.openai import finish_reason_of, message_choice
from inference_monitor.inference import Choice, Request, Response, Usage

_TEXT2TEXT = ("generated_text", "summary_text", "translation_text")
_FAILED: dict[str, Any] = {
    "generated_text": None,
    "generation": None,
    "details": {"finish_reason": "error"},
    "stop_reason": "error",
}
"""What stands for an item of a batch that has failed while others were answered."""


def generated_text(body: Any, request: Request | None) -> Response | None:
    """`generated_text` in an object, in a list (one per input, or several answers), or nested."""
    groups = _answers(body, _TEXT2TEXT)
    if groups is None:
        return None
    batched = request is not None and len(request.items) == len(groups) > 1
    if not batched:  # a flat list for one input: several answers to it
        groups = [[answer for group in groups for answer in group]]
    choices = tuple(c for i, g in enumerate(groups) for a in g for c in _generated(a, i))
    first = object_of(groups[0][0] if groups[0] else None)
    return Response(
        "generated_text",
        body,
        choices,
        _details_usage(groups),
        model=text_of(first.get("model")),
        echoes_prompt=_echoes(choices, request),
    )


def generated_texts(body: Any, request: Request | None) -> Response | None:
    """`generated_texts`: JumpStart's first models; also `generated_text` as a list."""
    body = object_of(body)
    texts = body.get("generated_texts", body.get("generated_text"))
    return text_list("generated_texts", body, texts, request)


def jumpstart_generation(body: Any, request: Request | None) -> Response | None:
    """`[{"generation": message or text}]`: JumpStart's Llama 2, one per dialog."""
    groups = _answers(body, ("generation",))
    if groups is None:
        return None
    flat = [a for group in groups for a in group]
    batched = request is not None and len(request.items) == len(flat) > 1
    choices = []
    for index, answer in enumerate(flat):
        said, finish = answer["generation"], answer.get("stop_reason")
        choice = message_choice(said if isinstance(said, dict) else {"content": said}, finish)
        choices.append(_at(choice, index if batched else 0))
    return Response("jumpstart_generation", body, tuple(choices), _generation_usage(flat[0]))


def lmi_third_party(body: Any, request: Request | None) -> Response | None:
    """`{"body": {"generation", …}, "metering", "content_type"}`: LMI's third-party formatter."""
    inner = object_of(object_of(body).get("body"))
    if "generation" not in inner:
        return None
    answer = jumpstart_generation(inner, request)
    metering = object_of(body.get("metering"))
    usage = _generation_usage(inner)
    usage = Usage(
        count_of(metering.get("inputTokenCount"))
        if usage.input_tokens is None
        else usage.input_tokens,
        count_of(metering.get("outputTokenCount"))
        if usage.output_tokens is None
        else usage.output_tokens,
    )
    return Response("lmi_third_party", body, answer.choices if answer else (), usage)


def sglang_native(body: Any, request: Request | None) -> Response | None:
    """`text` with `meta_info`, one or a list of them: SGLang's own API."""
    answers = objects_of(body if isinstance(body, list) else [body])
    if not answers or not all("meta_info" in a for a in answers):
        return None
    metas = [object_of(a.get("meta_info")) for a in answers]
    batched = request is not None and len(request.items) == len(answers) > 1
    choices = tuple(
        Choice(
            text_of(a.get("text")),
            finish_reason_of(m.get("finish_reason")),
            output_tokens=count_of(m.get("completion_tokens")),
            item=i if batched else 0,
        )
        for i, (a, m) in enumerate(zip(answers, metas, strict=True))
    )
    return Response("sglang_native", body, choices, total_usage([usage_of(m) for m in metas]))


def text_list(family: str, body: Any, texts: Any, request: Request | None) -> Response | None:
    """An answer that is a list of bare texts: one per input, or several to one input."""
    if not is_texts(texts):
        return None
    batched = request is not None and len(request.items) == len(texts) > 1
    choices = tuple(Choice(t, item=i if batched else 0) for i, t in enumerate(texts))
    return Response(family, body, choices, usage_of(object_of(body).get("usage")))


def total_usage(parts: list[Usage]) -> Usage:
    """Token counts of several answers together; None where no answer tells."""
    inputs = [u.input_tokens for u in parts if u.input_tokens is not None]
    outputs = [u.output_tokens for u in parts if u.output_tokens is not None]
    return Usage(sum(inputs) if inputs else None, sum(outputs) if outputs else None)


def _answers(body: Any, keys: tuple[str, ...]) -> list[list[dict[str, Any]]] | None:
    """Answers by input: `{}`, `[{}, …]` and `[[{}], …]` all become `[[{}], …]`; else None.

    Some of a batch may have failed, of which an error or null tells: others are answers all the
    same.
    """
    rows = body if isinstance(body, list) else [body]
    groups = [row if isinstance(row, list) else [row] for row in rows]
    groups = [[_FAILED if _has_failed(a, keys) else a for a in group] for group in groups]
    flat = [answer for group in groups for answer in group]
    answered = [a for a in flat if a is not _FAILED]
    if not answered or not all(isinstance(a, dict) and _spoken_key(a, keys) for a in flat):
        return None
    return groups


def _has_failed(answer: Any, keys: tuple[str, ...]) -> bool:
    if isinstance(answer, dict):
        return not _spoken_key(answer, keys) and find_failure(answer) is not None
    return answer is None


def _spoken_key(answer: dict[str, Any], keys: tuple[str, ...]) -> str | None:
    return next((k for k in keys if k in answer and not isinstance(answer[k], list)), None)


def _generated(answer: dict[str, Any], item: int) -> list[Choice]:
    """The answer, and the other sequences when the best of several was asked for."""
    details = object_of(answer.get("details"))
    sequences = objects_of(details.get("best_of_sequences"))
    key = _spoken_key(answer, _TEXT2TEXT) or ""
    best = _choice(text_of(answer[key]), details, item)
    others = [_choice(text_of(s.get("generated_text")), s, item) for s in sequences]
    return [best, *(o for o in others if o.text != best.text)]


def _choice(text: str | None, details: dict[str, Any], item: int) -> Choice:
    finish = finish_reason_of(details.get("finish_reason", details.get("finish reason")))
    return Choice(text, finish, output_tokens=count_of(details.get("generated_tokens")), item=item)


def _at(choice: Choice, item: int) -> Choice:
    return Choice(choice.text, choice.finish_reason, choice.reasoning, choice.tool_calls, item=item)


def _details_usage(groups: list[list[dict[str, Any]]]) -> Usage:
    """Counts from TGI's details, or from a usage object beside the text."""
    answers = [answer for group in groups for answer in group]
    return total_usage([_answer_usage(a) for a in answers])


def _answer_usage(answer: dict[str, Any]) -> Usage:
    details = object_of(answer.get("details"))
    prefill = details.get("prefill")
    told = usage_of(answer.get("usage"))
    return Usage(
        told.input_tokens if not prefill or not isinstance(prefill, list) else len(prefill),
        told.output_tokens
        if "generated_tokens" not in details
        else count_of(details["generated_tokens"]),
    )


def _generation_usage(answer: dict[str, Any]) -> Usage:
    return Usage(
        count_of(answer.get("prompt_token_count")), count_of(answer.get("generation_token_count"))
    )


def _echoes(choices: tuple[Choice, ...], request: Request | None) -> bool:
    """Whether the answer starts with the prompt, as `return_full_text` makes it."""
    if not choices or not request or not request.items or len(request.items[0]) != 1:
        return False
    prompt = request.items[0][0].get("content")
    text = choices[0].text
    return bool(isinstance(prompt, str) and prompt and text and text.startswith(prompt))
