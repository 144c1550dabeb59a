"""The documented direct invoke, read without AWS; tests/e2e runs it as it is typed."""

from __future__ import annotations

from tests.infra.conftest import REPOSITORY


def test_the_direct_invoke_waits_for_its_answer_and_is_sent_once() -> None:
    """The AWS CLI reads for 60 s and then sends again, and the two would meet at the same file.

    "Command line options" (`--cli-read-timeout`, 0: wait without end) and "Retries"
    (`AWS_MAX_ATTEMPTS`) in the AWS CLI user guide, November 2026.
    """
    text = (REPOSITORY / "docs/how-to/replay.md").read_text()
    commands = [block for block in text.split("```")[1::2] if "aws lambda invoke" in block]
    assert commands
    for command in commands:
        typed = command[command.index("AWS_MAX_ATTEMPTS=1 aws lambda invoke") :]
        assert "--cli-read-timeout 0" in typed
