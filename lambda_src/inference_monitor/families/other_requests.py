"""Requests to models that do not chat: embeddings, ranking, images, speech and other pipelines."""

from __future__ import annotations

import re
from typing import Any

from inference_monitor.families.fields import object_of, text_of
from inference_monitor.families.request_fields import (
    build_request,
    parameters_of,
    prompts_of,
    rest_of,
)
from inference_monitor.inference import Request

_RANKED_KEYS = ("documents", "texts", "passages")
_SCORED_PAIRS = (("text_1", "text_2"), ("queries", "documents"), ("data_1", "data_2"))
_IMAGE_PARAMETERS = (
    "negative_prompt", "num_inference_steps", "guidance_scale", "num_images_per_prompt",
    "cfg_scale", "text_prompts", "aspect_ratio", "num_frames", "image_size",
    "imageGenerationConfig",
)  # fmt: skip
_IMAGE_MODES = ("text-to-image", "image-to-image")
_IMAGE_SIZE = re.compile(r"\d{2,4}x\d{2,4}")


def session(body: dict[str, Any]) -> Request | None:
    """`requestType`: a sticky session that LMI is asked to open or close; nothing is said."""
    if text_of(body.get("requestType")) in ("NEW_SESSION", "CLOSE"):
        return Request("session", body)
    return None


def image_generation(body: dict[str, Any]) -> Request | None:
    """A prompt with the parameters of an image or a video: Stable Diffusion, FLUX, Titan."""
    told = {**body, **object_of(body.get("parameters"))}
    sized = "width" in told and "height" in told
    size = text_of(told.get("size"))
    drawn = any(name in told for name in _IMAGE_PARAMETERS) or told.get("mode") in _IMAGE_MODES
    if not (drawn or sized or (size and _IMAGE_SIZE.fullmatch(size))) or "messages" in body:
        return None
    return Request("image_generation", body, parameters=rest_of(body, "prompt", "inputs"))


def speech(body: dict[str, Any]) -> Request | None:
    """A text with the `voice` that is to read it: OpenAI's speech API, as vLLM serves it."""
    named = any(isinstance(body.get(key), str) for key in ("input", "text", "inputs", "prompt"))
    if named and any(key in body for key in ("voice", "voice_id", "speaker")):
        return Request(
            "speech", body, parameters=rest_of(body, "input", "text", "inputs", "prompt")
        )
    return None


def rerank(body: dict[str, Any]) -> Request | None:
    """`query` with the texts to rank: Cohere (`documents`), TEI (`texts`), NIM (`passages`).

    vLLM scores pairs: `text_1` and `text_2`, newer `queries` and `documents`. The toolkit compares
    a `source_sentence` with the `sentences` beside it.
    """
    ranked = "query" in body and any(isinstance(body.get(k), list) for k in _RANKED_KEYS)
    scored = "pairs" in body or any(one in body and other in body for one, other in _SCORED_PAIRS)
    if ranked or scored or "source_sentence" in object_of(body.get("inputs")):
        return Request("rerank", body, parameters=rest_of(body, "query", "inputs", *_RANKED_KEYS))
    return None


def embeddings(body: dict[str, Any]) -> Request | None:
    """`texts` (Cohere) or `input` (OpenAI, NIM): texts to embed, unless the answer is a text."""
    if "instruction" in body:
        return None
    for key in ("texts", "input", "sentences"):
        if isinstance(body.get(key), (str, list)):
            return build_request("embeddings", body, prompts_of(body[key]), rest_of(body, key))
    return None


def inputs_object(body: dict[str, Any]) -> Request | None:
    """`inputs` as an object (question and context, a table, …): a pipeline that is not a chat."""
    if not isinstance(body.get("inputs"), dict) or not body["inputs"]:
        return None
    return Request("inputs_object", body, parameters=parameters_of(body.get("parameters")))
