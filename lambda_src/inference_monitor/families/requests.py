"""What callers send: the request families, one reader each, tried in order.

A reader takes the parsed body and gives a `Request`, or None if the body is not of its family.
Shapes and their sources are listed in docs/capture-formats.md.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import parse_qsl

from inference_monitor.capture.documents import NOT_JSON, parse_json
from inference_monitor.capture.payload import Payload
from inference_monitor.families import gemini, langchain, triton
from inference_monitor.families.anthropic import openai_turns
from inference_monitor.families.caller import caller_of
from inference_monitor.families.fields import (
    is_cell,
    is_tabular_list,
    is_tabular_text,
    is_texts,
    object_of,
    objects_of,
    system,
    text_of,
    user,
)
from inference_monitor.families.openai_responses import request_messages
from inference_monitor.inference import Kind, Request

Messages = list[dict[str, Any]]

TABULAR_TYPES = ("text/csv", "text/libsvm", "text/x-libsvm", "application/x-npy")
_COHERE_ROLES = {"user": "user", "chatbot": "assistant", "system": "system", "tool": "tool"}
_RANKED_KEYS = ("documents", "texts", "passages")
_SCORED_PAIRS = (("text_1", "text_2"), ("queries", "documents"), ("data_1", "data_2"))
_TABULAR_KEYS = ("instances", "features", "dataframe_split", "dataframe_records", "columns")
# Names that containers of people's own give to a prompt, also as columns of a table.
_PROMPT_NAMES = (
    "prompt", "inputs", "input", "text", "query", "question", "instruction", "input_text",
    "inputText", "prompt_text", "user_input", "user_message", "user_prompt", "prompts", "sentence",
    "content", "input_string", "input_strings",
)  # fmt: skip
# Names that containers of people's own give to a conversation.
_DIALOG_NAMES = (
    "conversation", "conversations", "dialog", "dialogs", "dialogue", "chat", "turns",
    "input_string",
)  # fmt: skip
_HISTORY_NAMES = ("history", "chat_history")
# Names of what is only wrapped around a request; batches of OpenAI's API name it `body`.
_WRAPPERS = ("body", "data", "payload", "request", "input_data", "inputs", "prompt", "args")
_IMAGE_PARAMETERS = (
    "negative_prompt", "num_inference_steps", "guidance_scale", "num_images_per_prompt",
    "cfg_scale", "text_prompts", "aspect_ratio", "num_frames", "image_size",
    "imageGenerationConfig",
)  # fmt: skip
_IMAGE_MODES = ("text-to-image", "image-to-image")
_IMAGE_SIZE = re.compile(r"\d{2,4}x\d{2,4}")
# Only a model that generates text takes these.
_GENERATION_PARAMETERS = (
    "max_new_tokens", "max_tokens", "max_completion_tokens", "maxTokens", "max_gen_len",
    "temperature", "top_p", "do_sample", "stop", "stop_sequences", "return_full_text",
    "num_return_sequences", "repetition_penalty", "stream",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class RequestFamily:
    """A request shape. `certain` says that no other kind of model takes requests of this shape."""

    name: str
    read: Callable[[dict[str, Any]], Request | None]
    kind: Kind = Kind.LLM
    certain: bool = False


def read_request(payload: Payload) -> Request:
    """Read a request: the first family that knows the body, else the body itself."""
    request = _read(payload)
    body = request.body[0] if isinstance(request.body, list) and request.body else request.body
    if request.family == "tabular" or not isinstance(body, dict):
        return request
    session_id, user_id = caller_of(body)
    if session_id is None and user_id is None:
        return request
    return replace(request, session_id=session_id, user_id=user_id)


def kind_of(request: Request | None) -> Kind:
    """The kind of model that a request of this shape is for, as far as the shape tells."""
    family = _FAMILIES.get(request.family) if request else None
    return family.kind if family else Kind.OTHER


def is_certain(request: Request | None) -> bool:
    """Whether only one kind of model takes this request."""
    family = _FAMILIES.get(request.family) if request else None
    return family is not None and family.certain


def asks_for_text(request: Request | None) -> bool:
    """Whether the answer can be nothing but a text: by the shape, or by how it is to be made."""
    if request is None or kind_of(request) is not Kind.LLM:
        return False
    told = {**object_of(request.body), **(request.parameters or {})}
    return is_certain(request) or any(name in told for name in _GENERATION_PARAMETERS)


def asks_for_stream(request: Request | None) -> bool:
    """Whether the caller wants the answer in pieces."""
    told = {**object_of(request.body), **(request.parameters or {})} if request else {}
    return told.get("stream") is True


def openai_chat(body: dict[str, Any]) -> Request | None:
    """`messages`: OpenAI's API as TGI, LMI, vLLM, NIM and SGLang serve it, and AI21's Jamba.

    Anthropic's has the same name for them, and a `system` prompt beside them.
    """
    turns = body.get("messages")
    if isinstance(turns, str):
        turns = [user(turns)]
    if not isinstance(turns, list):
        return None
    dialogs = turns if turns and all(_is_dialog(d) for d in turns) else [turns]
    items = []
    for dialog in dialogs:
        messages = system(body.get("system"))
        for turn in dialog:
            messages += _turns_of(turn)
        items.append(messages)
    return _request("openai_chat", body, items, _rest(body, "messages", "system"))


def conversation(body: dict[str, Any]) -> Request | None:
    """A conversation under another name, and Gemini's `contents`."""
    if messages := gemini.messages_of(body):
        return _request("conversation", body, [messages], body.get("generationConfig"))
    if any(body.get(key) and isinstance(body[key], list) for key in _HISTORY_NAMES):
        return _request("conversation", body, [langchain.messages_of(body)], None)
    for key in _DIALOG_NAMES:
        turns = body.get(key)
        dialogs = turns if turns and isinstance(turns, list) else []
        dialogs = dialogs if dialogs and all(isinstance(d, list) for d in dialogs) else [dialogs]
        items = [[m for t in dialog for m in _turns_of(t)] for dialog in dialogs]
        if all(_is_dialog(item) for item in items):
            return _request("conversation", body, items, _rest(body, key))
    return None


