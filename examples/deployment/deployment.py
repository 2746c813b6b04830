"""Deployments: a canary first, then two people of the release team, then all hosts; or back to what ran before.

    export AWAITLY_STORE=sqlite:///deployments.db
    python deployment.py                                        canaries, and says what waits for whom
    awaitly approve deploy-shop-1.42.0 --by ann --role release  one of two says yes
    awaitly approve deploy-shop-1.42.0 --by bob --role release  the other does
    python deployment.py                                        rolls out what was approved, and rolls back the rest

Where the risk is high the command line is not enough: people sign in when they decide.

    python deployment.py approve deploy-payments-3.0.0 --as ann
    python deployment.py reject deploy-payments-3.0.0 --as ann --reason "not on a Friday"

Every change of changes.toml becomes one run. All that is known about the runs is in deployments.db, and the hosts are
rows of fleet.db, so this program may be stopped at any moment and started again: it goes on where it was.
"""

import asyncio
import csv
import hashlib
import hmac
import sqlite3
import sys
import tomllib
from argparse import ArgumentParser
from collections.abc import Generator
from contextlib import closing, contextmanager
from getpass import getpass
from pathlib import Path
from typing import Literal, TypeAlias, assert_never

from attrs import frozen

from awaitly import (
    Actor,
    Approved,
    Decision,
    Edited,
    Err,
    Expired,
    Ok,
    Orchestrator,
    PendingApproval,
    Policy,
    Refusal,
    Rejected,
    Result,
    Run,
    RunCancelled,
    Store,
    open_store,
    utc_now,
    workflow,
)

HERE = Path(__file__).parent

BAKE = "250ms"
"""How long a canary serves before it is judged. Write an hour, and the run parks meanwhile."""

MOST_ERRORS = 0.005
"""Of all requests."""

FOUR_EYES = Policy(approvers=["role:release"], needs=2, editors=[], expires_in="4h", remind_every="1h")
HIGH_RISK = Policy(risk="high", fresh_within="15m")


# What goes in, what comes out, and what can go wrong. An error's `str` is what people read.


@frozen
class Change:
    service: str
    version: str
    size_mb: int
    risk: Literal["normal", "high"]
    requested_by: str
    what: str


@frozen
class Plan:
    """What people approve, and what is done then. Nobody may edit it: another version had no canary."""

    service: str
    version: str
    replaces: str
    hosts: int
    risk: str
    canary_requests: int
    canary_errors: int


@frozen
class Live:
    service: str
    version: str
    hosts: int


@frozen
class Refused:
    problem: str

    def __str__(self) -> str:
        return self.problem


@frozen
class RolledBack:
    service: str
    to: str
    why: str

    def __str__(self) -> str:
        return f"{self.service} is back at {self.to}: {self.why}"


DeployError: TypeAlias = Refused | RolledBack


# The steps. Each may be made again, as after a crash: it says what is to be, not what to do.


@frozen
class Canary:
    host: str
    replaces: str
    hosts: int


@frozen
class Begun:
    """A deployment as the fleet knows it: `canary`, `live` or `rolled back`."""

    id: str
    service: str
    version: str
    size_mb: int
    replaces: str
    state: str


SCHEMA = """
CREATE TABLE host (host TEXT PRIMARY KEY, service TEXT, version TEXT, free_mb INTEGER);
CREATE TABLE deployment (id TEXT PRIMARY KEY, service TEXT, version TEXT, size_mb INTEGER, replaces TEXT, state TEXT);
CREATE UNIQUE INDEX one_at_a_time ON deployment (service) WHERE state = 'canary';
"""


