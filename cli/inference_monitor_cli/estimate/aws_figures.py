"""How much one file, batch, record or call uses of AWS; beside each figure, how it is known."""

from __future__ import annotations

# Measured with `python -m benchmarks.estimate` on two shared, busy cores, with MLflow 3.17.2 on
# sqlite on the same ones: the time of a batch whose judge answers at once, its waiting for MLflow
# included, and of importing the function in a fresh process. Rather too much than too little.
SECONDS_PER_BATCH = 0.33
SECONDS_PER_RECORD = 0.17
INIT_SECONDS = 7.8
# The same, of the database and artifacts of a trace with seven scores: so much for each, and so
# much for each byte that its line in the capture file has.
MLFLOW_BYTES_PER_TRACE = 12_000
MLFLOW_BYTES_PER_BYTE = 1.2
# Not measured, no Bedrock was asked: a second until a judge begins, then 60 tokens a second.
JUDGE_SECONDS = 1.0
JUDGE_TOKENS_PER_SECOND = 60

# The state machine (stacks/workflow.py, stacks/map_runs.py): states that are entered, and one
# transition for each execution that is started, as the children of a Distributed Map are.
TRANSITIONS_PER_FILE = 1 + 2  # EveryBatch, CloseLedger
TRANSITIONS_PER_BATCH = 1 + 1  # ScoreBatch or ScoreRange
TRANSITIONS_MORE_IF_RANGED = 2  # CutFile, EveryRange
# The function's invocations for a file besides its batches: it closes the ledger.
INVOCATIONS_PER_FILE = 1

# Objects: the manifest of a map run and its files of results, of which there are at most two here,
# and the ledger. They are read when the ledger is closed; the capture file is read by the map.
WRITES_PER_FILE, READS_PER_FILE = 4, 4
LEDGER_BYTES, RESULT_BYTES_PER_BATCH, MANIFEST_BYTES = 700, 450, 1_000

# One claim a record, below 1 KB. A budget is counted twice for each cap and call: when the call is
# reserved and when it is settled.
CLAIMS_PER_RECORD = 1
BUDGET_WRITES_PER_CALL = 2

# What the function and Lambda log for an invocation: a line of 600 bytes, 800 of metrics and some
# 500 of Lambda's own. Step Functions logs 11 events for a file and 7 for a batch,
# without what they carry, of about 400 bytes each.
LOG_BYTES_PER_INVOCATION = 2_000
LOG_BYTES_PER_FILE, LOG_BYTES_PER_BATCH = 11 * 400, 7 * 400

# The stack (tests/infra/test_estimate.py): alarms and dashboards; the function's metrics, by
# endpoint and by deployment, and the one of silence. An alarm on a share of another metric is
# priced as two.
ALARMS, DASHBOARDS, METRICS = 14, 1, 35
METRICS_IN_ALARMS = 16

HOURS_PER_MONTH = 730  # as AWS counts a month
