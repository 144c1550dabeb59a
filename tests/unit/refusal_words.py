# ruff: noqa: E501, RUF001  # quotations
"""Refusals of Bedrock in the words that users report, and what of a request they name.

`OF_REQUEST` are about something that we send; `OF_MODEL` and `OF_RECORD` are not, though they may
hold its words. Sources are GitHub issues and pull requests, read in November 2026; a few are from
other endpoints of the same models.
"""

from __future__ import annotations

from typing import Any, NamedTuple

BY_MODEL = "The model returned the following errors: "
MALFORMED = BY_MODEL + "Malformed input request: "
SEE = " Please consult our documentation at https://docs.claude.com/en/docs/build-with-claude/"
THINKING = {"thinking": {"type": "enabled", "budget_tokens": 2000}}


class OfRequest(NamedTuple):
    """`named` is the one of `picky.TRIGGERS` that the words are about, sent as `parameters` say."""

    named: str
    words: str
    source: str
    parameters: dict[str, Any] = {}  # noqa: RUF012  # never changed
    code: str = "ValidationException"


class OfModel(NamedTuple):
    """`hint` is a part of what a person is told to do."""

    code: str
    words: str
    hint: str
    source: str


OF_REQUEST = [
    OfRequest(
        "temperature",
        "This model doesn't support the temperature field. Remove temperature and try again.",
        "NousResearch/hermes-agent 111043",
    ),
    OfRequest(
        "temperature",
        "invalid temperature: only 1 is allowed for this model",
        "XCNXNXNX/dsh-portable-tavern 1",
    ),
    OfRequest(
        "temperature",
        "Unsupported value: 'temperature' does not support 0.2 with this model. Only"
        " the default (1) value is supported.",
        "quelmap-inc/quelmap 4",
    ),
    OfRequest(
        "temperature",
        BY_MODEL + "temperature may only be set to 1 when thinking is enabled.",
        "Aider-AI/aider 3720",
        {"additional": THINKING},
    ),
    OfRequest(
        "temperature",
        "`temperature` may only be set to 1 when thinking is enabled or in adaptive"
        " mode." + SEE + "extended-thinking#important-considerations",
        "dotCipher/opencode-claude-bridge 1",
        {"additional": THINKING},
    ),
    OfRequest(
        "temperature",
        "When thinking is enabled, temperature must be 1.",
        "the same, turned round",
        {"additional": THINKING},
    ),
    OfRequest(
        "temperature",
        "`temperature` is no longer supported for this model.",
        "livekit/agents 6581, in other words",
    ),
    OfRequest(
        "temperature",
        MALFORMED + "#/temperature: 1.5 is not less or equal to 1, please reformat your"
        " input and try again.",
        "promptfoo/promptfoo 914, of another key",
    ),
    OfRequest(
        "both",
        BY_MODEL + "`temperature` and `top_p` cannot both be specified for this model. Please"
        " use only one.",
        "BoltAI/BoltAI 399",
    ),
    OfRequest(
        "top_p",
        MALFORMED + "#/p: 1 is not less or equal to 0.99, please reformat your input and try"
        " again.",
        "promptfoo/promptfoo 914",
    ),
    OfRequest(
        "top_p",
        "This model doesn't support the topP field. Remove topP and try again.",
        "aws-samples/sample-kolya-br-proxy 104, of another field",
    ),
    OfRequest(
        "stop_sequences",
        "This model doesn't support the stopSequences field. Remove stopSequences and try again.",
        "langgenius/dify-official-plugins 1767, crewAIInc/crewAI 4046",
    ),
    OfRequest(
        "stop_sequences",
        "1 validation error detected: Value '[</CO, tools, temperature, effort]' at"
        " 'inferenceConfig.stopSequences' failed to satisfy constraint: Member must have length"
        " less than or equal to 4",
        "continuedev/continue 2296",
    ),
    OfRequest(
        "stop_sequences",
        BY_MODEL + "stop_sequences: each stop sequence must contain non-whitespace",
        "BerriAI/litellm 3286",
    ),
    OfRequest(
        "cache",
        MALFORMED + "#/system/1: extraneous key [cachePoint] is not permitted, please reformat"
        " your input and try again.",
        "earendil-works/pi 2053",
    ),
    OfRequest(
        "cache",
        "You invoked an unsupported model or your request did not allow prompt caching. See"
        " the documentation for more information.",
        "posit-dev/positron 12142",
    ),
    OfRequest(
        "cache",
        "You invoked an unsupported model or your request did not allow prompt caching. See"
        " the documentation for more information.",
        "strands-agents/harness-sdk 1807",
        code="AccessDeniedException",
    ),
    OfRequest(
        "cache",
        BY_MODEL + "system.1.cache_control: Extra inputs are not permitted",
        "earendil-works/pi 2053, as Anthropic says it",
    ),
    OfRequest(
        "system",
        "This model doesn't support system messages. Try again without system messages or use"
        " a model that supports system messages.",
        "local/judge/models.yaml",
    ),
    OfRequest(
        "system",
        MALFORMED + "#: extraneous key [system] is not permitted, please reformat your input"
        " and try again.",
        "fumito-ito/AnthropicSwiftSDK 19, of another key",
    ),
    OfRequest(
        "top_k",
        MALFORMED + '#: subject must not be valid against schema {"required":["messages"]}#:'
        " extraneous key [top_k] is not permitted, please reformat your input and try again.",
        "pingcap/autoflow 574, of another key",
        {"additional": {"top_k": 5}},
    ),
    OfRequest(
        "thinking",
        BY_MODEL + "Failed to deserialize the JSON body into the target type: thinking:"
        " unknown field `thinking`, expected one of `messages`, `model`, `store`,"
        " `reasoning_effort`, `max_tokens`, `response_format`, `stop`, `temperature`, `top_p`,"
        " `tools`, `tool_choice`, `functions` at line 1 column 445",
        "BerriAI/litellm 13959",
        {"additional": THINKING, "effort": "low", "temperature": 0.5},
    ),
    OfRequest(
        "thinking",
        BY_MODEL + '"thinking.type.enabled" is not supported for this model. Use'
        ' "thinking.type.adaptive" and "output_config.effort" to control thinking behavior.',
        "anthropics/claude-code 66594",
        {"additional": THINKING, "effort": "low"},
    ),
    OfRequest(
        "thinking",
        BY_MODEL + "thinking.enabled.budget_tokens: Input should be greater than or equal to 1024",
        "danny-avila/LibreChat 8346",
        {"additional": THINKING},
    ),
    OfRequest(
        "thinking",
        BY_MODEL
        + "`max_tokens` must be greater than `thinking.budget_tokens`."
        + SEE
        + "extended-thinking#max-tokens-and-context-window-size",
        "vercel/ai 7927",
        {"additional": THINKING},
    ),
    OfRequest(
        "thinking",
        MALFORMED + "budgetTokens is invalid for this model",
        "UKGovernmentBEIS/inspect_ai 5301, of another key",
        {"additional": THINKING},
    ),
    OfRequest(
        "effort",
        "This model does not support the effort parameter.",
        "anthropics/claude-code 30795",
        {"effort": "high"},
    ),
    OfRequest(
        "effort",
        "output_config.effort: Extra inputs are not permitted",
        "anthropics/claude-code-action 1005",
        {"effort": "high"},
    ),
    OfRequest(
        "effort",
        "output_config.effort: Input should be 'low', 'medium' or 'high'",
        "coder/coder 25356",
        {"effort": "max"},
    ),
    OfRequest(
        "json_schema",
        BY_MODEL + "output_config.format: Extra inputs are not permitted",
        "vectorize-io/hindsight 3300",
        {"effort": "low"},
    ),
    OfRequest(
        "json_schema",
        "output_config.format.schema: Invalid schema: The compiled grammar is too large,"
        " which would cause performance issues. Simplify your tool schemas or reduce the number"
        " of strict tools.",
        "TanStack/ai 682",
        {"effort": "low"},
    ),
    OfRequest("json_schema", "Schema is too complex for compilation.", "TanStack/ai 686"),
    OfRequest(
        "json_schema",
        "This model doesn't support the outputConfig.textFormat field. Remove"
        " outputConfig.textFormat and try again.",
        "strands-agents/harness-sdk 1241, of another field",
    ),
    OfRequest(
        "json_schema",
        "output_config.format.schema: For 'object' type, 'additionalProperties' must be"
        " explicitly set to false",
        "Anthropic's words, without a report",
    ),
    OfRequest(
        "output_config",
        "This model doesn't support the outputConfig field. Remove outputConfig and try again.",
        "local/judge/models.yaml",
        {"effort": "low"},
    ),
    OfRequest(
        "forced",
        "This model doesn't support the toolConfig.toolChoice.any field. Remove"
        " toolConfig.toolChoice.any and try again",
        "strands-agents/harness-sdk 1241",
    ),
    OfRequest(
        "forced",
        "This model doesn't support the toolConfig.toolChoice.tool field. Remove"
        " toolConfig.toolChoice.tool and try again.",
        "vercel/ai 4396",
    ),
    OfRequest(
        "forced",
        BY_MODEL + "Thinking may not be enabled when tool_choice forces tool use.",
        "LostRuins/lite.koboldai.net 108",
    ),
    OfRequest("tools", "This model doesn't support tool use.", "langchain-ai/langchain-aws 447"),
    OfRequest(
        "tools", "This model doesn't support tool use in streaming mode.", "earendil-works/pi 3739"
    ),
    OfRequest(
        "tools",
        MALFORMED + "#/toolConfig/tools/1/toolSpec/inputSchema/json: extraneous key [$defs] is"
        " not permitted, please reformat your input and try again.",
        "lastmile-ai/mcp-agent 126",
    ),
    OfRequest(
        "tools",
        BY_MODEL + "tools.18.custom.input_schema: JSON schema is invalid. It must match JSON"
        " Schema draft 2020-12 (https://json-schema.org/draft/2020-12). Learn more about tool"
        " use at https://docs.anthropic.com/en/docs/tool-use.",
        "acomagu/vscode-as-mcp-server 6",
    ),
    OfRequest(
        "tools",
        "The value at toolConfig.tools.26.toolSpec.inputSchema.json.type must be one of the"
        " following: object.",
        "kirodotdev/Kiro 11027",
    ),
    OfRequest(
        "max_tokens",
        "The maximum tokens you requested exceeds the model limit of 2048. Try again with"
        " a maximum tokens value that is lower than 2048.",
        "vercel/ai 2772",
        {"max_tokens": 4000},
    ),
    OfRequest(
        "max_tokens",
        MALFORMED + "#/inferenceConfig/maxTokens: 4000 is not less or equal to 2048,"
        " please reformat your input and try again.",
        "aws-solutions-library-samples/accelerated-intelligent-document-processing-on-aws 175",
        {"max_tokens": 4000},
    ),
    OfRequest(
        "max_tokens",
        "max_tokens: 4000 > 2048, which is the maximum allowed number of output tokens for"
        " acme.judge-9-v1:0",
        "Anthropic's words, in RooCodeInc/Roo-Code 248",
        {"max_tokens": 4000},
    ),
]

