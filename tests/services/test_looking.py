from __future__ import annotations

from pathlib import Path

import pytest
from attrs import evolve

from tests.services import looking
from tests.services.__main__ import told
from tests.services.looking import POSTGRES, look
from tests.services.offers import Installable, Missing, Running, Startable

THERE = evolve(POSTGRES, at_default_port=lambda: "postgresql://here/db", programs=lambda: Path("/programs"))
NOT_RUNNING = evolve(THERE, at_default_port=lambda: None)
NOWHERE = evolve(NOT_RUNNING, programs=lambda: None)


def test_the_environment_comes_first() -> None:
    """Whoever names a server gets that one, whatever else there is."""
    offer = look(THERE, {"AWAITLY_TEST_POSTGRES": "postgresql://there/db"})
    assert offer == Running("postgresql://there/db", "AWAITLY_TEST_POSTGRES")


def test_a_server_on_the_default_port_comes_before_programs() -> None:
    """A server that runs is taken before one is started, and programs before packages."""
    assert look(THERE, {}) == Running("postgresql://here/db", "port 5432")
    assert look(NOT_RUNNING, {}) == Startable(Path("/programs"))


@pytest.mark.parametrize(("root", "offer"), [(True, Installable(("postgresql",))), (False, Missing(POSTGRES.cure))])
def test_only_who_may_install_packages_does(
    root: bool, offer: Installable | Missing, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where nothing is there, root of a Debian gets packages installed, and anybody else is told what to do."""
    monkeypatch.setattr(looking, "can_install", lambda: root)
    assert look(NOWHERE, {}) == offer


def test_the_table_repeats_no_password() -> None:
    """What is printed of an address leaves user and password out."""
    assert told(Running("postgresql://ann:secret@host:1/db?x=y", "here")) == ("postgresql://host:1/db", "here")
