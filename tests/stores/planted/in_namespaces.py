"""Bugs in keeping namespaces apart."""

from __future__ import annotations

from collections.abc import Callable

from attrs import evolve, frozen

from awaitly.result import Result
from awaitly.storage.memory import MemoryStore
from awaitly.storage.store import Changes, Conflict, Found, Hold
from awaitly.testing import StoreWrapper
from awaitly.testing.store_contract import Pair


@frozen
class NamespaceBug:
    """One bug: how a pair is made of two stores that are apart, and the tests that must fail for it."""

    plant: Callable[[MemoryStore, MemoryStore], Pair]
    caught_by: tuple[str, ...]


def sharing(method: str) -> Callable[[MemoryStore, MemoryStore], Pair]:
    """Let one method of the second store be that of the first."""

    def plant(first: MemoryStore, second: MemoryStore) -> Pair:
        setattr(second, method, getattr(first, method))
        return first, second

    return plant


class JoinsNames(StoreWrapper):
    """Makes one text of namespace and id."""

    def __init__(self, memory: MemoryStore, namespace: str) -> None:
        super().__init__(memory)
        self.namespace = namespace

    async def load(self, run_id: str) -> Found:
        """Load under the joined name."""
        return await super().load(self.namespace + run_id)

    async def commit(self, changes: Changes) -> Result[None, Conflict]:
        """Commit under joined names."""
        joined = evolve(
            changes,
            runs=tuple(evolve(row, run_id=self.namespace + row.run_id) for row in changes.runs),
            steps=tuple(evolve(row, run_id=self.namespace + row.run_id) for row in changes.steps),
            approvals=tuple(evolve(row, run_id=self.namespace + row.run_id) for row in changes.approvals),
            notices=tuple(evolve(row, run_id=self.namespace + row.run_id) for row in changes.notices),
            entries=tuple(evolve(row, run_id=self.namespace + row.run_id) for row in changes.entries),
        )
        return await super().commit(joined)


def joining(mark: str) -> Callable[[MemoryStore, MemoryStore], Pair]:
    """Let both share one store, as the namespaces `a` and `a`, the mark, `b`."""
    return lambda memory, _: (JoinsNames(memory, f"a{mark}"), JoinsNames(memory, f"a{mark}b{mark}"))


class ChangesBoth(StoreWrapper):
    """Does some things in both namespaces."""

    def __init__(self, own: MemoryStore, other: MemoryStore, part: Callable[[Changes], Changes | None]) -> None:
        super().__init__(own)
        self.other = other
        self.part = part

    async def commit(self, changes: Changes) -> Result[None, Conflict]:
        """Do it there too."""
        part = self.part(changes)
        if part is not None:
            await self.other.commit(part)
        return await super().commit(changes)


def changing_both(part: Callable[[Changes], Changes | None]) -> Callable[[MemoryStore, MemoryStore], Pair]:
    """Let the first store make some changes in the second too."""
    return lambda first, second: (ChangesBoth(first, second, part), second)


def swaps(changes: Changes) -> Changes | None:
    """Give what takes the place of other rows."""
    runs = tuple(row for row in changes.runs if row.version > 1)
    return Changes(move=changes.move, runs=runs) if runs else None


def closings(changes: Changes) -> Changes | None:
    """Give what takes the place of other approvals."""
    rows = tuple(row for row in changes.approvals if row.version > 1)
    return Changes(move=changes.move, approvals=rows) if rows else None


def sendings(changes: Changes) -> Changes | None:
    """Give what takes the place of other notices."""
    rows = tuple(row for row in changes.notices if row.version > 1)
    return Changes(move=changes.move, notices=rows) if rows else None


def redactions(changes: Changes) -> Changes | None:
    """Give what redacts."""
    return Changes(move=changes.move, redacted=changes.redacted) if changes.redacted else None


def drops(changes: Changes) -> Changes | None:
    """Give what drops steps."""
    return Changes(move=changes.move, dropped=changes.dropped) if changes.dropped else None


def forgotten(changes: Changes) -> Changes | None:
    """Give what forgets."""
    return Changes(move=changes.move, forgotten=changes.forgotten) if changes.forgotten else None


def forgotten_anyhow(changes: Changes) -> Changes | None:
    """Give what forgets, so that it fits where there is a run."""
    return (
        Changes(move=changes.move, forgotten=tuple(Hold(hold.run_id, 1) for hold in changes.forgotten))
        if changes.forgotten
        else None
    )


NAMESPACE_BUGS = {
    "loads are shared": NamespaceBug(
        sharing("load"), ("test_the_same_id_is_two_runs", "test_loads_find_only_their_own")
    ),
    "approvals are shared": NamespaceBug(sharing("approvals"), ("test_approvals_are_only_their_own",)),
    "entries are shared": NamespaceBug(sharing("entries"), ("test_entries_are_only_their_own",)),
    "notices are shared": NamespaceBug(sharing("notices"), ("test_notices_are_only_their_own",)),
    "what is to be sent is shared": NamespaceBug(
        sharing("due_notices"), ("test_notices_are_only_their_own", "test_notices_are_forgotten_apart")
    ),
    "the next notice is shared": NamespaceBug(sharing("next_notice"), ("test_notices_are_only_their_own",)),
    "listings of notices are shared": NamespaceBug(sharing("page_notices"), ("test_notices_are_only_their_own",)),
    "listings of runs are shared": NamespaceBug(sharing("page_runs"), ("test_runs_are_listed_apart",)),
    "listings of approvals are shared": NamespaceBug(sharing("page_approvals"), ("test_approvals_are_listed_apart",)),
    "what is due is shared": NamespaceBug(
        sharing("due"), ("test_each_has_its_own_due_runs", "test_each_has_its_own_due_runs_in_a_lane")
    ),
    "the next time is shared": NamespaceBug(sharing("next_due"), ("test_each_has_its_own_next_time",)),
    "commits are shared": NamespaceBug(
        sharing("commit"), ("test_the_same_id_is_two_runs", "test_conditions_are_about_ones_own")
    ),
    "listeners are shared": NamespaceBug(sharing("listening"), ("test_listeners_hear_only_their_own",)),
    "names are joined": NamespaceBug(joining(""), ("test_namespace_and_id_are_not_run_together",)),
    "names are joined by a colon": NamespaceBug(joining(":"), ("test_namespace_and_id_are_not_run_together",)),
    "swaps are for all": NamespaceBug(changing_both(swaps), ("test_a_swap_touches_only_its_own",)),
    "decisions are for all": NamespaceBug(
        changing_both(closings), ("test_a_swap_touches_only_its_own", "test_audiences_are_forgotten_apart")
    ),
    "what is sent is for all": NamespaceBug(changing_both(sendings), ("test_what_is_sent_in_one_is_not_in_the_other",)),
    "redactions are for all": NamespaceBug(changing_both(redactions), ("test_a_redaction_touches_only_its_own",)),
    "drops are for all": NamespaceBug(changing_both(drops), ("test_a_drop_touches_only_its_own",)),
    "forgetting is for all": NamespaceBug(
        changing_both(forgotten),
        (
            "test_forgotten_touches_only_its_own",
            "test_forgotten_without_a_run_touches_only_its_own",
            "test_notices_are_forgotten_apart",
        ),
    ),
    "forgetting is for any run": NamespaceBug(
        changing_both(forgotten_anyhow), ("test_forgotten_without_a_run_touches_only_its_own",)
    ),
}
