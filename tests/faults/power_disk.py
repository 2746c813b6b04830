"""What a disk may hold once the power is gone: all that was synchronised, and any part of what was written since.

It promises less than any file system does. Later writes may be there without earlier ones, in part (by sectors of 512
or 4096 bytes), or as garbage, and each file in its own way. A file that was made or deleted may still be missing, or
there, until its folder was synchronised too.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from random import Random
from typing import TypeAlias

from attrs import Factory, define, frozen

from tests.faults.power_recording import Kind, Record

__all__ = ["LOSSES", "Disk", "Loss", "everything", "nothing"]

_SECTORS = (512, 4096)


@frozen
class Write:
    """Bytes that were written at a place."""

    place: int
    data: bytes

    def onto(self, content: bytearray) -> None:
        """Do it; a gap before it is filled with zeros."""
        if len(content) < self.place:
            content.extend(bytes(self.place - len(content)))
        content[self.place : self.place + len(self.data)] = self.data


@frozen
class Cut:
    """A file's length that was set."""

    length: int

    def onto(self, content: bytearray) -> None:
        """Do it."""
        del content[self.length :]
        content.extend(bytes(self.length - len(content)))


Change: TypeAlias = Write | Cut
Loss: TypeAlias = Callable[[Random, Sequence[Change]], Iterable[Change]]
"""Draws what is left of the changes that were not synchronised."""


@define(eq=False)
class File:
    """A file: what is surely on the disk, and what was done to it since."""

    kept: bytearray = Factory(bytearray)
    since: list[Change] = Factory(list[Change])

    def synchronise(self) -> None:
        """Put all of it on the disk."""
        for change in self.since:
            change.onto(self.kept)
        self.since.clear()

    def after(self, random: Random, loss: Loss) -> bytes:
        """Give what is left of it after a loss."""
        content = bytearray(self.kept)
        for change in loss(random, self.since):
            change.onto(content)
        return bytes(content)


Names: TypeAlias = dict[str, File]


@define(eq=False)
class Disk:
    """Follows the records of one folder."""

    _names: Names = Factory(Names)
    _kept: Names = Factory(Names)
    _since: list[tuple[str, File | None]] = Factory(list[tuple[str, File | None]])
    _open: dict[int, File | None] = Factory(dict[int, File | None])

    def do(self, record: Record) -> None:
        """Do what one record says; None among the open files is the folder."""
        match record.kind:
            case Kind.BEGUN:
                self._open.clear()
            case Kind.OPENED:
                self._open[record.handle] = self._names[record.text] if record.text else None
            case Kind.CREATED:
                self._open[record.handle] = self._enter(record.text, File())
            case Kind.UNLINKED:
                self._enter(record.text, None)
            case Kind.SYNCED:
                self._synchronise(self._open[record.handle])
            case Kind.WRITTEN:
                self._change(record, Write(record.place, record.data))
            case Kind.CUT:
                self._change(record, Cut(record.place))
            case Kind.MARKED:
                pass

    def _enter(self, name: str, file: File | None) -> File | None:
        self._since.append((name, file))
        _enter(self._names, name, file)
        return file

    def _change(self, record: Record, change: Change) -> None:
        file = self._open[record.handle]
        assert file is not None, "nobody writes to a folder"
        file.since.append(change)

    def _synchronise(self, file: File | None) -> None:
        if file is not None:
            file.synchronise()
            return
        for name, entered in self._since:
            _enter(self._kept, name, entered)
        self._since.clear()

    def whole(self) -> Mapping[str, bytes]:
        """Give the files as their programs see them."""
        return {name: file.after(Random(0), everything) for name, file in self._names.items()}

    def after(self, random: Random, loss: Loss) -> Mapping[str, bytes]:
        """Give files that may be found after a loss of power."""
        names = dict(self._kept)
        for name in dict.fromkeys(name for name, _ in self._since):
            changes = [file for other, file in self._since if other == name]
            for file in changes[: _how_many(random, loss, len(changes))]:
                _enter(names, name, file)
        return {name: file.after(random, loss) for name, file in names.items()}


def _how_many(random: Random, loss: Loss, count: int) -> int:
    """Draw how many of the changes of one name the folder has kept."""
    if loss is nothing or loss is everything:
        return count if loss is everything else 0
    return random.randint(0, count)


def _enter(names: Names, name: str, file: File | None) -> None:
    names.pop(name, None)
    if file is not None:
        names[name] = file


# Losses


def everything(random: Random, changes: Sequence[Change]) -> Iterable[Change]:
    """All of it had come to the disk."""
    return changes


def nothing(random: Random, changes: Sequence[Change]) -> Iterable[Change]:
    """None of it had."""
    return ()


def in_order(random: Random, changes: Sequence[Change]) -> Iterable[Change]:
    """The first changes had; the next one in part."""
    end = random.randint(0, len(changes))
    yield from changes[:end]
    for change in changes[end : end + 1]:
        if isinstance(change, Write):
            yield Write(change.place, change.data[: random.randrange(len(change.data))])


def scattered(random: Random, changes: Sequence[Change]) -> Iterable[Change]:
    """Some changes had, and others had not, however late."""
    share = random.random()
    return [change for change in changes if random.random() < share]


def torn(random: Random, changes: Sequence[Change]) -> Iterable[Change]:
    """Some sectors of any change had."""
    share, sector = random.random(), random.choice(_SECTORS)
    return [part for change in changes for part in _parts(change, sector) if random.random() < share]


def garbled(random: Random, changes: Sequence[Change]) -> Iterable[Change]:
    """Some sectors of any change had, and others hold anything at all."""
    sector = random.choice(_SECTORS)
    for change in changes:
        for part in _parts(change, sector):
            match random.randrange(3), part:
                case 0, Write(place, data):
                    yield Write(place, random.randbytes(len(data)))
                case 1, _:
                    yield part
                case _:
                    pass


def _parts(change: Change, sector: int) -> Iterator[Change]:
    """Cut a write where a disk's sectors end."""
    if isinstance(change, Cut):
        yield change
        return
    place, end = change.place, change.place + len(change.data)
    while place < end:
        border = min(end, (place // sector + 1) * sector)
        yield Write(place, change.data[place - change.place : border - change.place])
        place = border


LOSSES: tuple[Loss, ...] = (nothing, everything, in_order, scattered, torn, garbled)
"""The ways in which what was not synchronised may be lost, in part or whole."""
