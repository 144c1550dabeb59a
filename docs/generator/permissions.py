"""The page of permissions: the roles of a deployment, and what `doctor` calls with yours."""

from __future__ import annotations

from docs.generator.markdown import code, page, table
from docs.generator.source import ROOT
from inference_monitor_cli.doctor.checks import S3_ACTIONS, SERVICES

_BEGIN, _END = "<!-- permissions -->", "<!-- /permissions -->"


def permissions_page() -> str:
    """Every statement of the roles, and the actions of the command's checks."""
    security = (ROOT / "docs/security.md").read_text(encoding="utf-8")
    statements = security.split(_BEGIN)[1].split(_END)[0].strip()
    actions = {f"{service}:{operation}" for operation, service in SERVICES.items()}
    return page(
        "Permissions",
        "the synthesized stack and `inference_monitor_cli.doctor`",
        "[Security](../security.md) says what each role is for, and what has been proven.",
        "## Roles of a deployment",
        "With a KMS key for each bucket, an artifact store and the default judge; `…` is your "
        "Region and account.",
        statements,
        "## What `inference-monitor doctor` calls",
        "With your credentials; each call only reads. The canary also writes one capture file "
        "(`s3:PutObject` in the capture folder) and reads its ledger (`s3:GetObject` in the "
        "results bucket).",
        table(("action",), ((code(one),) for one in sorted(actions | {*S3_ACTIONS.values()}))),
    )
