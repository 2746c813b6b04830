"""Adapters check on import that what they hook into is what they were tried with."""

from __future__ import annotations

from importlib import metadata

import pytest

from awaitly import Tried, UntriedVersion, check_versions

SDK = Tried("some-sdk", "json", "1.4.2", "1.6")


@pytest.fixture
def installed(monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """Give the versions that are installed, by package."""
    versions: dict[str, str] = {}

    def version(package: str) -> str:
        if package not in versions:
            raise metadata.PackageNotFoundError(package)
        return versions[package]

    monkeypatch.setattr(metadata, "version", version)
    return versions


@pytest.mark.parametrize("version", ["1.4.2", "1.4.10", "1.5", "1.5.9rc1", "1.5.0+local", "1.5.dev3"])
def test_what_was_tried_is_taken(version: str, installed: dict[str, str]) -> None:
    """From the first version on, a later patch included, and before the end."""
    installed["some-sdk"] = version
    check_versions("awaitly_some_sdk", [SDK])


@pytest.mark.parametrize(
    "version", ["1.4.1", "1.4", "1", "0.99", "1.6", "1.6.0rc1", "1.10", "2", "1!1.5", "unknown", ""]
)
def test_what_was_never_tried_is_refused(version: str, installed: dict[str, str]) -> None:
    """With the range, what is installed, and the command that puts it right."""
    installed["some-sdk"] = version
    with pytest.raises(UntriedVersion) as refused:
        check_versions("awaitly_some_sdk", [SDK])
    assert refused.value.name == "json"
    assert str(refused.value) == (
        f"awaitly_some_sdk was tried with some-sdk>=1.4.2,<1.6, and this is some-sdk {version}: "
        "pip install 'awaitly[some-sdk]'"
    )


def test_what_is_missing_is_said_with_the_command_that_installs_it(installed: dict[str, str]) -> None:
    """The error names the module, as Python's own does."""
    with pytest.raises(ModuleNotFoundError, match="awaitly_some_sdk needs some-sdk, which is missing: pip") as missing:
        check_versions("awaitly_some_sdk", [SDK])
    assert missing.value.name == "json"


def test_a_package_whose_module_is_not_there_is_missing(installed: dict[str, str]) -> None:
    """What is left of an uninstalled package is no package."""
    installed["some-sdk"] = "1.5"
    with pytest.raises(ModuleNotFoundError, match="some-sdk, which is missing"):
        check_versions("awaitly_some_sdk", [Tried("some-sdk", "no_such_module", "1.4", "1.6")])


def test_each_package_is_checked(installed: dict[str, str]) -> None:
    """The first that is wrong is named."""
    installed.update({"some-sdk": "1.5", "other": "3"})
    with pytest.raises(UntriedVersion, match="other>=1,<2, and this is other 3"):
        check_versions("awaitly_some_sdk", [SDK, Tried("other", "json", "1", "2")])
