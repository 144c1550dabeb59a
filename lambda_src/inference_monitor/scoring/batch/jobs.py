"""Batch inference on Bedrock: what a job may hold, and where its files are in the results bucket.

Imported at synth time, where neither MLflow nor boto3 is installed.
"""

from __future__ import annotations

BATCH_JUDGING_PREFIX = "batch-judging"
"""The folder of all jobs; below it, each job has one by its name."""

KEPT_DAYS = 30
"""How long the files of a job stay: they hold prompts."""

# "Amazon Bedrock endpoints and quotas": set for each model, these are the defaults of most.
LEAST_RECORDS = 100
MOST_RECORDS = 50_000
MOST_BYTES = 500 * 1024 * 1024
"""Half of the quota of 1 GB for a file, so that parts of equal length keep clear of it."""

_FOLDER = f"{BATCH_JUDGING_PREFIX}/{{}}/"


def input_key(job: str) -> str:
    """The records of a job, as Bedrock reads them."""
    return f"{_FOLDER.format(job)}input/records.jsonl"


def output_folder(job: str) -> str:
    """Where Bedrock writes; it makes a folder of its own in there."""
    return f"{_FOLDER.format(job)}output/"


def manifest_key(job: str) -> str:
    """What the records stand for, see `batch_manifest`."""
    return f"{_FOLDER.format(job)}manifest.jsonl"


def collected_key(job: str) -> str:
    """Is there once the answers are in MLflow."""
    return f"{_FOLDER.format(job)}collected.json"


def job_of(key: str) -> str:
    """The job that a key of its folder belongs to."""
    return key.split("/")[1]