ACCESS, NOT_FOUND, INVALID = (
    "AccessDeniedException",
    "ResourceNotFoundException",
    "ValidationException",
)
USER = "User: arn:aws:sts::111122223333:assumed-role/tool_choice-effort/temperature is not authorized to perform: "

OF_MODEL = [
    OfModel(
        ACCESS,
        USER + "bedrock:InvokeModel on resource: arn:aws:bedrock:us-east-1::foundation-model/"
        "acme.json_schema-tools because no identity-based policy allows the action",
        "allow the function's role",
        "the stand-in's words, with other names",
    ),
    OfModel(
        ACCESS,
        USER + "bedrock:InvokeModel on resource: arn:aws:bedrock:::foundation-model/"
        "anthropic.claude-opus-4-6-v1 with an explicit deny in a service control policy:"
        " arn:aws:organizations::111122223333:policy/o-1/service_control_policy/p-1",
        "ask its administrator",
        "aws-samples/sample-badgers 33",
    ),
    OfModel(
        ACCESS,
        "Model access is denied due to IAM user or service role is not authorized to perform the"
        " required AWS Marketplace actions (aws-marketplace:ViewSubscriptions,"
        " aws-marketplace:Subscribe) to enable access to this model. Refer to the Amazon Bedrock"
        " documentation for further details.",
        "which subscribes the account",
        "anthropics/claude-code 9681",
    ),
    OfModel(
        ACCESS,
        "Model access is denied due to INVALID_PAYMENT_INSTRUMENT:A valid payment instrument must"
        " be provided.. Your AWS Marketplace subscription for this model cannot be completed at"
        " this time.",
        "means of payment",
        "AWS's words, without a report",
    ),
    OfModel(
        ACCESS,
        "Access to this model is not available for channel program accounts. Reach out to your"
        " AWS Solution Provider or AWS Distributor for more information.",
        "ask AWS Support",
        "AWS's words, without a report",
    ),
    OfModel(
        ACCESS,
        "You don't have access to the model with the specified model ID.",
        "allow the function's role",
        "anthropics/claude-code 536",
    ),
    OfModel(
        NOT_FOUND,
        "Access denied. This Model is marked by provider as Legacy and you have not been"
        " actively using the model in the last 15 days. Please upgrade to an active model on"
        " Amazon Bedrock",
        "about to end",
        "aws-samples/amazon-bedrock-workshop 386",
    ),
    OfModel(
        NOT_FOUND,
        "This model version has reached the end of its life. Please refer to the AWS"
        " documentation for more details.",
        "the model is dead",
        "browser-use/browser-use 5448",
    ),
    OfModel(
        NOT_FOUND,
        "Model use case details have not been submitted for this account. Fill out the"
        " Anthropic use case details form before using the model. If you have already filled out"
        " the form, try again in 15 minutes.",
        "use-case form",
        "aws-samples/sample-strands-agentcore-starter 12",
    ),
    OfModel(
        INVALID,
        BY_MODEL + "You have not filled out the required use-case form for this model. Complete"
        " the form at https://ap-southeast-4.console.aws.amazon.com/bedrock/ before requesting"
        " access.",
        "use-case form",
        "truefoundry/models 934",
    ),
    OfModel(
        NOT_FOUND,
        "Could not resolve the foundation model from the provided model identifier.",
        "check the model id",
        "truera/trulens 779",
    ),
    OfModel(
        INVALID,
        "The provided model identifier is invalid.",
        "check the model id",
        "Kilo-Org/kilocode 1178",
    ),
    OfModel(
        INVALID,
        "1 validation error detected: Value 'acme.tool_choice:1:2' at 'modelId' failed to satisfy"
        " constraint: Member must satisfy regular expression pattern: (arn:aws(-[^:]+)?:bedrock:"
        "[a-z0-9-]{1,20}:(([0-9]{12}:custom-model/[a-z0-9-]{1,63})))",
        "check the model id",
        "aws-samples/amazon-bedrock-client-for-mac 11",
    ),
    OfModel(
        INVALID,
        "Invocation of model ID acme.judge-9-v1:0 with on-demand throughput isn’t supported."
        " Retry your request with the ID or ARN of an inference profile that contains this model.",
        "inference profile",
        "stackblitz-labs/bolt.diy 1102",
    ),
    OfModel(
        INVALID,
        "The provided model doesn't support on-demand throughput.",
        "inference profile",
        "autogluon/autogluon-assistant 54",
    ),
    OfModel(
        INVALID,
        BY_MODEL + "data retention mode 'default' is not available for this model",
        "mode of data retention",
        "anomalyco/opencode 31560",
    ),
    OfModel(
        INVALID,
        "Access to Anthropic models is not allowed from unsupported countries, regions, or"
        " territories. Please refer to https://www.anthropic.com/supported-countries for more"
        " information on the countries and regions Anthropic currently supports.",
        "check the model id and the Region",
        "aws-samples/generative-bi-using-rag 361",
    ),
    OfModel(INVALID, "Operation not allowed", "ask AWS Support", "kirodotdev/Kiro 11191"),
    OfModel(
        INVALID,
        "Your account is not authorized to invoke this API operation.",
        "ask AWS Support",
        "aws-samples/amazon-bedrock-audio-summarizer 3",
    ),
    OfModel(
        INVALID,
        "Your account is not authorized to perform this action. Please create a support case"
        " with the tool use team.",
        "ask AWS Support",
        "prowler-cloud/prowler 12801",
    ),
    OfModel(
        INVALID,
        "Reservation not found.",
        "check inference_parameters",
        "envoyproxy/ai-gateway 1749",
    ),
    OfModel(
        INVALID,
        "The provided guardrail identifier is invalid.",
        "check inference_parameters",
        "openclaw/openclaw 58588",
    ),
    OfModel(
        INVALID, BY_MODEL + "Validation Error", "check inference_parameters", "BerriAI/litellm 5592"
    ),
    OfModel(
        INVALID,
        "The model is unsupported for streaming.",
        "check inference_parameters",
        "aws-samples/amazon-bedrock-client-for-mac 112",
    ),
    OfModel(
        INVALID,
        "The system encountered an unexpected error during processing. Try your request again.",
        "check inference_parameters",
        "hydro-project/infinity 124",
    ),
    OfModel(
        INVALID,
        "We made a best effort to serve the request. Ask for a higher limit with the quota tool.",
        "check inference_parameters",
        "made up of our words",
    ),
]

