"""Signing: a document goes from signer to signer, for weeks, and is filed once all have signed.

    export AWAITLY_STORE=sqlite:///signing.db
    python signing.py                                   sends the documents round, and says who has them
    awaitly approve sign-lease-114 --by hana            hana signs
    python signing.py                                   goes on to the next signer, or files what all have signed
    awaitly delegate sign-lease-114 --to emil --by elif emil may sign in elif's place, this once
    awaitly away noah --to nadia --until 21d            nadia signs for noah while he is away
    awaitly reject sign-lease-114 --by elif --reason "three years are too long"
    awaitly worker signing:orchestrator                 goes on, reminds, escalates and lets expire by itself

Every contract of contracts.toml becomes one run. All that is known about the runs is in signing.db, so this program may
be stopped at any moment and started again, weeks later.
"""

import asyncio
import hashlib
import sys
import tomllib
from pathlib import Path
from typing import Any, TypeAlias

from attrs import frozen

from awaitly import (
    Err,
    Escalation,
    NotApproved,
    Ok,
    Orchestrator,
    PendingApproval,
    Policy,
    Progress,
    Result,
    Run,
    Stage,
    Store,
    open_store,
    workflow,
)

HERE = Path(__file__).parent


# What goes in, what comes out, and what can go wrong. An error's `str` is what people read.


@frozen
class Signer:
    name: str
    deputy: str
    side: str


@frozen
class Contract:
    number: str
    file: str
    drawn_up_by: str
    signers: tuple[Signer, ...]


@frozen
class Document:
    """What is signed: the whole text, as it was when it was sent round."""

    number: str
    text: str
    sha256: str


@frozen
class Filed:
    number: str
    sha256: str


@frozen
class Unreadable:
    problem: str

    def __str__(self) -> str:
        return self.problem


SigningError: TypeAlias = Unreadable | NotApproved


# Who signs, by when, and who else once nobody has.


def stage(signer: Signer) -> Stage[Document]:
    policy = Policy(
        approvers=[signer.name],
        editors=[],  # who wants another text says no
        expires_in="28d",
        remind_every="3d",
        escalations=[Escalation("7d", [signer.deputy]), Escalation("21d", ["role:board"])],
    )
    return Stage(signer.name, policy=policy, summary=f"Sign for {signer.side}")


# The steps. Each may be made again, as after a crash.


def read(contract: Contract) -> Result[Document, Unreadable]:
    try:
        text = (HERE / contract.file).read_text("utf-8")
    except (OSError, ValueError) as error:
        return Err(Unreadable(f"{contract.file}: {error}"))
    return Ok(Document(contract.number, text, hashlib.sha256(text.encode()).hexdigest()))


class Archive:
    """Stands in for where signed documents are kept: a file each. What is filed again is the same file."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def file(self, document: Document) -> Result[Filed, Unreadable]:
        self.folder.mkdir(exist_ok=True)
        half = self.folder / f"{document.number}.part"
        half.write_text(document.text, "utf-8")
        half.replace(self.folder / f"{document.number}.txt")
        return Ok(Filed(document.number, document.sha256))


archive = Archive(Path("signed"))


# The workflow: read, one signer after the other, file what they have signed.


@workflow
async def sign(run: Run[SigningError], contract: Contract) -> Result[Filed, SigningError]:
    document = await run.step(read, contract)
    signed = await run.chain("sign", *map(stage, contract.signers), proposes=document)
    return Ok(await run.step(archive.file, signed))


# Running it.


def contract_of(plain: dict[str, Any]) -> Contract:
    signers: Any = tuple(Signer(**signer) for signer in plain.pop("signers"))
    return Contract(**plain, signers=signers)


def contracts(path: Path) -> Result[list[Contract], Unreadable]:
    """Read what is to be signed: all of it, or nothing where one contract is malformed."""
    try:
        with path.open("rb") as file:
            found = [contract_of(plain) for plain in tomllib.load(file)["contract"]]
        for contract in found:
            sign(contract)  # checks the types
            tuple(map(stage, contract.signers))
    except (OSError, ValueError, TypeError, KeyError) as error:
        return Err(Unreadable(f"{path}: {error}"))
    return Ok(found)


def run_id(contract: Contract) -> str:
    return f"sign-{contract.number}"


def orchestrator(store: Store | None = None) -> Orchestrator:
    return Orchestrator(open_store("sqlite:///signing.db") if store is None else store, workflows=[sign])


def line(progress: Progress) -> str:
    waits = [" or ".join(each.waits_for) for each in progress.stages if each.waits_for]
    return f"signed by {', '.join(progress.completed) or 'nobody'}; waits for {', '.join(waits) or 'nobody'}"


async def hand_in(signing: Orchestrator, contract: Contract) -> str:
    execution = await signing.start(sign(contract), run_id=run_id(contract), requested_by=contract.drawn_up_by)
    match execution.result:
        case Ok(filed):
            return f"filed, sha256 {filed.sha256}"
        case Err(PendingApproval()):
            return (await signing.progress(execution.run_id, "sign")).map(line).value_or("nobody was asked")
        case Err(error):
            return f"not signed. {error}"


async def send_round(found: list[Contract]) -> None:
    async with orchestrator() as signing:
        await signing.recover()
        for contract in found:
            print(f"{run_id(contract)}: {await hand_in(signing, contract)}")


def main() -> int:
    match contracts(Path(sys.argv[1]) if len(sys.argv) > 1 else HERE / "contracts.toml"):
        case Ok(found):
            asyncio.run(send_round(found))
            return 0
        case Err(problem):
            print(problem, file=sys.stderr)
            return 1


if __name__ == "__main__":
    sys.exit(main())