def openai_responses(body: dict[str, Any]) -> Request | None:
    """`input` that is a conversation: OpenAI's Responses API."""
    messages = request_messages(body)
    if messages is None:
        return None
    return _request("openai_responses", body, [messages], _rest(body, "input", "instructions"))


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
    return Request("image_generation", body, parameters=_rest(body, "prompt", "inputs"))


def speech(body: dict[str, Any]) -> Request | None:
    """A text with the `voice` that is to read it: OpenAI's speech API, as vLLM serves it."""
    named = any(isinstance(body.get(key), str) for key in ("input", "text", "inputs", "prompt"))
    if named and any(key in body for key in ("voice", "voice_id", "speaker")):
        return Request("speech", body, parameters=_rest(body, "input", "text", "inputs", "prompt"))
    return None


def cohere_chat(body: dict[str, Any]) -> Request | None:
    """`message` with `chat_history`: Cohere Command R; the history comes first."""
    message = text_of(body.get("message"))
    if message is None:
        return None
    messages = system(text_of(body.get("preamble")))
    for turn in objects_of(body.get("chat_history")):
        role = (text_of(turn.get("role")) or "user").lower()
        content = turn.get("message", turn.get("content"))
        messages.append({"role": _COHERE_ROLES.get(role, role), "content": content})
    messages.append(user(message))
    return _request("cohere_chat", body, [messages], _rest(body, "message", "chat_history"))


