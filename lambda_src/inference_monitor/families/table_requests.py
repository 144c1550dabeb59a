"""Requests that are a table: prompts in a column, or rows of features."""

from __future__ import annotations

import csv
import io
from typing import Any

from inference_monitor.families.fields import is_cell, is_tabular_text, is_texts, object_of, user
from inference_monitor.families.request_fields import (
    PROMPT_NAMES,
    Messages,
    build_request,
    is_dialog,
    rest_of,
)
from inference_monitor.inference import Request

TABULAR_TYPES = ("text/csv", "text/libsvm", "text/x-libsvm", "application/x-npy")
_TABULAR_KEYS = ("instances", "features", "dataframe_split", "dataframe_records", "columns")


def rows(body: dict[str, Any]) -> Request | None:
    """A table with a column of prompts or messages: MLflow's scoring server, TensorFlow Serving."""
    table = _table_rows(body)
    items = [_row_messages(row) for row in table]
    if not items or not all(items):
        return None
    parameters = body.get("params") or body.get("parameters")
    if not parameters and isinstance(table[0], dict):  # those of a row stand for all
        parameters = table[0].get("parameters") or rest_of(table[0], *PROMPT_NAMES, "messages")
    return build_request("rows", body, [item for item in items if item], parameters)


def tabular(body: dict[str, Any]) -> Request | None:
    """Rows of features: classic ML models."""
    numeric_inputs = isinstance(body.get("inputs"), list) and not is_texts(body["inputs"])
    row = bool(body) and all(is_cell(v) for v in body.values())
    if numeric_inputs or row or any(key in body for key in _TABULAR_KEYS):
        return Request("tabular", body)
    return None


def read_csv(body: str) -> Request:
    """CSV with a column of texts under a header (Hugging Face toolkit), else rows of numbers."""
    if is_tabular_text(body):
        return Request("tabular", body)
    try:
        table = csv.DictReader(io.StringIO(body.strip()))
        name = next((n for n in PROMPT_NAMES if n in (table.fieldnames or ())), None)
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
    name = next((n for n in PROMPT_NAMES if is_texts(columns.get(n))), None)
    if name is not None and "context" not in columns:
        return [{name: cell} for cell in columns[name]]
    lone = len(columns) == 1 and any(isinstance(columns.get(n), str) for n in PROMPT_NAMES)
    return [columns] if lone else []


def _row_messages(row: Any) -> Messages | None:
    if isinstance(row, str):
        return [user(row)]
    row = object_of(row)
    dialog = row.get("messages")
    if is_dialog(dialog) and isinstance(dialog, list) and dialog:
        return dialog
    if "context" in row and "question" in row:  # a question about a text, cut out of it
        return None
    asked = [row.get(name) for name in PROMPT_NAMES]
    found = next((value for value in asked if isinstance(value, str)), None)
    lone = next(iter(row.values())) if len(row) == 1 else None
    if found is None and isinstance(lone, str) and not is_cell(lone):  # a column of any name
        found = lone
    return [user(found)] if found is not None else None
