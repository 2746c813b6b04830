from __future__ import annotations

import pytest

from awaitly_mcp import Program, RemoteServer


def test_a_server_gets_this_process_s_environment_without_our_own_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    """It needs its keys, and never the address of the store with its password."""
    monkeypatch.setenv("AWAITLY_STORE", "postgresql://me:secret@db/gate")
    monkeypatch.setenv("SOME_API_KEY", "key")
    env = Program(("some-server",)).env
    assert env["SOME_API_KEY"] == "key"
    assert not [name for name in env if name.startswith("AWAITLY_")]
    assert "key" not in repr(Program(("some-server",)))


def test_a_server_keeps_its_name_and_shares_it_with_no_other() -> None:
    """By what it is started with, or where it is."""
    files = Program(("npx", "some-server", "files"))
    assert files.name == Program(("npx", "some-server", "files")).name
    assert files.name != Program(("npx", "some-server", "other")).name
    assert files.name.startswith("npx-")
    assert RemoteServer("https://tools.example.com/a").name != RemoteServer("https://tools.example.com/b").name
    assert "secret" not in repr(RemoteServer("https://tools.example.com/a", {"authorization": "secret"}))