def rerank(body: dict[str, Any]) -> Request | None:
    """`query` with the texts to rank: Cohere (`documents`), TEI (`texts`), NIM (`passages`).

    vLLM scores pairs: `text_1` and `text_2`, newer `queries` and `documents`. The toolkit compares
    a `source_sentence` with the `sentences` beside it.
    """
    ranked = "query" in body and any(isinstance(body.get(k), list) for k in _RANKED_KEYS)
    scored = "pairs" in body or any(one in body and other in body for one, other in _SCORED_PAIRS)
    if ranked or scored or "source_sentence" in object_of(body.get("inputs")):
        return Request("rerank", body, parameters=_rest(body, "query", "inputs", *_RANKED_KEYS))
    return None


def embeddings(body: dict[str, Any]) -> Request | None:
    """`texts` (Cohere) or `input` (OpenAI, NIM): texts to embed, unless the answer is a text."""
    if "instruction" in body:
        return None
    for key in ("texts", "input", "sentences"):
        if isinstance(body.get(key), (str, list)):
            return _request("embeddings", body, _prompts(body[key]), _rest(body, key))
    return None


def sglang_native(body: dict[str, Any]) -> Request | None:
    """`text` or `input_ids` with `sampling_params`: SGLang's own API."""
    if "sampling_params" not in body and "input_ids" not in body:
        return None
    parameters = body.get("sampling_params")
    items = _prompts(body.get("text"))
    return _request("sglang_native", body, items, parameters)


def triton_generate(body: dict[str, Any]) -> Request | None:
    """`text_input`: the generate extension of Triton."""
    items = _prompts(body.get("text_input"))
    parameters = body.get("parameters") or _rest(body, "text_input")
    return _request("triton_generate", body, items, parameters) if items else None


def kserve(body: dict[str, Any]) -> Request | None:
    """`inputs` of named tensors: the KServe protocol; a prompt is a tensor of type BYTES."""
    if not triton.is_tensors(body.get("inputs")):
        return None
    items = _prompts(triton.prompts(body["inputs"]))
    if not items:
        return Request("tabular", body)
    return _request("kserve", body, items, triton.parameters(body))


def inputs_text(body: dict[str, Any]) -> Request | None:
    """`inputs` of text: TGI, LMI and the Hugging Face toolkit; a list of texts is a batch."""
    items = _prompts(body.get("inputs"))
    parameters = body.get("parameters") or body.get("params")
    return _request("inputs_text", body, items, parameters) if items else None


def inputs_dialog(body: dict[str, Any]) -> Request | None:
    """`inputs` of messages, or of lists of messages: JumpStart's Llama 2 dialogs."""
    inputs = body.get("inputs")
    if isinstance(inputs, dict):
        inputs = inputs.get("messages")
    if not isinstance(inputs, list) or not inputs:
        return None
    dialogs = inputs if all(isinstance(d, list) for d in inputs) else [inputs]
    if not all(_is_dialog(d) for d in dialogs):
        return None
    return _request("inputs_dialog", body, dialogs, body.get("parameters"))


def hf_conversational(body: dict[str, Any]) -> Request | None:
    """`inputs` with `past_user_inputs`: the toolkit's conversational pipeline."""
    inputs = body.get("inputs")
    if not isinstance(inputs, dict) or "past_user_inputs" not in inputs:
        return None
    asked, answered = inputs.get("past_user_inputs"), inputs.get("generated_responses")
    messages: Messages = []
    for question, answer in zip(asked or [], answered or [], strict=False):
        messages += [user(question), {"role": "assistant", "content": answer}]
    messages.append(user(inputs.get("text")))
    return _request("hf_conversational", body, [messages], body.get("parameters"))


def rows(body: dict[str, Any]) -> Request | None:
    """A table with a column of prompts or messages: MLflow's scoring server, TensorFlow Serving."""
    table = _table_rows(body)
    items = [_row_messages(row) for row in table]
    if not items or not all(items):
        return None
    parameters = body.get("params") or body.get("parameters")
    if not parameters and isinstance(table[0], dict):  # those of a row stand for all
        parameters = table[0].get("parameters") or _rest(table[0], *_PROMPT_NAMES, "messages")
    return _request("rows", body, [item for item in items if item], parameters)


