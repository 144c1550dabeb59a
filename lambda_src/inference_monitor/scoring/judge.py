"""Ask a Bedrock model for a verdict, over one shared client."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol, cast

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError, ParamValidationError
from botocore.parsers import ResponseParserError

from inference_monitor.errors import JudgeUnavailableError, MonitorError
from inference_monitor.scoring.config import InferenceParameters, bedrock_model_id
from inference_monitor.scoring.prompts import Prompt
from inference_monitor.scoring.verdict import TOOL


class JudgeRefusedError(MonitorError):
    """Bedrock will refuse this request however often it is sent; says what to do."""


class ConverseClient(Protocol):
    """The one method we need of boto3's `bedrock-runtime` client."""

    def converse(self, **request: Any) -> Mapping[str, Any]:
        """Bedrock's Converse operation."""


@dataclass(frozen=True, slots=True)
class Answer:
    """A Converse response, and what it used."""

    response: Mapping[str, Any]
    input_tokens: int
    output_tokens: int


_HINTS = {
    "AccessDeniedException": "enable access to the model in this region's Bedrock console, and"
    " allow the function's role to invoke it (deploy again after naming a new model)",
    "ResourceNotFoundException": "check the model id; it must exist in this region",
    "ValidationException": "check the model id (many models are reached only through an inference"
    " profile such as bedrock:/global.…) and inference_parameters in scorers.yaml",
}
"""Errors of Converse that no retry cures, and what does. All others are taken for transient."""

# Bedrock's API reference: naming the tool is "only supported by Anthropic Claude 3 and Amazon Nova
# models". Mistral's can be made to call any tool; these others are only offered it.
_CHOOSES_ITSELF = ("meta", "cohere", "ai21", "deepseek", "openai", "qwen")


def bedrock_client(
    concurrency: int, *, connect_timeout: float = 5, read_timeout: float = 30, attempts: int = 4
) -> ConverseClient:
    """A client to be shared by all threads; region and endpoint come from boto3's usual places.

    botocore's standard mode retries throttles, 5xx, timeouts and broken connections with jitter,
    and shares one retry budget, so that a judge that is down is not asked ever more. A verdict
    takes seconds; botocore's own read timeout of 60 s would let four attempts outlast the function.
    """
    config = Config(
        connect_timeout=connect_timeout,
        read_timeout=read_timeout,
        max_pool_connections=concurrency,
        retries={"mode": "standard", "total_max_attempts": attempts},
    )
    return cast(ConverseClient, boto3.client("bedrock-runtime", config=config))


class Judge:
    """Bedrock's Converse operation, with a forced tool and told-apart errors."""

    def __init__(self, client: ConverseClient) -> None:
        self._client = client

    def ask(
        self, prompt: Prompt, tool: dict[str, Any], model: str, parameters: InferenceParameters
    ) -> Answer:
        """Make one Converse call (botocore's retries are inside it).

        Raises:
            JudgeRefusedError: If Bedrock refuses for good.
            JudgeUnavailableError: If it cannot be reached or throttles, after botocore's retries.
        """
        model_id = bedrock_model_id(model)
        try:
            response = self._client.converse(
                modelId=model_id,
                system=[{"text": prompt.system}],
                messages=[{"role": "user", "content": [{"text": prompt.user}]}],
                inferenceConfig=_inference_config(parameters),
                toolConfig={"tools": [tool], "toolChoice": _tool_choice(model_id)},
            )
        except ClientError as error:
            raise _judged_by_code(error) from error
        except ParamValidationError:
            # Its message quotes the request, and with it the judged text.
            raise JudgeRefusedError(
                f"ParamValidationError: {_HINTS['ValidationException']}"
            ) from None
        except (BotoCoreError, ResponseParserError) as error:
            raise JudgeUnavailableError(type(error).__name__) from error
        usage = response.get("usage", {})
        return Answer(response, usage.get("inputTokens", 0), usage.get("outputTokens", 0))


def _judged_by_code(error: ClientError) -> MonitorError:
    details = error.response.get("Error", {})
    code = details.get("Code", "unknown")
    if code in _HINTS:
        return JudgeRefusedError(f"{code}: {details.get('Message', '')[:300]}: {_HINTS[code]}")
    return JudgeUnavailableError(code)


def _inference_config(parameters: InferenceParameters) -> dict[str, Any]:
    config: dict[str, Any] = {"maxTokens": parameters.max_tokens}
    if parameters.temperature is not None:
        config["temperature"] = parameters.temperature
    return config


def _tool_choice(model_id: str) -> dict[str, Any]:
    # `us.meta.llama3-…`, `meta.llama3-…` and ARNs of either name the vendor before the model.
    vendors = re.split(r"[./]", model_id)
    if "mistral" in vendors:
        return {"any": {}}
    if any(vendor in vendors for vendor in _CHOOSES_ITSELF):
        return {"auto": {}}
    return {"tool": {"name": TOOL}}
