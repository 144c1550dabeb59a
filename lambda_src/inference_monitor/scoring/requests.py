"""What is sent to Bedrock's Converse operation, by what a model takes."""

from __future__ import annotations

import json
import re
from typing import Any

from inference_monitor.scoring.models import model_facts
from inference_monitor.scoring.specs import InferenceParameters, bedrock_model_id
from inference_monitor.scoring.text import estimate_tokens

# Bedrock's API reference: naming the tool is "only supported by Anthropic Claude 3 and Amazon Nova
# models". Mistral's can be made to call any tool; these others are only offered it.
_CHOOSES_ITSELF = ("meta", "cohere", "ai21", "deepseek", "openai", "qwen")


def converse_request(
    model: str,
    system: str,
    user: str,
    tool: dict[str, Any],
    parameters: InferenceParameters,
    *,
    cache: bool = False,
) -> dict[str, Any]:
    """The arguments of Converse for one question that is answered by calling a tool.

    Args:
        model: `bedrock:/…`.
        system: The instructions.
        user: What is to be judged.
        tool: The tool for the answer.
        parameters: What the user wants to be sent to the model.
        cache: Whether instructions and tool are the same for many questions, so that it is worth
            caching them where the model can.
    """
    model_id = bedrock_model_id(model)
    request: dict[str, Any] = {
        "modelId": model_id,
        "system": [{"text": system}],
        "messages": [{"role": "user", "content": [{"text": user}]}],
        "inferenceConfig": _inference_config(parameters),
        "toolConfig": {"tools": [tool], "toolChoice": _tool_choice(model_id, tool)},
    }
    if cache and _is_worth_caching(model_id, system, tool):
        request["system"].append({"cachePoint": {"type": "default"}})
    if parameters.additional:
        request["additionalModelRequestFields"] = parameters.additional
    return request


def _is_worth_caching(model_id: str, system: str, tool: dict[str, Any]) -> bool:
    facts = model_facts(model_id)
    prefix = estimate_tokens(system)
    if facts.caches_tools:
        prefix += estimate_tokens(json.dumps(tool))
    return facts.least_cached is not None and prefix >= facts.least_cached


def _inference_config(parameters: InferenceParameters) -> dict[str, Any]:
    config: dict[str, Any] = {"maxTokens": parameters.max_tokens}
    # Some models refuse both; who sets only top_p has not asked for our default of the other.
    asked_for_both = "temperature" in parameters.model_fields_set
    if parameters.temperature is not None and (parameters.top_p is None or asked_for_both):
        config["temperature"] = parameters.temperature
    if parameters.top_p is not None:
        config["topP"] = parameters.top_p
    if parameters.stop_sequences:
        config["stopSequences"] = parameters.stop_sequences
    return config


def _tool_choice(model_id: str, tool: dict[str, Any]) -> dict[str, Any]:
    # `us.meta.llama3-…`, `meta.llama3-…` and ARNs of either name the vendor before the model.
    vendors = re.split(r"[./]", model_id)
    if "mistral" in vendors:
        return {"any": {}}
    if any(vendor in vendors for vendor in _CHOOSES_ITSELF):
        return {"auto": {}}
    return {"tool": {"name": tool["toolSpec"]["name"]}}
