r"""Which errors of MLflow's database are temporary, by their messages.

MLflow answers SQLAlchemy's `OperationalError` with 503 and every other database error with 400,
BAD_REQUEST (`mlflow/store/db/utils.py`, 3.4 to 3.17), or 422 for spans: a pool that is used up and
a lost connection look as if the record were at fault. The message is SQLAlchemy's:
`(driver.ErrorClass) what the driver says\n[SQL: …]\n[parameters: …]`.

The words are those of SQLAlchemy (`pool/impl.py`, `engine/base.py`, `is_disconnect` of its
dialects), PostgreSQL, MySQL's error reference, SQLite and SQL Server, as seen in issues of MLflow
(1565, 3203, 6358, 23244, 24332), psycopg2 (215, 1496) and SQLAlchemy (5387, 11522).
"""

from __future__ import annotations

import re

# What follows holds what was sent: a prompt may well say that a database is locked.
_BEFORE_PARAMETERS = re.compile(r"\[SQL:|\[parameters:|\bDETAIL:")
_AUTOFLUSH = re.compile(r"\(raised as a result of Query-invoked autoflush;[^)]*\)\s*")
# An apostrophe inside of a word neither begins nor ends a quotation.
_QUOTED = re.compile(r"(?<!\w)(['\"`]).*?(?:\1(?!\w)|$)", re.DOTALL)
_DRIVER = re.compile(r"\((?:[A-Za-z_]\w*\.)+\w+\)\s")

_OF_SQLALCHEMY = re.compile(
    r"QueuePool limit of size \d+ overflow -?\d+ reached"
    r"|Can't reconnect until invalid (?:\w+ )?transaction is rolled back"
    r"|This Session's transaction has been rolled back"
    r"|This Connection is closed"
    # Another writer was faster.
    r"|statement on table … expected to \w+ \d+ row\(s\)"
)

# MySQL's drivers give `(number, 'text')` or `number (state): text`: too many connections, server
# shutdown, duplicate entry (another writer was faster), network, locks, deadlocks, read-only after
# a failover, interrupted, server gone, connection lost.
_MYSQL = re.compile(
    r"\(?(?:10(?:40|53|62)|11(?:58|59|60|61)|12(?:03|05|13|26|90)|1317|1792|1836|1927"
    r"|20(?:02|03|06|13|14|45|55)|3024|3572|4031)(?:,| \(\w{5}\):)|\(0, ''\)"
)

# SQL Server's drivers give `('state', 'text')`: deadlock, connection lost, time-out.
_ODBC = re.compile(r"\('(?:40001|08\w{3}|HYT0\d)',")

_WORDS_OF_DRIVERS = (
    # connections used up
    r"too many (?:clients|connections)",
    r"remaining connection slots are reserved",
    r"no more connections allowed",
    r"couldn't get a connection after",
    # locks, deadlocks, writers at the same time
    r"database (?:table |schema )?is locked",
    r"could not obtain lock",
    r"canceling statement due to",
    r"deadlock",
    r"could not serialize access",
    r"UNIQUE constraint failed",
    r"duplicate key value",
    # a database that was lost
    r"server closed the connection",
    r"terminating connection",
    r"connection (?:to .* failed|refused|timed out|not open|reset|is lost|is bad)",
    r"(?:connection|cursor) already closed",
    r"connection (?:has been|was|is) closed",
    r"consuming input failed",
    r"could not (?:connect|translate host name|receive data|send data)",
    r"no connection to the server",
    r"SSL (?:SYSCALL )?error",
    r"error with status PGRES_\w+ and no message",
    r"lost synchronization with server",
    r"communication link failure",
    # a database that starts, stops or fails over, or has no room
    r"the database system is (?:starting|shutting|in recovery|not yet accepting)",
    r"cannot execute [\w ]+ in a read-only transaction",
    r"attempt to write a readonly database",
    r"unable to open database file",
    r"database or disk is full",
    r"disk I/O error",
    r"No space left on device",
    r"out of (?:shared )?memory",
)
_OF_DRIVERS = re.compile("|".join(_WORDS_OF_DRIVERS), re.IGNORECASE)


def is_temporary(message: str) -> bool:
    """Whether the same request may succeed later, because its content is not the cause."""
    text = error_text(message)
    if _OF_SQLALCHEMY.search(unquoted(text)):
        return True
    driver = _DRIVER.search(text)
    detail = text[driver.end() :] if driver else ""
    by_number = _MYSQL.match(detail) or _ODBC.match(detail)
    return bool(by_number or _OF_DRIVERS.search(unquoted(detail)))


def error_text(message: str) -> str:
    """The error in a message, without SQLAlchemy's preamble and without what was sent."""
    detail = _BEFORE_PARAMETERS.split(_AUTOFLUSH.sub("", message), maxsplit=1)[0]
    return detail.strip()


def unquoted(text: str) -> str:
    """A text without what it quotes, which may be a prompt."""
    return _QUOTED.sub("…", text)
