from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from redis.crc import key_slot

from awaitly_redis.keys import META, Keys, base_of, channel_of

TEXTS = st.text(st.sampled_from("a:b{}0123r/ \u00e9\U0001f600") | st.characters(codec="utf-8"), min_size=1, max_size=8)
SHARDS = st.integers(0, 20) | st.just(META)
KINDS = st.sampled_from(["r", "l", "n", "u", "d", "q", "y", "o", "x", "a", "t", "p", "g", ""])
OF_A_RUN = ("r", "t")
PLACES = st.tuples(TEXTS, SHARDS, KINDS, TEXTS)


def key_of(namespace: str, shard: int | str, kind: str, rest: str) -> bytes:
    """Give a key: only a run's two have something behind their kind."""
    return base_of(namespace, shard) + kind.encode() + (rest.encode() if kind in OF_A_RUN else b"")


def meant(namespace: str, shard: int | str, kind: str, rest: str) -> tuple[object, ...]:
    """Give what a key is meant for."""
    return (namespace, shard, kind, rest if kind in OF_A_RUN else None)


@given(PLACES, PLACES)
def test_keys_never_collide(one: tuple[str, int | str, str, str], other: tuple[str, int | str, str, str]) -> None:
    """Whatever stands in namespaces and ids, the same key means the same thing."""
    assert (key_of(*one) == key_of(*other)) == (meant(*one) == meant(*other))


@given(TEXTS, st.integers(0, 15), TEXTS, TEXTS)
def test_keys_of_a_shard_share_a_slot(namespace: str, shard: int, one: str, other: str) -> None:
    """Whatever stands in the namespace: so that one script may use all of them on a cluster."""
    keys = [key_of(namespace, shard, kind, text) for kind in "rlnudqyoxatpg" for text in (one, other)]
    assert len({key_slot(key) for key in keys}) == 1


@given(st.text(st.sampled_from("}{a"), min_size=1, max_size=5))
def test_shards_are_spread_over_slots(namespace: str) -> None:
    """Also where a brace in the namespace ends the hash tag early."""
    assert len({key_slot(base_of(namespace, shard)) for shard in range(16)}) > 10


@given(TEXTS, TEXTS, st.integers(0, 15), st.integers(0, 15))
def test_channels_never_collide(one: str, other: str, database: int, another: int) -> None:
    """Neither of two namespaces nor of two databases."""
    assert (channel_of(one, database) == channel_of(other, another)) == ((one, database) == (other, another))


@given(TEXTS, st.text(st.characters(codec="utf-8"), min_size=1, max_size=20))
def test_a_run_stays_in_its_shard(namespace: str, run_id: str) -> None:
    """The shard follows from the id alone, in every process and release."""
    keys = Keys(namespace, 16)
    shard = next(number for number in range(16) if keys.run(run_id.encode()).startswith(keys.bases[number] + b"r"))
    assert keys.run(run_id.encode()) == base_of(namespace, shard) + b"r" + run_id.encode()
    assert keys.notices(run_id.encode()) == base_of(namespace, shard) + b"t" + run_id.encode()


def test_where_runs_lie_is_laid_down() -> None:
    """A change of this would lose the runs of stores that there are."""
    keys = Keys("shop", 16)
    assert keys.run(b"order-1") == b"{awaitly:%d:4:shop}rorder-1" % 15