class Fleet:
    """Stands in for what runs your services: a row for each host, and one for each deployment.

    One deployment has a service at a time. What a deployment does once it is over changes nothing any more, so that a
    step which is made again after a crash cannot undo a later one.
    """

    def __init__(self, path: Path, hosts: Path = HERE / "fleet.csv") -> None:
        self.path = path
        self.first_hosts = hosts

    def begin(self, change: Change, deployment: str) -> Result[Canary, Refused]:
        """Put the new version on the first host of the service."""
        with self._transaction() as db:
            query = "SELECT host, version FROM host WHERE service = ? ORDER BY host"
            hosts: list[tuple[str, str]] = db.execute(query, [change.service]).fetchall()
            if not hosts:
                return Err(Refused(f"there is no service {change.service!r}"))
            first, replaces = hosts[0]
            begun = find(db, deployment)
            if begun is not None:
                return Ok(Canary(first, begun.replaces, len(hosts)))
            query = "SELECT id FROM deployment WHERE service = ? AND state = 'canary'"
            for (busy,) in db.execute(query, [change.service]):
                return Err(Refused(f"{change.service} is busy with {busy}"))
            if replaces == change.version:
                return Err(Refused(f"{change.service} runs {change.version} already"))
            row = [deployment, change.service, change.version, change.size_mb, replaces]
            db.execute("INSERT INTO deployment VALUES (?, ?, ?, ?, ?, 'canary')", row)
            db.execute("UPDATE host SET version = ? WHERE host = ?", [change.version, first])
            return Ok(Canary(first, replaces, len(hosts)))

    def roll_out(self, deployment: str) -> Result[Live, Refused]:
        """Put the new version on every host, one after the other, until one has no room for it."""
        with self._transaction() as db:
            begun = find(db, deployment)
            if begun is None:
                return Err(Refused(f"{deployment} never began"))
            query = "SELECT host, free_mb FROM host WHERE service = ? ORDER BY host"
            hosts: list[tuple[str, int]] = db.execute(query, [begun.service]).fetchall()
            if begun.state == "canary":
                for host, free_mb in hosts:
                    if free_mb < begun.size_mb:
                        return Err(Refused(f"{host} has {free_mb} MB, and {begun.version} takes {begun.size_mb} MB"))
                    db.execute("UPDATE host SET version = ? WHERE host = ?", [begun.version, host])
                db.execute("UPDATE deployment SET state = 'live' WHERE id = ?", [deployment])
            return Ok(Live(begun.service, begun.version, len(hosts)))

    def roll_back(self, deployment: str) -> Result[str, Refused]:
        """Put what ran before on every host again, and say what that is."""
        with self._transaction() as db:
            begun = find(db, deployment)
            if begun is None:
                return Err(Refused(f"{deployment} never began"))
            if begun.state == "canary":
                db.execute("UPDATE host SET version = ? WHERE service = ?", [begun.replaces, begun.service])
                db.execute("UPDATE deployment SET state = 'rolled back' WHERE id = ?", [deployment])
            return Ok(begun.replaces)

    def versions(self) -> list[tuple[str, str]]:
        """Say what runs on each host."""
        with self._transaction() as db:
            return db.execute("SELECT host, version FROM host ORDER BY host").fetchall()

    @contextmanager
    def _transaction(self) -> Generator[sqlite3.Connection]:
        """Commit what is done within, as one, and alone among all processes."""
        with closing(sqlite3.connect(self.path, timeout=30, isolation_level=None)) as db, db:
            db.execute("BEGIN IMMEDIATE")
            if not db.execute("SELECT name FROM sqlite_master").fetchall():
                for statement in SCHEMA.strip().splitlines():
                    db.execute(statement)
                with self.first_hosts.open(encoding="utf-8", newline="") as file:
                    hosts = [list(row.values()) for row in csv.DictReader(file)]
                db.executemany("INSERT INTO host VALUES (?, ?, ?, ?)", hosts)
            yield db


def find(db: sqlite3.Connection, deployment: str) -> Begun | None:
    for row in db.execute("SELECT * FROM deployment WHERE id = ?", [deployment]):
        return Begun(*row)
    return None


fleet = Fleet(Path("fleet.db"))


@frozen
class Traffic:
    requests: int
    errors: int


def measure(change: Change) -> Result[Traffic, Refused]:
    """Ask the monitoring, which traffic.csv stands in for, how the canary did."""
    with (HERE / "traffic.csv").open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            if (row["service"], row["version"]) == (change.service, change.version):
                requests, errors = int(row["requests"]), int(row["errors"])
                if errors > requests * MOST_ERRORS:
                    return Err(Refused(f"the canary failed {errors} of {requests} requests"))
                return Ok(Traffic(requests, errors))
    return Err(Refused("nothing is known of the canary"))


# The workflow: the canary, the people, the hosts. Every way out but one leads back to what ran before.


@workflow
async def deploy(run: Run[DeployError], change: Change) -> Result[Live, DeployError]:
    canary = await run.step(fleet.begin, change, run.run_id)
    await run.sleep(BAKE)
    match await run.attempt(measure, change):
        case Err(problem):
            return await back(run, change, str(problem))
        case Ok(traffic):
            pass
    plan = Plan(
        change.service,
        change.version,
        canary.replaces,
        canary.hosts,
        change.risk,
        traffic.requests,
        traffic.errors,
    )
    decision = await run.decision(
        "rollout",
        proposes=plan,
        summary=f"{change.service} {canary.replaces} -> {change.version} on {canary.hosts} hosts: {change.what}",
        policy=FOUR_EYES if change.risk == "normal" else FOUR_EYES & HIGH_RISK,
    )
    match decision:
        case Approved() | Edited():
            pass
        case Rejected(reason=reason, by=by):
            return await back(run, change, f"{by.name} said no" + (f": {reason}" if reason else ""))
        case Expired():
            return await back(run, change, "nobody decided in time")
        case _ as never:
            assert_never(never)
    match await run.attempt(fleet.roll_out, run.run_id):
        case Err(problem):
            return await back(run, change, str(problem))
        case Ok(live):
            return Ok(live)


