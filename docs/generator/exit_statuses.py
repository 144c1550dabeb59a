"""The page of exit statuses: the constants of the command, and what 1 means for each verb."""

from __future__ import annotations

from docs.generator.commands import verbs
from docs.generator.markdown import code, page, table
from inference_monitor_cli.problems import FAILED, UNABLE
from inference_monitor_cli.terminal import READER_GONE

MEANING_OF_1 = {
    "agreement": "not every record or trace could be compared",
    "backfill": "some scores are still missing: the budget was used up, or a file was not judged",
    "doctor": "a check has failed, or could not look",
    "gate": "a gate did not hold",
    "load": "an inference has no answer or no trace",
    "models": "with `--compare`, a fact differs from MLflow's catalog without an explanation",
    "reconcile": "a trace is missing, or there was no capture file",
    "replay": "something was not sent or not accounted for; it stays where it was",
    "scorers check": "the file has a mistake, or with `--live` a judge gave no verdict",
    "scorers try": "a scorer or a judge failed",
}
"""By verb; the other verbs do not end with 1."""


def exit_statuses_page() -> str:
    """Each status, then what 1 means for each verb."""
    known = [(code(name), MEANING_OF_1[name]) for name, _ in verbs() if name in MEANING_OF_1]
    return page(
        "Exit statuses",
        "`cli/inference_monitor_cli`",
        table(
            ("status", "meaning"),
            [
                (code(0), "Done; nothing is left or missing."),
                (code(FAILED), "Done, and something failed, is left, or is missing."),
                (code(UNABLE), "Not done: a wrong option, no credentials, a missing file."),
                (code(READER_GONE), "The program that reads the output has ended (`| head`)."),
            ],
        ),
        "Results and `--json` documents go to stdout. An error is one line on stderr: the verb, "
        "what is wrong, and what to do.",
        "## Status 1, by verb",
        table(("verb", "meaning"), known),
    )
