"""What is redacted, checked before anything is deployed."""

from __future__ import annotations

from inference_monitor.config.privacy import InvalidPrivacyError, PrivacyConfig, load_privacy
from stacks import LAMBDA_SRC

__all__ = ["InvalidPrivacyError", "load"]


def load() -> PrivacyConfig:
    """Read the `privacy.yaml` that goes into the image.

    Raises:
        InvalidPrivacyError: If the file cannot be used; one line for every problem.
    """
    return load_privacy(LAMBDA_SRC / "privacy.yaml")