async def back(run: Run[DeployError], change: Change, why: str) -> Result[Live, DeployError]:
    return Err(RolledBack(change.service, await run.step(fleet.roll_back, run.run_id), why))


# Who signs in. Your own directory takes the place of people.toml.


def sign_in(name: str, password: str) -> Actor | None:
    """Give the actor, authenticated now, or None where the password is another or nobody has that name."""
    with (HERE / "people.toml").open("rb") as file:
        person = tomllib.load(file).get(name, {"roles": [], "salt": "00", "password": ""})
    given = hashlib.scrypt(password.encode(), salt=bytes.fromhex(person["salt"]), n=2**14, r=8, p=1, dklen=32)
    if not hmac.compare_digest(given.hex(), person["password"]):
        return None
    return Actor(name, person["roles"], authenticated_at=utc_now())


# Running it.


def changes(path: Path) -> Result[list[Change], Refused]:
    """Read what is to be deployed: all of it, or nothing where one change is malformed."""
    try:
        with path.open("rb") as file:
            read = [Change(**change) for change in tomllib.load(file)["change"]]
        for change in read:
            deploy(change)  # checks the types
    except (OSError, ValueError, TypeError, KeyError) as error:
        return Err(Refused(f"{path}: {error}"))
    return Ok(read)


def run_id(change: Change) -> str:
    return f"deploy-{change.service}-{change.version}"


def orchestrator(store: Store | None = None) -> Orchestrator:
    return Orchestrator(open_store("sqlite:///deployments.db") if store is None else store, workflows=[deploy])


async def hand_in(deployments: Orchestrator, change: Change) -> str:
    execution = await deployments.start(deploy(change), run_id=run_id(change), requested_by=change.requested_by)
    match execution.result:
        case Ok(live):
            return f"{live.service} {live.version} runs on {live.hosts} hosts"
        case Err(PendingApproval() as pending):
            return f"waits for two of the release team. {pending.summary}"
        case Err(RunCancelled() as cancelled):
            undone = await asyncio.to_thread(fleet.roll_back, execution.run_id)
            return f"not deployed. {cancelled}" + undone.map(lambda to: f"; back at {to}").value_or("")
        case Err(error):
            return f"not deployed. {error}"


async def deploy_all(wanted: list[Change]) -> None:
    async with orchestrator() as deployments:
        await deployments.recover()
        for change in wanted:
            print(f"{run_id(change)}: {await hand_in(deployments, change)}")
    for host, version in fleet.versions():
        print(f"  {host:<12}{version}")


async def decide(run: str, actor: Actor, verb: str, reason: str | None) -> Result[Decision, Refusal]:
    async with orchestrator() as deployments:
        if verb == "approve":
            return await deployments.approve(run, by=actor)
        return await deployments.reject(run, reason=reason, by=actor)


def main() -> int:
    parser = ArgumentParser(description="Deploy what a file says, or decide on one of its changes.")
    parser.add_argument("--changes", type=Path, default=HERE / "changes.toml", help="the file")
    verbs = parser.add_subparsers(dest="verb")
    for verb in ("approve", "reject"):
        command = verbs.add_parser(verb)
        command.add_argument("run", help="such as deploy-payments-3.0.0")
        command.add_argument("--as", dest="name", required=True, help="who decides; the password is asked for")
        command.add_argument("--reason", help="why, for whoever requested it")
    args = parser.parse_args()
    if args.verb is None:
        match changes(args.changes):
            case Ok(wanted):
                asyncio.run(deploy_all(wanted))
                return 0
            case Err(refused):
                return said(refused)
    actor = sign_in(args.name, getpass() if sys.stdin.isatty() else sys.stdin.readline().rstrip("\n"))
    if actor is None:
        return said(f"{args.name} did not sign in: no such name, or another password")
    match asyncio.run(decide(args.run, actor, args.verb, args.reason)):
        case Ok(decision):
            print(decision)
            return 0
        case Err(refusal):
            return said(refusal)


def said(problem: object) -> int:
    print(problem, file=sys.stderr)
    return 1


if __name__ == "__main__":
    sys.exit(main())
