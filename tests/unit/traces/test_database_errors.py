"""What MLflow says of its database: for now, or for good."""

from __future__ import annotations

import json

import pytest

from inference_monitor.errors import PermanentWriteError, TransientError
from inference_monitor.traces.server import Answer

AUTOFLUSH = (
    "(raised as a result of Query-invoked autoflush; consider using a session.no_autoflush block "
    "if this flush is occurring prematurely)\n"
)
AFTER = (
    "\n[SQL: INSERT INTO trace_tags (key, value, request_id) VALUES (%s, %s, %s)]"
    "\n[parameters: ('a', 'b', 'tr-1')]\n(Background on this error at: https://sqlalche.me/e/20/e3q8)"
)

# Each as SQLAlchemy gives it; what is behind a driver's class is what that driver was seen to say.
FOR_NOW = {
    "pool used up": "QueuePool limit of size 5 overflow 10 reached, connection timed out, timeout "
    "30.00 (Background on this error at: https://sqlalche.me/e/20/3o7r)",
    "pool without overflow": "QueuePool limit of size 1 overflow 0 reached, connection timed out, "
    "timeout 0.20",
    "pool of psycopg": "(psycopg_pool.PoolTimeout) couldn't get a connection after 30.00 sec",
    "too many clients": "(psycopg2.OperationalError) FATAL:  sorry, too many clients already",
    "too many for a role": '(psycopg2.OperationalError) connection to server at "db" (10.0.0.1), '
    'port 5432 failed: FATAL:  too many connections for role "mlflow"',
    "reserved slots": "(psycopg2.OperationalError) FATAL:  remaining connection slots are reserved "
    "for non-replication superuser connections",
    "pgbouncer": "(psycopg2.OperationalError) ERROR:  no more connections allowed "
    "(max_client_conn)",
    "sqlite lock": "(sqlite3.OperationalError) database is locked",
    "sqlite table lock": "(sqlite3.OperationalError) database table is locked: trace_info",
    "autoflush": f"{AUTOFLUSH}(sqlite3.OperationalError) database is locked",
    "lock not available": "(psycopg2.errors.LockNotAvailable) canceling statement due to lock "
    "timeout\nCONTEXT:  while updating tuple (0,1) in relation",
    "statement time-out": "(psycopg2.errors.QueryCanceled) canceling statement due to statement "
    "timeout",
    "deadlock": "(psycopg2.errors.DeadlockDetected) deadlock detected\nDETAIL:  Process 1 waits",
    "serialization": "(psycopg2.errors.SerializationFailure) could not serialize access due to "
    "concurrent update",
    "another writer": f"{AUTOFLUSH}(psycopg2.errors.UniqueViolation) duplicate key value violates "
    'unique constraint "trace_request_metadata_pk"\nDETAIL:  Key (key, request_id)=(a, tr-1) '
    "already exists.",
    "another writer, sqlite": "(sqlite3.IntegrityError) UNIQUE constraint failed: "
    "trace_tags.key, trace_tags.request_id",
    "another writer, MySQL": "(pymysql.err.IntegrityError) (1062, \"Duplicate entry 'a-tr-1' for "
    "key 'PRIMARY'\")",
    "stale row": "UPDATE statement on table 'trace_info' expected to update 1 row(s); 0 were "
    "matched.",
    "closed unexpectedly": "(psycopg2.OperationalError) server closed the connection unexpectedly\n"
    "\tThis probably means the server terminated abnormally",
    "TLS closed": "(psycopg2.OperationalError) SSL connection has been closed unexpectedly",
    "TLS timed out": "(psycopg2.DatabaseError) SSL SYSCALL error: Connection timed out",
    "TLS end of file": "(psycopg2.OperationalError) SSL SYSCALL error: EOF detected",
    "no message": "(psycopg2.DatabaseError) error with status PGRES_TUPLES_OK and no message from "
    "the libpq",
    "closed before": "(psycopg2.InterfaceError) connection already closed",
    "terminated": "(psycopg2.errors.AdminShutdown) terminating connection due to administrator "
    "command",
    "refused": '(psycopg2.OperationalError) connection to server at "127.0.0.1", port 5432 failed: '
    "Connection refused",
    "no such host": '(psycopg2.OperationalError) could not translate host name "db" to address: '
    "Temporary failure in name resolution",
    "starting": "(psycopg2.OperationalError) FATAL:  the database system is starting up",
    "failed over": "(psycopg2.errors.ReadOnlySqlTransaction) cannot execute INSERT in a read-only "
    "transaction",
    "asyncpg": "(sqlalchemy.dialects.postgresql.asyncpg.Error) <class "
    "'asyncpg.exceptions.ReadOnlySQLTransactionError'>: cannot execute UPDATE in a read-only "
    "transaction",
    "psycopg 3": "(psycopg.OperationalError) consuming input failed: server closed the connection",
    "MySQL gone": '(pymysql.err.OperationalError) (2006, "MySQL server has gone away '
    "(BrokenPipeError(32, 'Broken pipe'))\")",
    "MySQL lost": "(pymysql.err.OperationalError) (2013, 'Lost connection to MySQL server during "
    "query')",
    "MySQL unreachable": "(pymysql.err.OperationalError) (2003, \"Can't connect to MySQL server on "
    "'db' ([Errno 111] Connection refused)\")",
    "MySQL closed": "(pymysql.err.InterfaceError) (0, '')",
    "MySQL lock": "(pymysql.err.InternalError) (1205, 'Lock wait timeout exceeded; try restarting "
    "transaction')",
    "MySQL deadlock": "(MySQLdb.OperationalError) (1213, 'Deadlock found when trying to get lock; "
    "try restarting transaction')",
    "MySQL's own driver": "(mysql.connector.errors.InternalError) 1213 (40001): Deadlock found "
    "when trying to get lock; try restarting transaction",
    "MySQL full": "(pymysql.err.OperationalError) (1040, 'Too many connections')",
    "MySQL failed over": "(pymysql.err.InternalError) (1290, 'The MySQL server is running with the "
    "--read-only option so it cannot execute this statement')",
    "SQL Server deadlock": "(pyodbc.ProgrammingError) ('40001', '[40001] [Microsoft][ODBC Driver "
    "18 for SQL Server][SQL Server]Transaction (Process ID 60) was deadlocked on lock resources "
    "with another process (1205) (SQLExecDirectW)')",
    "SQL Server lost": "(pyodbc.OperationalError) ('08S01', '[08S01] [Microsoft][ODBC Driver 18 "
    "for SQL Server]TCP Provider: Error code 0x68 (104) (SQLExecDirectW)')",
    "session lost": "Can't reconnect until invalid transaction is rolled back.  Please rollback() "
    "fully before proceeding",
    "connection closed": "This Connection is closed",
    "disk full": "(sqlite3.OperationalError) database or disk is full",
}

