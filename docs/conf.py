"""How Sphinx builds these pages: `make docs` writes them to docs/_build."""

from __future__ import annotations

import builtins
import re
import sys
from pathlib import Path
from types import UnionType
from typing import get_args

import attrs
from sphinx.application import Sphinx

DOCS = Path(__file__).parent
sys.path[:0] = [str(DOCS.parent), str(DOCS.parent / "adapters")]

project = "awaitly"
author = "awaitly contributors"
extensions = ["myst_parser", "sphinx.ext.autodoc"]
exclude_patterns = ["_build", "draw"]
html_theme = "furo"
html_title = "awaitly"
html_show_sourcelink = False
html_show_copyright = False
maximum_signature_line_length = 100
toc_object_entries_show_parents = "hide"
myst_heading_anchors = 4


autodoc_default_options = {"members": True, "undoc-members": True}
autodoc_member_order = "bysource"
autodoc_typehints_format = "short"
autodoc_preserve_defaults = True
python_use_unqualified_type_names = True

# What stands in single quotes in a docstring is a name: a link where the reference has it, else code.
default_role = "py:obj"
OTHERS = "agent_framework|agents|agno|asyncio|claude_agent_sdk|google|hypothesis|langchain|langchain_core"
OTHERS += "|langgraph|mcp|mcp_types|opentelemetry|psycopg_pool|pydantic|pydantic_ai|pydantic_core|returns|starlette"
nitpick_ignore_regex = [
    ("py:obj", ".*"),
    # Type variables, wherever they stand.
    ("py:class", r"(.+\.)?(P|R|T|E|X|X2|X3|[A-Z]\w*T|_\w+T|\w+_co|\w+_contra)"),
    # Python itself: nothing is fetched while the pages are built, so its names are no links.
    ("py:(class|exc|data|attr|meth|func|mod)", rf"({'|'.join([*dir(builtins), *sys.stdlib_module_names])})(\..+)?"),
    # Other packages, likewise.
    ("py:class", rf"({OTHERS})\..+"),
    # What is private to awaitly and its adapters: it is made and given by what the reference has.
    ("py:class", r"awaitly(_[a-z_]+)?\.[a-z_.]+\.\w+"),
    # What stands only where type checkers look.
    ("py:class", "JsonValue|Client|Kept|Reply|datetime|timedelta"),
]

QUOTED = re.compile(r"`[^`]+`(?P<ending>\w?)")
DEFAULT = re.compile(r"attr_dict\['(?P<field>\w+)'\]\.default|NOTHING")
LINK = re.compile(r"\]\((?P<page>[a-z./-]+\.md)\)")
ABOUT = re.compile(r"\]\((?:\.\./)+(?P<name>ARCHITECTURE|CHANGELOG|CONTRIBUTING|SECURITY)\.md")


def as_restructured(text: str) -> str:
    """Write a docstring as Sphinx reads them: `Rule`s with its ending apart, and examples as code."""
    text = QUOTED.sub(lambda found: found[0][:-1] + rf"\ {found['ending']}" if found["ending"] else found[0], text)
    return re.sub(r"(?<!:):\n\n(?=    \S)", "::\n\n", text)


def members_of(value: object) -> list[str]:
    """Say what a union is one of; nothing of any other value."""
    members = get_args(value) if isinstance(value, UnionType) else ()
    names = [f"`{getattr(member, '__origin__', member).__name__}`" for member in members]
    return [f"One of {', '.join(names)}."] if names else []


def read_docstring(app: Sphinx, what: str, name: str, obj: object, options: object, lines: list[str]) -> None:
    """Have a docstring read as the code has it. A value has none but what the page says; a union names its members."""
    if what == "data":
        lines[:] = members_of(obj)
    lines[:] = as_restructured("\n".join(lines)).split("\n")


def read_signature(
    app: Sphinx, what: str, name: str, obj: object, options: object, signature: str | None, returned: str | None
) -> tuple[str | None, str | None]:
    """Show the defaults of an attrs class as its fields have them; one that is no plain value is `...`."""
    if signature is None or not isinstance(obj, type) or not attrs.has(obj):
        return signature, returned
    defaults = {field.name: field.default for field in attrs.fields(obj)}

    def default(found: re.Match[str]) -> str:
        value = defaults[found["field"]] if found["field"] else attrs.NOTHING
        return repr(value) if value is None or isinstance(value, (bool, int, str)) or value == () else "..."

    return DEFAULT.sub(default, signature), returned


def read_page(app: Sphinx, page: str, source: list[str]) -> None:
    """Have links to files at the top of the repository lead to their pages, and the first page's lists be the menu."""
    up = "../" * page.count("/")
    source[0] = ABOUT.sub(lambda found: f"]({up}about/{found['name'].lower()}.md", source[0])
    if page == "index":
        source[0] += "".join(map(menu_of, source[0].split("\n## ")[1:]))


def menu_of(section: str) -> str:
    """Make a part of the menu of the pages that a section of the first page links to."""
    pages = dict.fromkeys(found["page"].removesuffix(".md") for found in LINK.finditer(section))
    lines = ["```{toctree}", ":hidden:", f":caption: {section.partition(chr(10))[0]}", "", *pages, "```"]
    return "\n" + "\n".join(lines) + "\n"


def setup(app: Sphinx) -> None:
    """Join the functions above to Sphinx."""
    app.connect("autodoc-process-docstring", read_docstring)
    app.connect("autodoc-process-signature", read_signature)
    app.connect("source-read", read_page)
