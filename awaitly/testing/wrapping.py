"""A store around another one: the base of those that count, fail or delay."""

from __future__ import annotations

from awaitly.runs.wrapping import StoreWrapper

__all__ = ["StoreWrapper"]
