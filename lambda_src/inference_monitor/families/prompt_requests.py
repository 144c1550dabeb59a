"""Requests that are a prompt, or several: `inputs`, `prompt`, and names of a container's own."""

from __future__ import annotations

from typing import Any

from inference_monitor.families import triton
from inference_monitor.families.fields import user
from inference_monitor.families.request_fields import (
    PROMPT_NAMES,
    build_request,
    is_dialog,
    prompts_of,
    rest_of,
)
from inference_monitor.inference import Request


def sglang_native(body: dict[str, Any]) -> Request | None:
    """`text` or `input_ids` with `sampling_params`: SGLang's own API."""
    if "sampling_params" not in body and "input_ids" not in body:
        return None
    parameters = body.get("sampling_params")
    items = prompts_of(body.get("text"))
    return build_request("sglang_native", body, items, parameters)


def triton_generate(body: dict[str, Any]) -> Request | None:
    """`text_input`: the generate extension of Triton."""
    items = prompts_of(body.get("text_input"))
    parameters = body.get("parameters") or rest_of(body, "text_input")
    return build_request("triton_generate", body, items, parameters) if items else None


def kserve(body: dict[str, Any]) -> Request | None:
    """`inputs` of named tensors: the KServe protocol; a prompt is a tensor of type BYTES."""
    if not triton.is_tensors(body.get("inputs")):
        return None
    items = prompts_of(triton.prompts(body["inputs"]))
    if not items:
        return Request("tabular", body)
    return build_request("kserve", body, items, triton.parameters(body))


def inputs_text(body: dict[str, Any]) -> Request | None:
    """`inputs` of text: TGI, LMI and the Hugging Face toolkit; a list of texts is a batch."""
    items = prompts_of(body.get("inputs"))
    parameters = body.get("parameters") or body.get("params")
    return build_request("inputs_text", body, items, parameters) if items else None


def prompt(body: dict[str, Any]) -> Request | None:
    """`prompt`: OpenAI completions, Cohere generate, AI21 Jurassic; token ids give no message."""
    value = body.get("prompt")
    if not isinstance(value, (str, list)):
        return None
    items = [value] if isinstance(value, list) and is_dialog(value) else prompts_of(value)
    return build_request("prompt", body, items, rest_of(body, "prompt"))


def text_inputs(body: dict[str, Any]) -> Request | None:
    """`text_inputs`: JumpStart's first text generation and embedding models."""
    items = prompts_of(body.get("text_inputs"))
    return (
        build_request("text_inputs", body, items, rest_of(body, "text_inputs")) if items else None
    )


def text(body: dict[str, Any]) -> Request | None:
    """`text` (Cohere summarize), or another name for a prompt of the container's own choice."""
    instruction, material = body.get("instruction"), body.get("input")
    if isinstance(instruction, str) and isinstance(material, str):  # Alpaca's
        asked = "\n\n".join(part for part in (instruction, material) if part)
        return build_request("text", body, [[user(asked)]], rest_of(body, "instruction", "input"))
    spelled = {key.lower(): key for key in body}
    names = (*PROMPT_NAMES, *(("source",) if "sourceType" in body else ()))
    for name in names:
        key = name if name in body else spelled.get(name, name)
        if items := prompts_of(body.get(key)):
            return build_request("text", body, items, rest_of(body, key))
    return None