def inputs_object(body: dict[str, Any]) -> Request | None:
    """`inputs` as an object (question and context, a table, …): a pipeline that is not a chat."""
    if not isinstance(body.get("inputs"), dict) or not body["inputs"]:
        return None
    return Request("inputs_object", body, parameters=_parameters(body.get("parameters")))


def prompt(body: dict[str, Any]) -> Request | None:
    """`prompt`: OpenAI completions, Cohere generate, AI21 Jurassic; token ids give no message."""
    value = body.get("prompt")
    if not isinstance(value, (str, list)):
        return None
    items = [value] if isinstance(value, list) and _is_dialog(value) else _prompts(value)
    return _request("prompt", body, items, _rest(body, "prompt"))


def text_inputs(body: dict[str, Any]) -> Request | None:
    """`text_inputs`: JumpStart's first text generation and embedding models."""
    items = _prompts(body.get("text_inputs"))
    return _request("text_inputs", body, items, _rest(body, "text_inputs")) if items else None


def langserve(body: dict[str, Any]) -> Request | None:
    """`input` or `inputs` with a `config`: a chain that LangServe serves, once or for a batch."""
    if "config" not in body and "kwargs" not in body:
        return None
    batch = body["inputs"] if isinstance(body.get("inputs"), list) else [body.get("input")]
    items = [langchain.messages_of(variables) for variables in batch]
    return _request("langserve", body, items, body.get("config")) if all(items) else None


def input_object(body: dict[str, Any]) -> Request | None:
    """`input` as an object with a prompt in it."""
    variables = body.get("input")
    messages = langchain.messages_of(variables) if isinstance(variables, dict) else []
    return _request("input_object", body, [messages], _rest(body, "input")) if messages else None


def text(body: dict[str, Any]) -> Request | None:
    """`text` (Cohere summarize), or another name for a prompt of the container's own choice."""
    instruction, material = body.get("instruction"), body.get("input")
    if isinstance(instruction, str) and isinstance(material, str):  # Alpaca's
        asked = "\n\n".join(part for part in (instruction, material) if part)
        return _request("text", body, [[user(asked)]], _rest(body, "instruction", "input"))
    spelled = {key.lower(): key for key in body}
    names = (*_PROMPT_NAMES, *(("source",) if "sourceType" in body else ()))
    for name in names:
        key = name if name in body else spelled.get(name, name)
        if items := _prompts(body.get(key)):
            return _request("text", body, items, _rest(body, key))
    return None


def wrapped(body: dict[str, Any]) -> Request | None:
    """A request under a name that says nothing of it, or the text of one."""
    for key in _WRAPPERS:
        value = body.get(key)
        value = value[0] if isinstance(value, list) and len(value) == 1 else value
        if isinstance(value, dict) and (inner := _read_object(value)).messages:
            return replace(inner, body=body)
        if key == "data" and isinstance(value, str) and not is_tabular_text(value):
            return _request("text", body, [[user(value)]], _rest(body, key))
    return None


def tabular(body: dict[str, Any]) -> Request | None:
    """Rows of features: classic ML models."""
    numeric_inputs = isinstance(body.get("inputs"), list) and not is_texts(body["inputs"])
    row = bool(body) and all(is_cell(v) for v in body.values())
    if numeric_inputs or row or any(key in body for key in _TABULAR_KEYS):
        return Request("tabular", body)
    return None


