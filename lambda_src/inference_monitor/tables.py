"""The attributes of the stack's DynamoDB tables, as the stack and the function both know them.

Apart from the adapters, because at synth time there is no botocore.
"""

from __future__ import annotations

EXPIRES = "expires"
"""In every table: when DynamoDB may delete an item, in seconds since 1970."""

CLAIMS_KEY = "trace_id"
COUNTERS_KEY = "counter"
