from __future__ import annotations

import pytest

from tests.release.building import Release, build


@pytest.fixture(scope="session")
def release(tmp_path_factory: pytest.TempPathFactory) -> Release:
    """The distributions that would be released now."""
    return build(tmp_path_factory.mktemp("dist"))
