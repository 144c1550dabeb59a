"""What counts as signed."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from local.sigv4 import Scope, SignatureError, verify

CALLER = Credentials("AKIA1", "secret", "session-token")
URL = "http://127.0.0.1:1/api/2.0/mlflow/search?name=a%20b&name=%C3%A4&x="
BODY = b'{"name": "value"}'


def signed(credentials: Credentials = CALLER) -> dict[str, str]:
    """The headers of a signed POST of BODY to URL, in lower case."""
    request = AWSRequest("POST", URL, {"Content-Type": "application/json"}, BODY)
    request.headers["Host"] = "127.0.0.1:1"
    SigV4Auth(credentials, "sagemaker", "eu-west-1").add_auth(request)
    return {name.lower(): value for name, value in request.headers.items()}


def test_a_signed_request() -> None:
    """A request that its caller has signed tells for which region and service."""
    assert verify("POST", URL, signed(), BODY, CALLER) == Scope("eu-west-1", "sagemaker")


Change = Callable[[dict[str, str]], object]


@pytest.mark.parametrize(
    ("method", "url", "body", "change", "says"),
    [
        ("PUT", URL, BODY, dict, "SignatureDoesNotMatch"),
        ("POST", URL + "1", BODY, dict, "SignatureDoesNotMatch"),
        ("POST", URL.replace("search", "delete"), BODY, dict, "SignatureDoesNotMatch"),
        ("POST", URL, b"other", dict, "SignatureDoesNotMatch"),
        ("POST", URL, BODY, lambda h: h.update({"x-amz-security-token": "other"}), "DoesNotMatch"),
        ("POST", URL, BODY, lambda h: h.update({"x-amz-content-sha256": "0" * 64}), "the body"),
        ("POST", URL, BODY, lambda h: h.pop("authorization"), "Missing Authentication Token"),
        ("POST", URL, BODY, lambda h: h.update(signed(Credentials("AKIA1", "wrong"))), "NotMatch"),
        ("POST", URL, BODY, lambda h: h.update(signed(Credentials("AKIA2", "x"))), "is invalid"),
    ],
)
def test_what_is_not_signed(method: str, url: str, body: bytes, change: Change, says: str) -> None:
    """Whatever differs from what was signed is refused, and so is somebody else's signature."""
    headers = signed()
    change(headers)
    with pytest.raises(SignatureError, match=f"(?i){says}"):
        verify(method, url, headers, body, CALLER)
