from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from typing import TYPE_CHECKING

from awaitly import RunStatus, said
from tests.browser.support import Inbox, asked, chained

if TYPE_CHECKING:
    from playwright.async_api import Browser, Page

APPROVAL = "/runs/r1/approvals/manager"


async def opened(browser: Browser, inbox: Inbox, path: str, *, who: str = "", **options: bool) -> Page:
    """Open a page, as somebody who has signed in where they are named."""
    context = await browser.new_context(java_script_enabled=options.get("script", True))
    if who:
        await inbox.sign_in(context, who, "viewer")
    page = await context.new_page()
    await page.goto(path if path.startswith("http") else inbox.url + path)
    return page


async def listening(page: Page) -> None:
    """Wait until a page hears of changes."""
    await page.wait_for_selector("body[data-listening]")


async def test_a_mailed_link_is_opened_edited_and_confirmed_while_a_second_tab_sees_the_run_end(
    browser: Browser, inbox: Inbox
) -> None:
    """The arguments are shown, the edit is confirmed as a difference, and the other tab ends without being touched."""
    await inbox.parked("r1")
    second = await opened(browser, inbox, "/runs/r1", who="vic")
    await listening(second)
    mail = await opened(browser, inbox, await inbox.link("r1"))
    shown = await mail.inner_text("#content")
    assert "Zoë Jansen" in shown
    assert "980.50" in shown
    assert "NL91" not in await mail.content()
    await mail.click("#edit > summary")
    await mail.get_by_label("amount", exact=True).first.fill("1200.00")
    await mail.get_by_text("Look at the changes").click()
    difference = await mail.inner_text(".diff tbody")
    assert difference.split() == ["amount", "1480.50", "1200.00"]
    assert (await inbox.orchestrator.status("r1")).unwrap().approvals[0].pending
    await mail.click("#confirm")
    await mail.get_by_text("Your edit is in force").wait_for()
    await second.get_by_text("completed", exact=True).wait_for()
    assert "1200.00" in await second.inner_text("#run")
    details = (await inbox.orchestrator.status("r1")).unwrap()
    assert details.run.status is RunStatus.COMPLETED
    assert '"NL91 ABNA 0417 1643 00"' in details.approvals[0].content
    acts = [told for entry in await inbox.orchestrator.ledger("r1") if "ann" in str(told := said(entry))]
    assert acts
    assert all("'via': 'link'" in str(told) for told in acts)


async def test_a_rejection_reaches_the_requester_with_its_reason(browser: Browser, inbox: Inbox) -> None:
    """What is written as the reason stands in the ledger and on the page."""
    await inbox.parked("r1")
    page = await opened(browser, inbox, APPROVAL, who="ann")
    await page.click("#reject > summary")
    await page.fill("#reason", "We have paid already.")
    await page.click("#reject button")
    await page.get_by_text("You rejected this.").wait_for()
    assert "We have paid already." in await page.inner_text("#state")
    closing = (await inbox.orchestrator.status("r1")).unwrap().approvals[0].closing
    assert closing is not None
    assert closing.reason == "We have paid already."


async def test_an_expired_link_says_so_and_decides_nothing(browser: Browser, inbox: Inbox) -> None:
    """There is a sentence and a way on, and no form."""
    await inbox.parked("r1")
    page = await opened(browser, inbox, await inbox.link("r1", lasts=timedelta(hours=-1)))
    assert await page.inner_text("h1") == "This link is no longer good"
    assert await page.locator("main form").count() == 0
    assert await page.get_by_role("link", name="To what waits for you").count() == 1


async def test_a_link_to_what_was_edited_since_leads_to_what_there_is(browser: Browser, inbox: Inbox) -> None:
    """The old link shows nothing any more, and names the page that has the new revision."""
    await inbox.orchestrator.start(chained(5), run_id="r1", requested_by="rita")
    link = await inbox.link("r1", key="budget.team lead")
    (await inbox.orchestrator.edit("r1", None, 4, by="ann")).unwrap()
    page = await opened(browser, inbox, link)
    assert await page.inner_text("h1") == "This has changed since"
    own = await page.get_by_role("link", name="Look at what there is now").get_attribute("href")
    assert own == "/runs/r1/approvals/budget.team%20lead"


