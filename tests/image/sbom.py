"""The image's bill of materials: CycloneDX, from what is installed in it.

Python distributions only. The operating system's packages belong to the base image, which is named
as a component; Amazon ECR scans them.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

from tests.image import base
from tests.image.engine import FOLDER, EngineError, inspect, mounted, run_python

SBOM = FOLDER / "sbom.json"
_PATH = "import json, sys; print(json.dumps([path for path in sys.path if path]))"


def write_sbom(image: str) -> dict[str, Any]:
    """Write the bill of materials of an image to `SBOM`, and give it.

    Raises:
        EngineError: If cyclonedx-py fails.
    """
    inside: list[str] = json.loads(run_python(image, _PATH))
    with mounted(image) as root:
        # cyclonedx-py wants an interpreter, and asks it for nothing but its path. The image's own
        # cannot run outside of it, so this one answers in its place.
        interpreter = FOLDER / "python"
        outside = [str(root / path.lstrip("/")) for path in inside]
        interpreter.write_text(f"#!/bin/sh\nprintf %s '{json.dumps(outside)}'\n")
        interpreter.chmod(0o755)
        program = Path(sys.executable).with_name("cyclonedx-py")
        command = [str(program), "environment", "--of", "JSON", "-o", str(SBOM), str(interpreter)]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode:
            raise EngineError(f"cyclonedx-py failed: {done.stderr.strip()[-2000:]}")
    document: dict[str, Any] = json.loads(SBOM.read_text())
    document["metadata"]["component"] = _container(image)
    document["components"].append(_container(base.name()))
    SBOM.write_text(json.dumps(document, indent=2) + "\n")
    return document


def _container(image: str) -> dict[str, Any]:
    found = inspect(image)
    if not found:
        raise EngineError(f"there is no image {image}")
    stand_in = str(base.is_stand_in(found)).lower()
    return {
        "type": "container",
        "bom-ref": image,
        "name": image,
        "version": f"sha256:{found['Id']}",
        "properties": [{"name": "stand-in-base", "value": stand_in}],
    }
