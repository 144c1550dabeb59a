"""Answers of text generation servers: LMI, TGI, the Hugging Face toolkit, JumpStart, SGLang."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise
from typing import Any

from inference_monitor.families.fields import (
    count_of,
    is_texts,
    object_of,
    objects_of,
    text_of,
    total_usage,
    usage_of,
)
from inference_monitor.families.openai import finish_reason_of, message_choice, reasoning_of
from inference_monitor.inference import Choice, Request, Response, Usage

_TEXT2TEXT = ("generated_text", "summary_text", "translation_text")


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
    if not answers or not all(is_sglang(a) for a in answers):
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


def one_a_row(value: Any) -> Any:
    """A list of lists of one value each as the list of these values; all else as it is."""
    rows = value if isinstance(value, list) else []
    single = bool(rows) and all(isinstance(row, list) and len(row) == 1 for row in rows)
    return [row[0] for row in rows] if single else value


def text_list(family: str, body: Any, texts: Any, request: Request | None) -> Response | None:
    """An answer that is a list of bare texts: one per input, or several to one input."""
    if not is_texts(texts):
        return None
    batched = request is not None and len(request.items) == len(texts) > 1
    choices = tuple(Choice(t, item=i if batched else 0) for i, t in enumerate(texts))
    return Response(family, body, choices, usage_of(object_of(body).get("usage")))


def is_token(part: dict[str, Any]) -> bool:
    """Whether a document is a TGI event or a JSON line of LMI."""
    return isinstance(part.get("token"), dict)


def join_tokens(parts: list[dict[str, Any]]) -> dict[str, Any]:
    """The last event carries the whole text, unless it never came."""
    tokens = [p["token"] for p in parts if is_token(p)]
    shown = (t for t in tokens if not t.get("special") and not t.get("special_token"))
    spoken = "".join(text_of(t.get("text")) or "" for t in shown)
    told = {k: p[k] for p in parts for k in ("generated_text", "details") if p.get(k) is not None}
    return {**told, "generated_text": told.get("generated_text") or spoken}


def is_outputs(part: dict[str, Any]) -> bool:
    """Whether a document is a JSON line of LMI's dynamic batches: `{"outputs": [piece]}`."""
    return set(part) == {"outputs"} and is_texts(part["outputs"])


def join_outputs(parts: list[dict[str, Any]]) -> dict[str, Any]:
    """The pieces together; nothing comes at the end of them."""
    pieces = (p["outputs"] for p in parts if is_outputs(p))
    return {"generated_text": "".join(o for outputs in pieces for o in outputs)}


def is_third_party(part: dict[str, Any]) -> bool:
    """Whether a document is an answer, or a JSON line of one, of LMI's third-party formatter."""
    return "generation" in object_of(part.get("body")) and "metering" in part


def join_third_party(parts: list[dict[str, Any]]) -> dict[str, Any]:
    """The pieces together, with the last count of each kind."""
    lines = [p for p in parts if is_third_party(p)]
    body: dict[str, Any] = {}
    metering: dict[str, Any] = {}
    for line in lines:
        body |= {k: v for k, v in line["body"].items() if v is not None}
        metering |= {k: v for k, v in object_of(line["metering"]).items() if v is not None}
    pieces = (text_of(line["body"].get("generation")) or "" for line in lines)
    return {"body": {**body, "generation": "".join(pieces)}, "metering": metering}


def is_sglang(part: dict[str, Any]) -> bool:
    """Whether a document is an answer of SGLang's own API, or one event of it."""
    return "meta_info" in part and "embedding" not in part and "score" not in part


def join_sglang(parts: list[dict[str, Any]]) -> Any:
    """The text of each index: events repeat the text so far, unless the server sends pieces."""
    by_index: dict[int, list[dict[str, Any]]] = {}
    for part in parts:
        if is_sglang(part):
            by_index.setdefault(count_of(part.get("index")) or 0, []).append(part)
    answers = [
        {**events[-1], "text": _joined_text(events)} for _, events in sorted(by_index.items())
    ]
    return answers if len(answers) > 1 else answers[0]