REQUEST_FAMILIES = (
    RequestFamily("openai_chat", openai_chat, certain=True),
    RequestFamily("openai_responses", openai_responses, certain=True),
    RequestFamily("session", session, Kind.OTHER, certain=True),
    RequestFamily("image_generation", image_generation, Kind.OTHER, certain=True),
    RequestFamily("speech", speech, Kind.OTHER, certain=True),
    RequestFamily("rerank", rerank, Kind.RERANK, certain=True),
    RequestFamily("cohere_chat", cohere_chat, certain=True),
    RequestFamily("sglang_native", sglang_native, certain=True),
    RequestFamily("triton_generate", triton_generate, certain=True),
    RequestFamily("kserve", kserve),
    RequestFamily("inputs_text", inputs_text),
    RequestFamily("inputs_dialog", inputs_dialog, certain=True),
    RequestFamily("hf_conversational", hf_conversational, certain=True),
    RequestFamily("rows", rows),
    RequestFamily("langserve", langserve, certain=True),
    RequestFamily("input_object", input_object),
    RequestFamily("inputs_object", inputs_object, Kind.OTHER),
    RequestFamily("prompt", prompt, certain=True),
    RequestFamily("text_inputs", text_inputs),
    RequestFamily("embeddings", embeddings, Kind.EMBEDDING),
    RequestFamily("conversation", conversation),
    RequestFamily("text", text),
    RequestFamily("wrapped", wrapped),
    RequestFamily("tabular", tabular, Kind.CLASSIFIER),
)
_FAMILIES = {
    **{family.name: family for family in REQUEST_FAMILIES},
    "plain_text": RequestFamily("plain_text", text),
    "csv_texts": RequestFamily("csv_texts", text),
}


def _read(payload: Payload) -> Request:
    if payload.documents and not payload.rest.strip():
        return _read_batch(payload.documents, payload.documents)
    media_type, body = payload.media_type, payload.body
    if payload.cut_off:
        return Request("unknown", body)
    if payload.binary:
        return Request("tabular" if media_type in TABULAR_TYPES else "binary", body)
    if payload.is_text and media_type in TABULAR_TYPES:
        return _read_csv(body)
    if media_type == "application/x-www-form-urlencoded" and isinstance(body, str):
        body = dict(parse_qsl(body)) or body
    if isinstance(body, str) and payload.text != body:  # a document that was encoded twice
        inner = parse_json(body) if body[:1] in ("{", "[") else NOT_JSON
        body = body if inner is NOT_JSON else inner
    return _read_object(body) if isinstance(body, dict) else _read_bare(body, media_type)


def _read_object(body: dict[str, Any]) -> Request:
    found = (family.read(body) for family in REQUEST_FAMILIES)
    return next((r for r in found if r is not None), Request("unknown", body))


def _read_bare(body: Any, media_type: str | None) -> Request:
    """Read a request that is no object: messages, rows of numbers, requests, or texts."""
    if isinstance(body, list) and (dialog := inputs_dialog({"inputs": body})):
        return replace(dialog, body=body)
    declared_text = media_type in ("text/plain", "text/markdown")
    numbers = isinstance(body, str) and not declared_text and is_tabular_text(body)
    if is_tabular_list(body) or numbers:
        return Request("tabular", body)
    if isinstance(body, list) and len(objects_of(body)) == len(body) > 0:
        batch = _read_batch(body, body)
        return batch if batch.items else Request("tabular", body)
    texts = [body] if isinstance(body, str) and body.strip() else body
    if is_texts(texts):
        items = [[user(t)] for t in texts]
        return Request("plain_text", body, [m for item in items for m in item], items=items)
    return Request("unknown", body)


def _read_batch(documents: list[Any], body: Any) -> Request:
    """Several requests at once, of the family of the first: JSON lines, or a list."""
    parts = [_read_object(d) if isinstance(d, dict) else _read_bare(d, None) for d in documents]
    items = [item for part in parts for item in part.items]
    messages = [message for item in items for message in item]
    return replace(parts[0], body=body, messages=messages or None, items=items)


