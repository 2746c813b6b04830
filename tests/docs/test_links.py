from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGES = [*sorted(ROOT.glob("*.md")), *sorted((ROOT / "docs").rglob("*.md"))]
LINK = re.compile(r"(?<!`)\[(?P<text>[^\]]*)\]\((?P<target>[^)\s]+)\)")
TESTS = re.compile(r"(^|/)tests/.*\.py$|_contract/.*\.py$")
NAMED_TEST = re.compile(r" \(\[[^]]*\]\([^)]*\)\)")
README = (ROOT / "README.md").read_text("utf-8")
FENCED = re.compile(r"^ *```.*?^ *```$", re.MULTILINE | re.DOTALL)


def links(page: Path) -> Iterator[tuple[str, str]]:
    """Give text and target of the links and images of a page that lead to files."""
    for found in LINK.finditer(FENCED.sub("", page.read_text("utf-8"))):
        if "://" not in found["target"]:
            yield found["text"], found["target"]


def name_of(page: Path) -> str:
    """Name a case after its page."""
    return str(page.relative_to(ROOT))


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_links_and_images_lead_somewhere(page: Path) -> None:
    """What a page names by a relative path is there."""
    for _, target in links(page):
        path, _, heading = target.partition("#")
        found = (page.parent / path) if path else page
        assert found.exists(), target
        assert not heading or heading in headings(found), target


def headings(page: Path) -> set[str]:
    """Give the anchors that a code host makes of a page's headings."""
    lines = re.findall(r"^#+ (.+)$", FENCED.sub("", page.read_text("utf-8")), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", line.lower()).replace(" ", "-") for line in lines}


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_a_link_to_a_test_names_one_that_is_there(page: Path) -> None:
    """The text of a link to tests, or to a contract, is the name of one of them, with blanks for underscores."""
    for text, target in links(page):
        if TESTS.search(target):
            name = f"test_{text.replace(' ', '_')}"
            assert f"def {name}(" in (page.parent / target).read_text("utf-8"), f"{target} has no {name}"


def test_every_page_can_be_found() -> None:
    """Each page of the docs is named on the first one."""
    index = ROOT / "docs" / "index.md"
    named = {(index.parent / target).resolve() for _, target in links(index)}
    assert {page for page in PAGES if index.parent in page.parents} - named == {index}


def test_each_promise_of_the_readme_has_its_row() -> None:
    """The page on guarantees takes up every sentence under the README's promises, word for word."""
    page = (ROOT / "docs" / "concepts" / "guarantees.md").read_text("utf-8")
    for point in promises(README):
        for sentence in re.split(r"(?<=\.) ", NAMED_TEST.sub("", point)):
            assert sentence in page, sentence


def test_each_feature_has_its_row_and_a_test() -> None:
    """The page on features has all rows, 1 to 34 and B1 to B14, in order; each says something, and names a test."""
    text = (ROOT / "docs" / "features.md").read_text("utf-8")
    rows = [re.split(r" \| |^\| | \|$", line)[1:4] for line in text.splitlines() if line.startswith("| ")][2:]
    assert [number for number, _, _ in rows] == [*map(str, range(1, 35)), *(f"B{number}" for number in range(1, 15))]
    for number, says, shown in rows:
        assert says, number
        assert any(TESTS.search(target) for _, target in LINK.findall(shown)), number


def test_each_sentence_that_is_promised_names_a_test() -> None:
    """Behind every sentence under the README's promises stands a test, in brackets."""
    assert unproven(README) == []


def test_a_sentence_that_names_no_test_is_found() -> None:
    """Whichever link is taken away, and wherever a sentence is added, however it begins and ends."""
    _, _, rest = README.partition("## What it promises")
    promised, _, _ = rest.partition("\n\nThe page on")
    named = [found.group() for found in LINK.finditer(promised)]
    assert len(named) >= 10
    for link in named:
        assert unproven(README.replace(promised, promised.replace(link, ""))), link
    for new in ("Nothing else can go wrong.", "awaitly never sleeps!", "`retry` is safe.", "Is that all?"):
        for point in promised.split("\n* ")[1:]:
            assert unproven(README.replace(point, f"{point} {new}")), (point, new)
    assert unproven(README.replace(promised, f"{promised}\n* It is quick.")) == ["It is quick."]


def test_promises_that_are_not_found_are_no_promises_kept() -> None:
    """Where the heading or the end of the list is another, the look says so."""
    for gone in ("## What it promises", "\n\nThe page on"):
        with pytest.raises(ValueError, match="unpack"):
            promises(README.replace(gone, ""))


def test_each_guarantee_names_a_test() -> None:
    """Every row of the tables on that page, but for the store that keeps nothing, and for figures that were seen."""
    page = (ROOT / "docs" / "concepts" / "guarantees.md").read_text("utf-8")
    seen = re.compile(r"^### What was seen$.*?^## ", re.MULTILINE | re.DOTALL)
    lines = seen.sub("", page).splitlines()
    rows = [line for line in lines if line.startswith("| ") and not line.startswith("| ---")]
    without = [row for row in rows if not any(TESTS.search(target) for _, target in LINK.findall(row))]
    assert [row.split(" | ")[0] for row in without if " shown by |" not in row and " by |" not in row] == ["| memory"]
    assert len(rows) > 40


def unproven(readme: str) -> list[str]:
    """Give the sentences under the README's promises that name no test, or several."""
    sentences = [each for point in promises(readme) for each in re.split(r"(?<=[.!?])\s+", point)]
    return [each for each in sentences if sum(bool(TESTS.search(target)) for _, target in LINK.findall(each)) != 1]


def promises(readme: str) -> list[str]:
    """Give what the README promises, a text for each of its points. Raises `ValueError` where it promises nothing."""
    _, promised = readme.split("## What it promises")
    promised, _ = promised.split("\n\nThe page on")
    return [" ".join(point.split()) for point in promised.split("\n* ")[1:]]


def test_each_threat_is_met_by_a_test() -> None:
    """Every row of the page on security says what is done, and names tests; none of them stands for all."""
    page = ROOT / "docs" / "concepts" / "security.md"
    rows = [line.split(" | ") for line in page.read_text("utf-8").splitlines() if line.startswith("| ")][2:]
    assert len(rows) >= 15
    for threat, does, shown in rows:
        named = [target for _, target in LINK.findall(shown) if TESTS.search(target)]
        assert does, threat
        assert len(named) >= 2, threat
