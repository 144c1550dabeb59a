"""Check AWS Signature Version 4 of a received request, from what was received alone."""

from __future__ import annotations

import hmac
import re
from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256

from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

_AUTHORIZATION = re.compile(
    r"AWS4-HMAC-SHA256 Credential=(?P<key>[^/]+)/(?P<date>\d{8})/(?P<region>[^/]+)"
    r"/(?P<service>[^/]+)/aws4_request, ?SignedHeaders=(?P<headers>[^,]+)"
    r", ?Signature=(?P<signature>\w+)"
)


class SignatureError(Exception):
    """The request is not signed as it should be; the message is for the caller."""


@dataclass(frozen=True, slots=True)
class Scope:
    """What a signature was made for."""

    region: str
    service: str


def verify(
    method: str, url: str, headers: Mapping[str, str], body: bytes, credentials: Credentials
) -> Scope:
    """Recompute the signature over the headers it says it covers, and compare.

    Args:
        method: The HTTP method.
        url: The whole URL as it was called.
        headers: All headers, whose names are looked up in lower case.
        body: The whole body.
        credentials: Whose signature is expected.

    Raises:
        SignatureError: If it is missing, by somebody else, or over something else.
    """
    found = _AUTHORIZATION.fullmatch(headers.get("authorization", ""))
    if not found:
        raise SignatureError("Missing Authentication Token")
    if found["key"] != credentials.access_key:
        raise SignatureError("The security token included in the request is invalid.")
    if headers.get("x-amz-content-sha256", "") not in ("", sha256(body).hexdigest()):
        raise SignatureError("The body does not match X-Amz-Content-SHA256.")
    names = found["headers"].split(";")
    if "host" not in names or "x-amz-date" not in names:
        raise SignatureError("The signature must cover host and x-amz-date.")
    request = AWSRequest(method, url, {name: headers.get(name, "") for name in names}, body)
    request.context["timestamp"] = headers["x-amz-date"]
    auth = SigV4Auth(credentials, found["service"], found["region"])
    to_sign = auth.string_to_sign(request, auth.canonical_request(request))
    if not hmac.compare_digest(auth.signature(to_sign, request), found["signature"]):
        raise SignatureError("SignatureDoesNotMatch")
    return Scope(found["region"], found["service"])
