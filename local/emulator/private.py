"""The private functions of ministack that we replace or call, checked before anything is served.

ministack offers no place to plug in, so this leans on its internals. A release in which one of them
looks different must fail at once: an emulation that silently falls back to ministack's own way runs
every workflow to SUCCEEDED without having processed anything.
"""

from __future__ import annotations

import inspect
from importlib.metadata import version

from ministack.services import eventbridge, lambda_svc, s3, stepfunctions
from ministack.services.cloudformation import provisioners

MINISTACK = "1.5.33"

_MAP = "(state_def, raw_input, effective, iterator, execution, ctx)"
_STATE = "(state_def, raw_input, execution, ctx)"
_PLAIN_STATE = "(state_def, raw_input, ctx=None)"
_SIGNATURES = {
    (stepfunctions, "_run_distributed_map"): _MAP,
    (stepfunctions, "_read_map_items"): "(reader, effective, ctx)",
    (stepfunctions, "handle_request"): "(method, path, headers, body, query_params)",
    (stepfunctions, "_run_execution"): "(exec_arn)",
    (stepfunctions, "_describe_execution"): "(data)",
    (stepfunctions, "_finalize_response"): "(response)",
    (stepfunctions, "_execute_task"): _STATE,
    (stepfunctions, "_execute_map"): _STATE,
    (stepfunctions, "_execute_pass"): _PLAIN_STATE,
    (stepfunctions, "_execute_choice"): _PLAIN_STATE,
    (stepfunctions, "_execute_wait"): _PLAIN_STATE,
    (stepfunctions, "_add_event"): "(execution, event_type, details=None)",
    (stepfunctions, "_fail_execution"): "(execution, error, cause)",
    (stepfunctions, "_emit_execution_status_event"): "(execution) -> None",
    (stepfunctions, "_resolve_params_obj"): "(template, data, ctx=None)",
    (stepfunctions, "_resolve_path_or_ctx"): "(path, data, ctx)",
    (stepfunctions, "_apply_result_selector"): "(state_def, data)",
    (stepfunctions, "_apply_result_path"): "(state_def, original, result)",
    (stepfunctions, "_apply_output_path"): "(state_def, data, ctx=None)",
    (stepfunctions, "_next_or_end"): "(state_def)",
    (stepfunctions, "_s3_object_text"): "(bucket, key)",
    (stepfunctions, "_call_lambda"): "(func_ref, event)",
    (stepfunctions._ExecutionError, "__init__"): "(self, error, cause)",
    (eventbridge, "_dispatch_to_stepfunctions"): "(arn, payload)",
    (provisioners, "_cw_metric_alarm_record"): "(name, props)",
    (lambda_svc, "_execute_function_docker"): "(func: dict, event: dict, request_id: str) -> dict",
    (s3, "_put_object"): "(bucket_name: str, key: str, body: bytes, headers: dict)",
}  # fmt: skip


class UnexpectedMinistackError(Exception):
    """ministack is not the one these additions were written for."""


def check() -> None:
    """Make sure that ministack is what we know.

    Raises:
        UnexpectedMinistackError: Names everything that differs.
    """
    wrong = [
        f"{owner.__name__}.{name}{actual} instead of {expected}"
        for (owner, name), expected in _SIGNATURES.items()
        if (actual := _signature(owner, name)) != expected
    ]
    if (found := version("ministack")) != MINISTACK:
        wrong.insert(0, f"version {found} instead of {MINISTACK}")
    if wrong:
        raise UnexpectedMinistackError(
            "local/emulator must be adapted to this ministack: " + "; ".join(wrong)
        )


def _signature(owner: object, name: str) -> str:
    function = getattr(owner, name, None)
    return str(inspect.signature(function)) if callable(function) else " (missing)"
