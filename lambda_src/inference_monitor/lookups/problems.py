"""What stops a deployment, and what AWS answers when it refuses."""

from __future__ import annotations

NOT_FOUND = frozenset({"ResourceNotFound", "ResourceNotFoundException", "ValidationException"})
"""SageMaker's codes for a name or an ARN that it does not know."""
DENIED = frozenset({"AccessDenied", "AccessDeniedException", "403", "Forbidden"})
"""HeadBucket has no body to tell a code in, so there it is the status."""


class LookUpError(Exception):
    """The deployment cannot work; the text is one sentence, with what to do about it."""
