"""Known vulnerabilities of what the function's image installs, as pip-audit finds them."""

from __future__ import annotations

import json
import subprocess
import sys
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.image.engine import ROOT

REQUIREMENTS = ROOT / "lambda_src/requirements.txt"
ACCEPTED = Path(__file__).with_name("accepted_vulnerabilities.toml")
REQUEST_SECONDS = 15


class NotAuditedError(Exception):
    """Nothing is known, good or bad, of at least one package."""


@dataclass(frozen=True, slots=True)
class Vulnerability:
    """One advisory for one locked package."""

    package: str
    version: str
    id: str
    fixed_in: str

    def __str__(self) -> str:
        remedy = f"fixed in {self.fixed_in}" if self.fixed_in else "no fix yet"
        return f"{self.package} {self.version}: {self.id}, {remedy}"


def audit() -> list[Vulnerability]:
    """Ask PyPI's advisories about every locked package; what is accepted is left out.

    Raises:
        NotAuditedError: If the service does not know or say of some package. pip-audit itself
            calls that a success.
    """
    ignored = [f"--ignore-vuln={name}" for name in accepted(ACCEPTED)]
    program = Path(sys.executable).with_name("pip-audit")
    command = [
        str(program), "--requirement", str(REQUIREMENTS), "--require-hashes", "--disable-pip",
        "--format=json", "--progress-spinner=off", f"--timeout={REQUEST_SECONDS}", *ignored,
    ]  # fmt: skip
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    try:
        report = json.loads(done.stdout)
    except ValueError:
        lines = done.stderr.strip().splitlines() or ["it said nothing"]
        raise NotAuditedError(f"pip-audit gives no report: {lines[-1]}") from None
    return read_report(report)


def accepted(path: Path) -> dict[str, str]:
    """The ids of accepted vulnerabilities, and why.

    Raises:
        ValueError: If one has no reason.
    """
    reasons = {name: entry.get("reason") for name, entry in tomllib.loads(path.read_text()).items()}
    if silent := [name for name, reason in reasons.items() if not reason]:
        raise ValueError(f"{path.name}: no reason is given for {', '.join(silent)}")
    return reasons


def read_report(report: dict[str, Any]) -> list[Vulnerability]:
    """What pip-audit's JSON report says; raises NotAuditedError as `audit` does."""
    packages = report["dependencies"]
    unknown = [package["name"] for package in packages if "skip_reason" in package]
    if unknown or not packages:
        raise NotAuditedError(
            f"the advisory service has no answer for {len(unknown)} of {len(packages)} packages "
            f"({', '.join(unknown[:3])}, …): it cannot be reached from here, or is a mirror "
            "without advisories"
        )
    return [
        Vulnerability(
            package["name"], package["version"], found["id"], ", ".join(found["fix_versions"])
        )
        for package in packages
        for found in package["vulns"]
    ]