def _read_csv(body: str) -> Request:
    """CSV with a column of texts under a header (Hugging Face toolkit), else rows of numbers."""
    if is_tabular_text(body):
        return Request("tabular", body)
    try:
        table = csv.DictReader(io.StringIO(body.strip()))
        name = next((n for n in _PROMPT_NAMES if n in (table.fieldnames or ())), None)
        if name is None or "context" in (table.fieldnames or ()):
            return Request("tabular", body)
        items = [[user(row[name])] for row in table if row.get(name)]
    except csv.Error:
        return Request("tabular", body)
    return Request("csv_texts", body, [m for item in items for m in item] or None, items=items)


def _table_rows(body: dict[str, Any]) -> list[Any]:
    """The rows of a table, however it is laid out; empty if the body is none."""
    split = object_of(body.get("dataframe_split", body if "columns" in body else None))
    if isinstance(split.get("data"), list):  # older MLflow has the table at the top
        columns = split.get("columns")
        names = [str(name) for name in columns] if isinstance(columns, list) else ["0"]
        rows_of_cells = [row for row in split["data"] if isinstance(row, list)]
        return [dict(zip(names, row, strict=False)) for row in rows_of_cells]
    for key in ("dataframe_records", "instances", "inputs"):
        if isinstance(body.get(key), list):
            return list(body[key])
    columns = object_of(body.get("inputs"))
    name = next((n for n in _PROMPT_NAMES if is_texts(columns.get(n))), None)
    if name is not None and "context" not in columns:
        return [{name: cell} for cell in columns[name]]
    lone = len(columns) == 1 and any(isinstance(columns.get(n), str) for n in _PROMPT_NAMES)
    return [columns] if lone else []


def _row_messages(row: Any) -> Messages | None:
    if isinstance(row, str):
        return [user(row)]
    row = object_of(row)
    dialog = row.get("messages")
    if _is_dialog(dialog) and isinstance(dialog, list) and dialog:
        return dialog
    if "context" in row and "question" in row:  # a question about a text, cut out of it
        return None
    asked = [row.get(name) for name in _PROMPT_NAMES]
    found = next((value for value in asked if isinstance(value, str)), None)
    lone = next(iter(row.values())) if len(row) == 1 else None
    if found is None and isinstance(lone, str) and not is_cell(lone):  # a column of any name
        found = lone
    return [user(found)] if found is not None else None


def _request(family: str, body: dict[str, Any], items: list[Messages], parameters: Any) -> Request:
    model = text_of(body.get("model")) or text_of(body.get("adapters"))
    tools = body.get("tools")
    parameters = _parameters(parameters)
    if "adapters" in body:  # LoRA: which adapter answered is as telling as any parameter
        parameters = {**(parameters or {}), "adapters": body["adapters"]}
    return Request(
        family,
        body,
        messages=[message for item in items for message in item] or None,
        parameters=parameters,
        tools=objects_of(tools) or None,
        model=model,
        items=items,
    )


def _rest(body: dict[str, Any], *taken: str) -> dict[str, Any] | None:
    return {k: v for k, v in body.items() if k not in taken} or None


def _parameters(value: Any) -> dict[str, Any] | None:
    return value if isinstance(value, dict) else None


def _prompts(value: Any) -> list[Messages]:
    """One conversation of one user message for a text, or for each text of a list."""
    if isinstance(value, str):
        return [[user(value)]]
    return [[user(v)] for v in value] if is_texts(value) else []


def _turns_of(turn: Any) -> Messages:
    """A message as it is, or of another spelling: AI21's `text`, ShareGPT's `from`, a pair."""
    if isinstance(turn, list) and len(turn) == 2 and isinstance(turn[0], str):
        return langchain.turns([turn])
    if not isinstance(turn, dict):
        return [user(turn)]
    if "content" not in turn and isinstance(turn.get("text"), str) and "role" in turn:
        turn = {**turn, "content": turn["text"]}
    elif "from" in turn and "value" in turn:
        return langchain.turns([[turn["from"], turn["value"]]])
    return openai_turns(turn)


def _is_dialog(value: Any) -> bool:
    return (
        isinstance(value, list)
        and bool(value)
        and all(isinstance(m, dict) and "role" in m for m in value)
    )
