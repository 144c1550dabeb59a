"""The table of permissions in `docs/security.md`, made from the template.

Written anew by `.venv/bin/python -m tests.infra.permissions`.
"""

from __future__ import annotations

import json
from collections.abc import Iterator

import app
from tests.infra.account import ACCOUNT, REGION, ROLES, Account
from tests.infra.authorization import PROFILE_KEY
from tests.infra.conftest import REPOSITORY, deployable, settings
from tests.infra.deployed import Deployed
from tests.infra.iam import Statement, as_list
from tests.infra.variants import EVERYTHING

FILE = REPOSITORY / "docs/security.md"
_BEGIN, _END = "<!-- permissions -->\n", "<!-- /permissions -->\n"
_SAID = {PROFILE_KEY: "through", "s3:prefix": "below"}
_SHORT = {f"{REGION}:{ACCOUNT}:": "…:", f"{REGION}::": "…::", "arn:aws:": ""}


def table(account: Account) -> str:
    """One row for each statement of each role."""
    rows = [
        f"| {by} | {_actions(statement)} | {_resources(statement)} |\n"
        for by in ROLES
        for statement in account.statements(by)
    ]
    return "".join(["| who | may | on |\n", "|---|---|---|\n", *rows])


def documented() -> str:
    """The table as it stands in the documentation."""
    return FILE.read_text().partition(_BEGIN)[2].partition(_END)[0]


def _actions(statement: Statement) -> str:
    names_of: dict[str, list[str]] = {}
    for action in as_list(statement["Action"]):
        service, _, name = action.partition(":")
        names_of.setdefault(service, []).append(name)
    actions = "; ".join(f"{service}: {', '.join(names)}" for service, names in names_of.items())
    return f"**not** {actions}" if statement["Effect"] == "Deny" else actions


def _resources(statement: Statement) -> str:
    if "NotResource" in statement:
        return f"anything but {', '.join(_short(statement['NotResource']))}"
    conditions = "".join(
        f", {_SAID[key]} {', '.join(_short(values))}"
        for wanted in statement.get("Condition", {}).values()
        for key, values in wanted.items()
    )
    return ", ".join(_short(statement["Resource"])) + conditions


def _short(arns: str | list[str]) -> Iterator[str]:
    for arn in as_list(arns):
        text = arn
        for long, short in _SHORT.items():
            text = text.replace(long, short)
        yield f"`{text}`"


def main() -> None:
    """Put the table of this template into the documentation."""
    context = json.loads((REPOSITORY / "cdk.json").read_text())["context"]
    assembly = app.build_app(deployable(settings(**EVERYTHING)), context).synth()
    before, _, rest = FILE.read_text().partition(_BEGIN)
    after = rest.partition(_END)[2]
    made = table(Account(Deployed(assembly.stacks[0].template)))
    FILE.write_text(f"{before}{_BEGIN}{made}{_END}{after}")


if __name__ == "__main__":
    main()