def _joined_text(events: list[dict[str, Any]]) -> str:
    """The text of SGLang's events, which say not whether they repeat it.

    They do if every text goes on from the one before. The same text twice is a token repeated,
    unless the second is only there to say that the model has stopped.
    """
    told = [(text_of(e.get("text")) or "", object_of(e.get("meta_info"))) for e in events]
    texts = [text for text, _ in told]
    repeats = all(after.startswith(before) for before, after in pairwise(texts))
    same = sum(before == after != "" for before, after in pairwise(texts))
    ended = (
        finish_reason_of(told[-1][1].get("finish_reason")) == "stop" and texts[-2:-1] == texts[-1:]
    )
    if repeats and same > ended:
        repeats = len(set(texts)) > 1
    return texts[-1] if repeats else "".join(texts)


def _answers(body: Any, keys: tuple[str, ...]) -> list[list[dict[str, Any]]] | None:
    """Answers by input: `{}`, `[{}, …]` and `[[{}], …]` all become `[[{}], …]`; else None."""
    rows = body if isinstance(body, list) else [body]
    groups = [row if isinstance(row, list) else [row] for row in rows]
    flat = [answer for group in groups for answer in group]
    if not flat or not all(isinstance(a, dict) and _spoken_key(a, keys) for a in flat):
        return None
    return groups


def _spoken_key(answer: dict[str, Any], keys: tuple[str, ...]) -> str | None:
    return next((k for k in keys if k in answer and not is_texts(answer[k])), None)


def _generated(answer: dict[str, Any], item: int) -> list[Choice]:
    """The answer, and the other sequences when the best of several was asked for."""
    details = object_of(answer.get("details"))
    sequences = objects_of(details.get("best_of_sequences"))
    key = _spoken_key(answer, _TEXT2TEXT) or ""
    said = answer[key]
    if isinstance(said, list):  # a pipeline in chat mode gives the conversation back
        said = object_of(said[-1] if said else None)
    best = replace(_choice(text_of(said), details or answer, item), reasoning=reasoning_of(answer))
    if isinstance(said, dict):
        finish = details.get("finish_reason")
        best = _at(message_choice(said, finish), item)
    others = [_choice(text_of(s.get("generated_text")), s, item) for s in sequences]
    return [best, *(o for o in others if o.text != best.text)]


def _choice(text: str | None, details: dict[str, Any], item: int) -> Choice:
    names = ("finish_reason", "finish reason", "stop_reason")
    finish = next((f for n in names if (f := finish_reason_of(details.get(n)))), None)
    return Choice(text, finish, output_tokens=_generated_tokens(details), item=item)


def _generated_tokens(told: dict[str, Any]) -> int | None:
    """TGI's count, or what Caikit and watsonx write beside the text."""
    return count_of(told.get("generated_tokens", told.get("generated_token_count")))


def _at(choice: Choice, item: int) -> Choice:
    return Choice(choice.text, choice.finish_reason, choice.reasoning, choice.tool_calls, item=item)


def _details_usage(groups: list[list[dict[str, Any]]]) -> Usage:
    """Counts from TGI's details, or from a usage object beside the text."""
    answers = [answer for group in groups for answer in group]
    return total_usage([_answer_usage(a) for a in answers])


def _answer_usage(answer: dict[str, Any]) -> Usage:
    details = object_of(answer.get("details"))
    prefill, told = details.get("prefill"), usage_of(answer.get("usage"))
    length = count_of(details.get("input_length", answer.get("input_token_count")))  # LMI, Caikit
    inputs = told.input_tokens if length is None else length
    return Usage(
        inputs if not prefill or not isinstance(prefill, list) else len(prefill),
        told.output_tokens
        if (generated := _generated_tokens(details or answer)) is None
        else generated,
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
