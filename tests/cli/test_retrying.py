from __future__ import annotations

from tests.cli.support import NASTY_SHOWN, call, resumed


def test_a_run_that_failed_goes_back_into_its_queue(url: str) -> None:
    """And whoever has its code goes on with it: here it fails once more, for the step runs again."""
    done = call("retry", "buy-0", "--store", url)
    assert (done.code, done.out) == (0, "Queued run buy-0; a worker goes on with it\n")
    assert "queued" in call("runs", "--prefix", "buy-0", "--store", url).out
    assert resumed(url, "buy-0").failure().code != NASTY_SHOWN
    assert "failed" in call("runs", "--prefix", "buy-0", "--store", url).out


def test_as_a_document(url: str) -> None:
    """Programs get the run's id."""
    assert call("retry", "buy-0", "--store", url, "--json").document == {"run_id": "buy-0", "replayed": False}


def test_a_run_that_waits_is_refused(url: str) -> None:
    """With its status and what may be retried, and the exit code of a conflict; nothing has changed."""
    refused = call("retry", "buy-1", "--store", url)
    assert (refused.code, refused.err.count("\n")) == (4, 1)
    assert "it is parked, and only a run that failed or was set aside can be tried again" in refused.err
    assert call("retry", "buy-1", "--store", url, "--json").document["error"]["type"] == "RunConflict"


def test_a_run_that_was_cancelled_stays_so(url: str) -> None:
    """A cancellation is final."""
    assert call("cancel", "buy-1", "--store", url, "--by", "zed").code == 0
    assert call("retry", "buy-1", "--store", url, "--json").document["error"]["type"] == "RunEnded"


def test_an_unknown_run_is_told(url: str) -> None:
    """With the exit code for that."""
    assert call("retry", "nobody", "--store", url).code == 3
