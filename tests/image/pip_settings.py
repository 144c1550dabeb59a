"""The machine's own pip configuration, made visible to RUN lines of a build.

An image is built like everything else on this machine: with the indexes, mirrors and certificates
that pip is told of here, which the Dockerfile must not know about.
"""

from __future__ import annotations

import ast
import configparser
import os
import re
import subprocess
import sys
from pathlib import Path

_CERTIFICATES = ("PIP_CERT", "REQUESTS_CA_BUNDLE", "SSL_CERT_FILE")
# The later ones win; an environment variable beats every file.
_SECTIONS = ("global", "site", "user", "install", ":env:")


def mounts(folder: Path) -> list[str]:
    """Write a pip.conf into a folder; gives what a build has to mount, as `SOURCE:DESTINATION`.

    Besides pip.conf these are local files and folders that it names, at the places they have here.
    """
    settings = _settings()
    # At its usual place: in the image's configuration there is nothing to be set or left behind.
    config = folder / "pip.conf"
    parser = configparser.RawConfigParser()
    parser["global"] = {name: value.replace("\n", "\n\t") for name, value in settings.items()}
    with config.open("w") as file:
        parser.write(file)
    words = " ".join(settings.values()).split()
    # The links of a local index usually lead to files beside it.
    indexes = [Path(word.removeprefix("file://")).parent for word in words if "file://" in word]
    paths = [Path(word) for word in words if word.startswith("/")]
    local = sorted({path for path in [*indexes, *paths] if path.exists()})
    return [f"{config}:/etc/pip.conf", *(f"{path}:{path}" for path in local)]


def _settings() -> dict[str, str]:
    listed = subprocess.run(
        [sys.executable, "-m", "pip", "config", "list"], capture_output=True, text=True, check=True
    )
    # Lines like `global.index-url='https://…'`, the value as Python writes it.
    found = [re.match(r"(.+?)\.([\w-]+)=(.+)$", line) for line in listed.stdout.splitlines()]
    lines = [match.groups() for match in found if match and match[1] in _SECTIONS]
    lines.sort(key=lambda line: _SECTIONS.index(line[0]))
    settings = {name: str(ast.literal_eval(value)) for _, name, value in lines}
    bundles = [os.environ[name] for name in _CERTIFICATES if os.environ.get(name)]
    return {**({"cert": bundles[0]} if bundles else {}), **settings}
