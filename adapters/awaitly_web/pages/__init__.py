"""The inbox: pages that people decide on. They work without JavaScript, and keep themselves up to date with it."""

from awaitly_web.pages.table import PAGES

__all__ = ["PAGES"]
