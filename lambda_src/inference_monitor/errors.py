"""What can go wrong, and who acts on it.

MonitorError
├── InvalidScorersError     permanent, at synth: scorers.yaml (scoring/config_file.py)
├── InvalidPrivacyError     permanent, at synth: privacy.yaml (privacy/config.py)
├── InvalidModelsError      permanent, at synth: models.yaml (scoring/models.py)
├── MissingPresidioError    permanent, at synth or start: not in the image (privacy/presidio.py)
├── JudgeRefusedError       permanent: becomes an assessment with an error (scoring/judge.py)
├── MalformedCaptureError   permanent: the line is quarantined with this reason
├── InvalidEventError       permanent: the invocation is wrong; says which shapes are accepted
├── MissingFileError        permanent: there is no such capture file
├── UnbalancedLedgerError   permanent: batches of a file failed for good, so must the run
├── BatchNotStartedError    the workflow reads the file again in ranges (stacks/workflow.py)
├── PermanentWriteError     permanent: MLflow refuses one record, which is quarantined
└── TransientError          throttling, timeouts, 5xx: Step Functions retries the batch by this name
    └── JudgeUnavailableError   only scores are missing: retried, then recorded as unscored

Step Functions matches the class name that Lambda reports, and knows nothing of inheritance, so
the state machine lists both transient names. Writes are idempotent, so a retry repeats nothing.
"""


class MonitorError(Exception):
    """Base of every error this package raises on purpose."""


class MalformedCaptureError(MonitorError):
    """A line that can never be read as an inference; the message is the quarantine reason."""


class InvalidEventError(MonitorError):
    """The function was invoked with an event of no known shape."""


class MissingFileError(MonitorError):
    """The capture file named by the event does not exist."""


class UnbalancedLedgerError(MonitorError):
    """Lines of a capture file are not accounted for; says how many and where they are."""

    def __init__(self, message: str, unaccounted: int = 0) -> None:
        super().__init__(message)
        self.unaccounted = unaccounted


class BatchNotStartedError(MonitorError):
    """Step Functions could not hand a batch over: it is too large, or was never started."""


class PermanentWriteError(MonitorError):
    """MLflow will refuse this record however often it is sent."""


class TransientError(MonitorError):
    """Something outside failed for now; the same call may succeed later."""


class JudgeUnavailableError(TransientError):
    """Every trace of the batch is written, but the judge could not be asked about some of them."""