OF_RECORD = [
    ("Input is too long for requested model.", "aws-samples/bedrock-chat 95"),
    (BY_MODEL + "prompt is too long: 200049 tokens > 200000 maximum", "daisuke-awaji/moca 254"),
    (
        BY_MODEL
        + "Input Tokens Exceeded: Number of input tokens exceeds maximum length. Please update the"
        " input to try again.",
        "public error tables of several clients",
    ),
    (
        (
            "input length and `max_tokens` exceed context limit: 199905 + 1024 > 200000, decrease input length or"
            " `max_tokens` and try again"
        ),
        "strands-agents/sdk-python 152",
    ),
    (
        BY_MODEL
        + "This model's maximum context length is 131072 tokens. However, you requested 131134 tokens"
        " (130110 in the messages, 1024 in the completion). Please reduce the length of the messages or"
        " completion.",
        "evalstate/fast-agent 621",
    ),
    ("too many total text bytes", "strands-agents/sdk-python 1528"),
    (
        (
            "The text field in the ContentBlock object at messages.0.content.0 is blank. Add text to the text"
            " field, and try again."
        ),
        "OpenHands/OpenHands 5339",
    ),
    ("messages: text content blocks must be non-empty", "anomalyco/opencode 15715"),
    (
        "messages: text content blocks must contain non-whitespace text",
        "microsoft/genaiscript 1561",
    ),
    (
        (
            "The content field in the Message object at messages.0 is empty. Add a ContentBlock object to the"
            " content field and try again."
        ),
        "earendil-works/pi 3443",
    ),
    (
        (
            "1 validation error detected: Value 'SECRET tool_choice temperature' at"
            " 'messages.1.member.content.1.member.text' failed to satisfy constraint: Member must have length"
            " less than or equal to 25000000"
        ),
        "the form of continuedev/continue 2296",
    ),
]
