"""Unit tests reach no network: a test that tries fails at once."""

from __future__ import annotations

import hypothesis
import pytest
import pytest_socket

# Speed is measured in benchmarks; a busy machine must not fail a test.
hypothesis.settings.register_profile("any-machine", deadline=None)
hypothesis.settings.load_profile("any-machine")


@pytest.fixture(autouse=True)
def _no_network() -> None:
    pytest_socket.disable_socket(allow_unix_socket=True)
