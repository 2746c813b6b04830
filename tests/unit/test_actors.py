from __future__ import annotations

import pytest

from awaitly import Actor
from awaitly.actors import as_actor


def test_an_actor_is_a_value() -> None:
    """Name, roles and the person behind it make it what it is."""
    assert Actor("ann", ["b", "a", "a"]) == Actor("ann", frozenset({"a", "b"}))
    assert Actor("ann") != Actor("ann", ["a"])
    assert hash(Actor("ann", ["a"])) == hash(Actor("ann", ("a",)))


@pytest.mark.parametrize("name", ["", " ", "\n\t"])
def test_an_actor_has_a_name(name: str) -> None:
    """Nobody decides anonymously."""
    with pytest.raises(ValueError, match="name"):
        Actor(name)


def test_roles_are_a_collection() -> None:
    """One text is refused, for it would be taken for its letters."""
    with pytest.raises(TypeError, match="roles="):
        Actor("ann", "manager")


@pytest.mark.parametrize(
    ("grant", "covers"),
    [
        ("ann", True),
        ("Ann", False),
        ("role:manager", True),
        ("role:Manager", False),
        ("manager", False),
        ("role:", False),
        ("role:ann", False),
        ("", False),
        ("an", False),
    ],
)
def test_a_grant_covers_a_name_or_a_role(grant: str, covers: bool) -> None:
    """Names and roles are compared as they are written, and are never mistaken for each other."""
    assert Actor("ann", ["manager"]).holds(grant) is covers


def test_a_name_that_looks_like_a_role_holds_no_role() -> None:
    """An actor who calls itself `role:manager` is no manager."""
    assert not Actor("role:manager").holds("role:manager")


def test_the_person_behind_a_program_answers_for_it() -> None:
    """`person` is the human where one is named, else the actor."""
    assert Actor("bot", on_behalf_of="ann").person == "ann"
    assert Actor("ann").person == "ann"


def test_a_plain_name_is_an_actor_without_roles() -> None:
    """`by=` takes either."""
    assert as_actor("ann") == Actor("ann")
    assert as_actor(Actor("ann", ["x"])) == Actor("ann", ["x"])
