"""Who may sign in, and who is signed in: the application's own tables.

python -m fastapi_app.people ida mona:lead          makes two people, and prints their passwords
"""

import hashlib
import hmac
import secrets
import sqlite3
import sys
from collections.abc import Generator
from contextlib import closing, contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

from awaitly import Actor

FILE = Path("people.db")
LASTS = timedelta(hours=12)

TABLES = """
CREATE TABLE IF NOT EXISTS people (name TEXT PRIMARY KEY, roles TEXT, salt BLOB, password BLOB);
CREATE TABLE IF NOT EXISTS sessions (token TEXT PRIMARY KEY, name TEXT, began TEXT);
"""


@contextmanager
def database() -> Generator[sqlite3.Connection]:
    with closing(sqlite3.connect(FILE)) as connection, connection:
        connection.executescript(TABLES)
        yield connection


def hashed(password: str, salt: bytes) -> bytes:
    return hashlib.scrypt(password.encode("utf-8", "backslashreplace"), salt=salt, n=2**14, r=8, p=1)


def kept(token: str) -> str:
    """Only hashes of tokens are kept: whoever reads the file cannot sign in with it."""
    return hashlib.sha256(token.encode("utf-8", "backslashreplace")).hexdigest()


def add(name: str, roles: list[str]) -> str:
    """Make somebody, or give them a new password and other roles; gives the password."""
    if not (name.isascii() and name.isalnum()):
        raise ValueError(f"a name has letters and digits, and {name!r} has others")
    password, salt = secrets.token_urlsafe(12), secrets.token_bytes(16)
    person = (name, " ".join(roles), salt, hashed(password, salt))
    with database() as tables:
        tables.execute("INSERT OR REPLACE INTO people VALUES (?, ?, ?, ?)", person)
        tables.execute("DELETE FROM sessions WHERE name = ?", (name,))
    return password


def sign_in(name: str, password: str) -> str | None:
    """Give the token of a new session, or None where name and password do not fit."""
    with database() as tables:
        found = tables.execute("SELECT salt, password FROM people WHERE name = ?", (name,)).fetchone()
    salt, expected = found or (b"nobody", b"")  # an unknown name takes as long as a wrong password
    if not hmac.compare_digest(hashed(password, salt), expected):
        return None
    token = secrets.token_urlsafe(32)
    with database() as tables:
        tables.execute("INSERT INTO sessions VALUES (?, ?, ?)", (kept(token), name, datetime.now(UTC).isoformat()))
    return token


def sign_out(token: str) -> None:
    with database() as tables:
        tables.execute("DELETE FROM sessions WHERE token = ?", (kept(token),))


def who(token: str | None) -> Actor | None:
    """Give who is signed in with a token. Roles are read anew each time, so that one taken away is gone at once."""
    if not token:
        return None
    with database() as tables:
        joined = "SELECT name, roles, began FROM sessions JOIN people USING (name) WHERE token = ?"
        found = tables.execute(joined, (kept(token),)).fetchone()
    if found is None:
        return None
    name, roles, began = found
    since = datetime.fromisoformat(began)
    if datetime.now(UTC) - since >= LASTS:
        return None
    return Actor(name, roles.split(), via="shop", authenticated_at=since)


if __name__ == "__main__":
    for each in sys.argv[1:]:
        person_name, _, person_roles = each.partition(":")
        print(f"{person_name}: {add(person_name, [role for role in person_roles.split(',') if role])}")
