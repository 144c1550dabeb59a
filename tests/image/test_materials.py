"""What is in the image is known, locked, and looked up among known vulnerabilities."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tests.image import audit
from tests.image.engine import BUILD_SECONDS, run_python
from tests.image.function_image import TAG, FunctionImage
from tests.image.sbom import SBOM, write_sbom

# The first test that asks for the image builds it.
pytestmark = pytest.mark.timeout(BUILD_SECONDS)

_INSTALLED = """
from importlib.metadata import distributions
for found in distributions():
    print(found.metadata["Name"], found.version)
"""


def _installed(image: str) -> dict[str, str]:
    lines = run_python(image, _INSTALLED).splitlines()
    return {canonicalize_name(name): version for name, version in map(str.split, lines)}


def _locked(python: str) -> dict[str, str]:
    """The locked requirements that apply to Linux and a version of Python, such as 3.12."""
    environment = {
        "python_version": python, "python_full_version": f"{python}.0", "sys_platform": "linux",
        "platform_system": "Linux", "implementation_name": "cpython", "os_name": "posix",
        "platform_python_implementation": "CPython", "platform_machine": "x86_64",
    }  # fmt: skip
    lines = re.findall(r"^[^\s#-][^\\\n]*", audit.REQUIREMENTS.read_text(), re.MULTILINE)
    found = [Requirement(line.strip()) for line in lines]
    apply = [r for r in found if not r.marker or r.marker.evaluate(environment)]
    return {canonicalize_name(r.name): str(r.specifier).removeprefix("==") for r in apply}


def test_the_image_holds_what_is_locked_and_the_sbom_lists_it(image: FunctionImage) -> None:
    """Base and lock file together are all that is installed, and all that is listed."""
    inside, base = _installed(TAG), _installed(image.base)
    python = run_python(TAG, "import sys; print('%d.%d' % sys.version_info[:2])")
    assert inside == {**base, **_locked(python)}
    document = write_sbom(TAG)
    listed = {
        canonicalize_name(c["name"]): c["version"]
        for c in document["components"]
        if c["type"] == "library"
    }
    assert listed == inside
    assert {c["name"] for c in document["components"] if c["type"] == "container"} == {image.base}
    assert document["metadata"]["component"]["name"] == TAG
    assert JsonStrictValidator(SchemaVersion.V1_6).validate_str(SBOM.read_text()) is None


def test_no_unexplained_vulnerabilities() -> None:
    """pip-audit finds nothing in the lock file but what is explained; no answer is no pass."""
    try:
        found = audit.audit()
    except audit.NotAuditedError as error:
        pytest.skip(f"NOT AUDITED: {error}")
    assert not found, "\n".join(map(str, found))


def test_vulnerabilities_are_reported() -> None:
    """An advisory is found in pip-audit's report; a package without an answer is no success."""
    vulnerable = {
        "name": "jinja2", "version": "2.0",
        "vulns": [{"id": "PYSEC-2019-217", "fix_versions": ["2.10.1"], "aliases": []}],
    }  # fmt: skip
    (found,) = audit.read_report({"dependencies": [vulnerable]})
    assert str(found) == "jinja2 2.0: PYSEC-2019-217, fixed in 2.10.1"
    skipped = {"name": "six", "skip_reason": "Dependency not found on PyPI"}
    with pytest.raises(audit.NotAuditedError, match="no answer for 1 of 2 packages"):
        audit.read_report({"dependencies": [vulnerable, skipped]})


def test_what_is_accepted_is_explained(tmp_path: Path) -> None:
    """No vulnerability is accepted without a reason."""
    audit.accepted(audit.ACCEPTED)
    silent = tmp_path / "accepted.toml"
    silent.write_text('[GHSA-1]\nreason = "never called"\n[GHSA-2]\n')
    with pytest.raises(ValueError, match=r"accepted\.toml: no reason is given for GHSA-2"):
        audit.accepted(silent)
