"""Where records come from: the endpoint and variant in a file's key, and ranges of a file."""

from __future__ import annotations

import re
from dataclasses import dataclass

from inference_monitor.inference import Source

# <prefix>/<endpoint>/<variant>/yyyy/mm/dd/hh/<file>: how SageMaker names capture files.
_LAYOUT = re.compile(r"(?:^|/)(?P<endpoint>[^/]+)/(?P<variant>[^/]+)/\d{4}/\d\d/\d\d/\d\d/[^/]+$")


@dataclass(frozen=True, slots=True)
class ByteRange:
    """The lines that begin at byte `start` or after it, and before byte `end`."""

    start: int
    end: int


def source_of(bucket: str, key: str, monitored: str) -> Source:
    """Name endpoint and variant of a capture file.

    Where the key does not follow SageMaker's layout, the endpoint is the monitored one and the
    variant is unknown.
    """
    if found := _LAYOUT.search(key):
        endpoint = found["endpoint"]
        return Source(bucket, key, endpoint, found["variant"], foreign=endpoint != monitored)
    return Source(bucket, key, monitored)