async def test_somebody_elses_link_is_not_opened_for_whoever_is_signed_in(browser: Browser, inbox: Inbox) -> None:
    """A link that was passed on does not let one person decide under another's name."""
    await inbox.parked("r1")
    page = await opened(browser, inbox, "/", who="bob")
    await page.goto(await inbox.link("r1", "ann"))
    assert await page.inner_text("h1") == "This link is somebody else's"
    assert await page.locator("main form").count() == 0


async def test_of_two_who_decide_at_once_the_second_is_told_who_was_quicker(browser: Browser, inbox: Inbox) -> None:
    """With the script, the other page changes by itself; without, its decision is refused in words."""
    await inbox.parked("r1")
    ann = await opened(browser, inbox, APPROVAL, who="ann")
    live = await opened(browser, inbox, APPROVAL, who="bob")
    plain = await opened(browser, inbox, APPROVAL, who="bob", script=False)
    await listening(live)
    await ann.click("#approve")
    await live.get_by_text("Approved by ann").wait_for()
    assert await live.locator("#approve").count() == 0
    await plain.click("#reject > summary")
    await plain.click("#reject button")
    assert "was already approved by ann" in await plain.inner_text("[role=alert]")


async def test_what_somebody_is_writing_is_not_replaced_under_their_hands(browser: Browser, inbox: Inbox) -> None:
    """A change that comes meanwhile is announced; the text stays."""
    await inbox.parked("r1")
    page = await opened(browser, inbox, APPROVAL, who="ann")
    await listening(page)
    await page.click("#reject > summary")
    await page.fill("#reason", "half a sent")
    (await inbox.orchestrator.claim("r1", by="bob")).unwrap()
    await page.get_by_text("taken on by bob").wait_for()
    await page.get_by_text("This has changed while you were writing.").wait_for()
    assert await page.input_value("#reason") == "half a sent"


async def test_all_works_without_javascript(browser: Browser, inbox: Inbox) -> None:
    """From the list over an edit with a mistake to the decision, by plain forms."""
    await inbox.parked("r1")
    page = await opened(browser, inbox, "/", who="ann", script=False)
    await page.click("a.card-title")
    await page.click("#edit > summary")
    await page.get_by_label("amount", exact=True).first.fill("twelve")
    await page.get_by_label("count").fill("many")
    await page.get_by_text("Look at the changes").click()
    assert "write a whole number" in await page.inner_text("#edit")
    assert await page.get_by_label("amount", exact=True).first.input_value() == "twelve"
    await page.get_by_label("count").fill("3")
    await page.get_by_text("Look at the changes").click()
    await page.click("#confirm")
    assert "a decimal number" in await page.inner_text("#edit .wrong .error")
    await page.get_by_label("amount", exact=True).first.fill("12.00")
    await page.get_by_label("take 2 out").check()
    await page.get_by_label("speed").select_option("INSTANT")
    await page.get_by_text("Look at the changes").click()
    await page.click("#confirm")
    await page.get_by_text("Your edit is in force.").wait_for()
    execution = await inbox.orchestrator.wait("r1", timeout="10s")
    assert execution.result.unwrap() == Decimal("12.00")


async def test_many_are_decided_at_once_each_with_its_result(browser: Browser, inbox: Inbox) -> None:
    """One that somebody else decided meanwhile is said to be; the others are approved."""
    for number in range(3):
        await inbox.parked(f"r{number}")
    page = await opened(browser, inbox, "/", who="ann", script=False)
    for box in await page.locator("[name=item]").all():
        await box.check()
    (await inbox.orchestrator.reject("r1", by="bob")).unwrap()
    await page.get_by_role("button", name="Approve chosen").click()
    assert await page.inner_text("h1") == "Approved: 2 of 3"
    assert "already rejected by bob" in await page.inner_text("main")


