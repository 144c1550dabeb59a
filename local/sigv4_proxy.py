"""The front door of SageMaker's managed MLflow: lets in what is signed, and hands it on.

Both kinds of resource are known: an MLflow App and a tracking server differ in the service that is
signed for and in the header that names the resource.
"""

from __future__ import annotations

import random
import threading
import time
from collections import Counter
from urllib.parse import urlsplit

import urllib3
from botocore.credentials import Credentials

from local.faults import Fault
from local.http_service import Handler, HttpService
from local.sigv4 import Scope, SignatureError, verify

_HEADER_BY_SERVICE = {
    "sagemaker": ("x-sm-mlflow-app-arn", ":mlflow-app/"),
    "sagemaker-mlflow": ("x-mlflow-sm-tracking-server-arn", ":mlflow-tracking-server/"),
}
# Belong to one connection, or are said anew for the next one.
_NOT_FORWARDED = {"host", "connection", "authorization", "content-length", "transfer-encoding"}
_NOT_RETURNED = {"connection", "transfer-encoding", "date", "server"}
_CHUNK = 64 * 1024
UPSTREAM_SECONDS = 120
UPSTREAM_CONNECTIONS = 32


class SigV4Proxy(HttpService):
    """Checks SigV4 and the resource's ARN, answers 403, or forwards to an MLflow server.

    `upstream` and `fault` may be changed at any time. `admitted`, `refused` and `struck` (by the
    fault) count requests by method and path; `named` holds the admitted with the ARN they were for.
    """

    def __init__(self, upstream: str, credentials: Credentials) -> None:
        self.handler = _Handler
        self.upstream = upstream
        self.credentials = credentials
        self.admitted: Counter[str] = Counter()
        self.refused: Counter[str] = Counter()
        self.named: set[tuple[str, str]] = set()
        self.fault: Fault | None = None
        self.struck: Counter[str] = Counter()
        self.random = random.Random(0)  # noqa: S311  # chooses whom the fault strikes
        self.lock = threading.Lock()
        self.pool = urllib3.PoolManager(
            maxsize=UPSTREAM_CONNECTIONS, timeout=UPSTREAM_SECONDS, retries=False
        )


class _Handler(Handler["SigV4Proxy"]):
    def serve(self) -> None:
        body = self.body()
        path = urlsplit(self.path).path
        try:
            arn = self._check(body)
        except SignatureError as error:
            self._count(self.service.refused, path)
            self.reply_json(403, {"message": str(error)})
            return
        self._count(self.service.admitted, path)
        self.service.named.add((f"{self.command} {path}", arn))
        fault = self._strike(path)
        time.sleep(fault.delay)
        if fault.status and not fault.late:
            self.reply_json(fault.status, fault.body)
            return
        headers = {k: v for k, v in self.headers.items() if k.lower() not in _NOT_FORWARDED}
        url = self.service.upstream + self.path
        try:
            response = self.service.pool.request(
                self.command, url, body=body, headers=headers, preload_content=False, redirect=False
            )
        except urllib3.exceptions.HTTPError:
            self.reply_json(502, {"message": "the MLflow server does not answer"})
            return
        try:
            if fault.status:
                response.drain_conn()
                self.reply_json(fault.status, fault.body)
            else:
                self._answer(response)
        finally:
            response.release_conn()

    def _strike(self, path: str) -> Fault:
        """What goes wrong with this request; often nothing."""
        fault = self.service.fault
        if fault is None or fault.path not in path:
            return Fault()
        with self.service.lock:
            if self.service.random.random() >= fault.share:
                return Fault()
        self._count(self.service.struck, path)
        return fault

    def _check(self, body: bytes) -> str:
        headers = self.lower_headers()
        url = f"http://{headers.get('host', '')}{self.path}"
        scope = verify(self.command, url, headers, body, self.service.credentials)
        return _resource(scope, headers)

    def _answer(self, response: urllib3.BaseHTTPResponse) -> None:
        """Pass an answer on as it comes, whatever its size."""
        self.send_response(response.status)
        for name, value in response.headers.items():
            if name.lower() not in _NOT_RETURNED:
                self.send_header(name, value)
        has_length = "Content-Length" in response.headers
        if not has_length:
            self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        for chunk in response.stream(_CHUNK, decode_content=False):
            self.wfile.write(chunk if has_length else b"%x\r\n%s\r\n" % (len(chunk), chunk))
        if not has_length:
            self.wfile.write(b"0\r\n\r\n")

    def _count(self, counter: Counter[str], path: str) -> None:
        with self.service.lock:
            counter[f"{self.command} {path}"] += 1


def _resource(scope: Scope, headers: dict[str, str]) -> str:
    """The ARN that a request names, which must be one of the service it was signed for."""
    if scope.service not in _HEADER_BY_SERVICE:
        raise SignatureError(f"Credential should be scoped to correct service, not {scope.service}")
    header, kind = _HEADER_BY_SERVICE[scope.service]
    arn = headers.get(header, "")
    if not (arn.startswith(f"arn:aws:sagemaker:{scope.region}:") and kind in arn):
        raise SignatureError(f"Header {header} must name a{kind.replace(':', ' ').rstrip('/')}")
    return arn
