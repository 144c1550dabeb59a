"""Which share of the inferences a scorer sees."""

from __future__ import annotations

import hashlib

# Part of the hash, so that the samples do not coincide with anything else drawn from event ids.
# Changing it draws other samples for every deployment.
_DOMAIN = "inference-monitor/sample/1"


def is_sampled(event_id: str, rate: float) -> bool:
    """Say whether an event falls into the sample of the given rate (0: none, 1: all).

    The event alone decides, never the scorer or the delivery: a retry judges the same inferences,
    and whatever is in the 5 % sample is also in the 10 % one, so that scores can be compared.
    """
    # Surrogates cannot be encoded as they are; an event id is whatever the file says.
    digest = hashlib.sha256(f"{_DOMAIN}\0{event_id}".encode("utf-8", "surrogatepass")).digest()
    return int.from_bytes(digest[:8], "big") / 2**64 < rate