async def test_the_list_fills_by_itself(browser: Browser, inbox: Inbox) -> None:
    """What is asked while the page is open appears there."""
    page = await opened(browser, inbox, "/", who="ann")
    await listening(page)
    assert "Nothing waits for you" in await page.inner_text("#list")
    await inbox.parked("r1")
    await page.get_by_text("Refund 1480.50 EUR").wait_for()


async def test_opening_a_page_writes_nothing_and_its_script_says_that_it_was_seen(
    browser: Browser, inbox: Inbox
) -> None:
    """Without the script nobody has seen it; with it, the ledger says who has."""
    await inbox.parked("r1")
    before = await inbox.orchestrator.ledger("r1")
    await opened(browser, inbox, APPROVAL, who="ann", script=False)
    assert await inbox.orchestrator.ledger("r1") == before
    page = await opened(browser, inbox, APPROVAL, who="ann")
    async with page.expect_response(lambda response: response.request.method == "POST"):
        await page.reload()
    seen = (await inbox.orchestrator.status("r1")).unwrap().approvals[0].handling.seen
    assert seen == (("ann", 1),)


async def test_remarks_questions_and_answers_are_exchanged(browser: Browser, inbox: Inbox) -> None:
    """A decider asks, the requester answers, and both are read on the page."""
    await inbox.parked("r1")
    page = await opened(browser, inbox, APPROVAL, who="ann", script=False)
    await page.get_by_text("Ask the requester").click()
    await page.fill("#question", "Which depot?")
    await page.get_by_role("button", name="Ask", exact=True).click()
    rita = await opened(browser, inbox, APPROVAL, who="rita", script=False)
    await rita.fill("#answer", "Rotterdam\nsouth")
    await rita.get_by_role("button", name="Answer", exact=True).click()
    said = await rita.inner_text("#said")
    assert "Which depot?" in said
    assert "Rotterdam\nsouth" in said


async def test_keys_lead_to_buttons_and_never_decide(browser: Browser, inbox: Inbox) -> None:
    """`a` puts the focus on the button, from where Enter presses it."""
    await inbox.parked("r1")
    page = await opened(browser, inbox, "/", who="ann")
    await page.keyboard.press("j")
    await page.keyboard.press("Enter")
    await page.wait_for_url(f"**{APPROVAL}")
    await page.keyboard.press("a")
    assert await page.evaluate("document.activeElement.id") == "approve"
    assert (await inbox.orchestrator.status("r1")).unwrap().approvals[0].pending
    await page.keyboard.press("Enter")
    await page.get_by_text("You approved this.").wait_for()


async def test_hidden_characters_are_shown(browser: Browser, inbox: Inbox) -> None:
    """Bidi and invisible characters are written out, and a long text is cut with a mark."""
    value = ["\u202egnp.exe", "pay\u200bpal", "x" * 5_000]
    await inbox.orchestrator.start(asked(value, "Open \u202eit", "why \x1b[31m not"), run_id="r1", requested_by="rita")
    page = await opened(browser, inbox, "/runs/r1/approvals/anything", who="ann", script=False)
    text = await page.inner_text("main")
    assert "\\u202egnp.exe" in text
    assert "pay\\u200bpal" in text
    assert "why \\x1b[31m not" in text
    assert "3800 characters more" in text
    assert not {"\u202e", "\u200b", "\x1b"} & set(text)


async def test_an_actor_who_is_not_signed_in_is_told_so(browser: Browser, inbox: Inbox) -> None:
    """The answer is a page, and a 401."""
    page = await opened(browser, inbox, "/")
    assert await page.inner_text("h1") == "Not signed in"
    assert await page.locator("nav").count() == 0
