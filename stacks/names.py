"""The physical names of one deployment, a public contract: scripts and exports rely on them."""

from __future__ import annotations

from dataclasses import dataclass

# Template and the longest name AWS accepts for that kind of resource.
_TEMPLATES = {
    "stack": ("SageMakerInferenceMonitoringStack-{}", 128),
    "role": ("sagemaker-data-capture-processing-{}", 64),
    "function": ("sagemaker-data-capture-processor-{}", 64),
    "state_machine": ("sagemaker-data-capture-monitoring-{}", 80),
    "rule": ("sagemaker-s3-event-rule-{}", 64),
    "log_group": ("/aws/vendedlogs/states/sagemaker-monitoring-{}", 512),
}

MAX_PREFIX_LENGTH = min(limit - len(text.format("")) for text, limit in _TEMPLATES.values())
"""The longest prefix with which every name still fits."""


@dataclass(frozen=True, slots=True)
class Names:
    """The names of the deployment with this prefix; two prefixes never share one."""

    prefix: str

    @property
    def stack(self) -> str:
        """The CloudFormation stack."""
        return self._name("stack")

    @property
    def role(self) -> str:
        """The role of the function."""
        return self._name("role")

    @property
    def function(self) -> str:
        """The function that traces and scores."""
        return self._name("function")

    @property
    def state_machine(self) -> str:
        """The workflow over one capture file."""
        return self._name("state_machine")

    @property
    def rule(self) -> str:
        """The EventBridge rule that starts the workflow."""
        return self._name("rule")

    @property
    def log_group(self) -> str:
        """The execution log of the workflow."""
        return self._name("log_group")

    def export(self, output: str) -> str:
        """The export name of a stack output."""
        return f"{output}-{self.prefix}"

    def _name(self, kind: str) -> str:
        return _TEMPLATES[kind][0].format(self.prefix)