FOR_GOOD = {
    "too long": "(psycopg2.errors.StringDataRightTruncation) value too long for type character "
    "varying(1000)",
    "NUL": "A string literal cannot contain NUL (0x00) characters.",
    "too long, MySQL": "(pymysql.err.DataError) (1406, \"Data too long for column 'value' at row "
    '1")',
    "no such column": "(psycopg2.errors.UndefinedColumn) column trace_info.x does not exist",
    "null": "(sqlite3.IntegrityError) NOT NULL constraint failed: assessments.trace_id",
    "blanked key": "Dependency rule on column 'trace_info.request_id' tried to blank-out primary "
    "key column 'trace_tags.request_id' on instance '<SqlTraceTag at 0x7f>'",
    "not of the database": "the database is locked, said the user, and the connection was closed",
    "quoted": "(psycopg2.errors.InvalidTextRepresentation) invalid input syntax for type json: "
    '"database is locked"',
    "quoted and cut": "(psycopg2.errors.DataError) invalid input: 'deadlock detected\nand a lock",
    "detail": "(psycopg2.errors.CheckViolation) new row violates check constraint\nDETAIL:  "
    "Failing row contains (deadlock detected).",
}


def _json(message: str, code: str = "BAD_REQUEST", key: str = "message") -> str:
    return json.dumps({"error_code": code, key: message})


@pytest.mark.parametrize("status", [400, 409, 422])
@pytest.mark.parametrize("message", FOR_NOW.values(), ids=FOR_NOW.keys())
def test_for_now(message: str, status: int) -> None:
    """A database that is used up, locked or lost does not speak against the record."""
    for text in (
        _json(message + AFTER),
        _json(message, "INTERNAL_ERROR"),
        json.dumps({"detail": f"Cannot store OpenTelemetry spans: {message}{AFTER}"}),
        json.dumps({"detail": f"Failed to log OpenTelemetry spans: Trace tr-1: {message}"}),
    ):
        answer = Answer(status, text)
        assert not answer.refused
        with pytest.raises(TransientError):
            answer.checked("write")


@pytest.mark.parametrize("message", FOR_GOOD.values(), ids=FOR_GOOD.keys())
def test_for_good(message: str) -> None:
    """A record that the database will not have is refused, whatever it says itself."""
    prompt = (
        "\n[SQL: INSERT]\n[parameters: ('(a.b) database is locked', 'QueuePool limit of size')]"
    )
    for text in (_json(message), _json(message + prompt)):
        answer = Answer(400, text)
        assert answer.refused
        with pytest.raises(PermanentWriteError):
            answer.checked("write")


def test_what_mlflow_itself_refuses() -> None:
    """An invalid value is refused, also one that sounds like an error of a database."""
    answer = Answer(400, _json(FOR_NOW["sqlite lock"], "INVALID_PARAMETER_VALUE"))
    assert answer.refused


@pytest.mark.parametrize("status", [413, 415])
def test_a_size_or_type_is_for_good(status: int) -> None:
    """A front door that takes no such body does not mean its database."""
    assert Answer(status, "<html>Request Entity Too Large</html>").refused


def test_the_reason_is_the_error() -> None:
    """SQLAlchemy's preamble and the statement are left out, and so is what is quoted."""
    long = f"{AUTOFLUSH}(psycopg2.errors.DataError) value 'my secret' too long{AFTER}"
    assert Answer(400, _json(long)).reason == "400 (psycopg2.errors.DataError) value … too long"
    detail = json.dumps({"detail": "Cannot convert OpenTelemetry span to MLflow span"})
    assert Answer(422, detail).reason == "422 Cannot convert OpenTelemetry span to MLflow span"
