import { act, cleanup, fireEvent, render, screen, waitFor, within } from "@testing-library/react";
import { afterEach, beforeEach, expect, test, vi } from "vitest";

import { ApprovalCard } from "../src/ApprovalCard";
import { APPROVED, PENDING, Server, Stream, streams } from "./server";

let server: Server;

beforeEach(() => {
  server = new Server();
});

afterEach(() => {
  cleanup();
  vi.useRealTimers();
  vi.unstubAllGlobals();
});

function shown(): void {
  render(<ApprovalCard url="/approvals/" id={{ runId: "order/7", key: "manager" }} />);
}

async function waiting(): Promise<HTMLElement> {
  shown();
  return screen.findByRole("button", { name: "Approve as shown" });
}

async function hears(type: string, readyState: number = Stream.OPEN): Promise<void> {
  await act(async () => server.stream.tell(type, readyState));
}

test("the arguments, the deadline and the rule are shown, and the requester's words apart", async () => {
  await waiting();
  const card = screen.getByRole("article", { name: "Refund 80 EUR to Zoë" });
  const what = within(card).getByRole("heading", { name: "What waits" }).parentElement;
  expect(what?.textContent).toContain("80.00");
  expect(what?.textContent).not.toContain("parcel");
  const claim = within(card).getByRole("heading", { name: "In the words of rita" }).parentElement;
  expect(claim?.textContent).toContain("The parcel never arrived.");
  expect(claim?.textContent).toContain("T-1");
  expect(card.querySelector("time")?.dateTime).toBe(PENDING.deadline);
  expect(card.textContent).toContain("role:manager within 2 days");
});

test("an id with a slash is percent-encoded, in the stream's address too", async () => {
  await waiting();
  expect(server.sent[0]?.path).toBe("/approvals/api/runs/order%2F7/approvals/manager");
  expect(server.stream.url).toBe("/approvals/live/runs/order%2F7/approvals/manager");
});

test("a decision elsewhere is shown with who took it, and its stream is given back", async () => {
  await waiting();
  server.approval = { ...APPROVED, status: "rejected", closed_because: "Paid already." };
  await hears("changed");
  expect((await screen.findByText(/^Rejected/)).textContent).toContain("Rejected by bob");
  expect(screen.getByText(/Paid already/)).toBeTruthy();
  expect(screen.queryByRole("button", { name: "Approve as shown" })).toBeNull();
  expect(streams.every((each) => each.readyState === Stream.CLOSED)).toBe(true);
});

test("an approval names what was shown, brings the token, and claims no actor", async () => {
  fireEvent.click(await waiting());
  await screen.findByText(/^Approved/);
  const [sent] = server.decisions;
  expect(sent?.path).toBe("/approvals/api/runs/order%2F7/approvals/manager/approve");
  expect(JSON.parse(String(sent?.init.body))).toEqual({ revision: 1, digest: "v1:first" });
  expect(sent?.init.credentials).toBe("same-origin");
  expect(new Headers(sent?.init.headers).get("x-csrf-token")).toBe("the-token");
  expect(document.activeElement?.className).toBe("standing");
  expect(document.activeElement?.textContent).toContain("Approved by ann");
});

test("pressing twice decides once", async () => {
  const button = await waiting();
  fireEvent.click(button);
  fireEvent.click(button);
  await screen.findByText(/^Approved/);
  expect(server.decisions).toHaveLength(1);
});

test("a rejection takes the reason along", async () => {
  await waiting();
  fireEvent.change(screen.getByLabelText("Reason, for the requester"), { target: { value: " Paid already. " } });
  fireEvent.click(screen.getByRole("button", { name: "Reject" }));
  await waitFor(() => expect(server.decisions).toHaveLength(1));
  expect(JSON.parse(String(server.decisions[0]?.init.body))).toMatchObject({ reason: "Paid already." });
});

test("what changed under somebody's hands is not decided before it was looked at", async () => {
  const button = await waiting();
  fireEvent.change(screen.getByLabelText("Reason, for the requester"), { target: { value: "half a sent" } });
  const edited = { ...PENDING, arguments: { amount: "8000.00" }, revision: 2, digest: "v1:second", edited_by: "bob" };
  server.approval = edited;
  await hears("changed");
  await screen.findByText(/This has changed since you first saw it/);
  expect(screen.getByText("8000.00")).toBeTruthy();
  fireEvent.click(button);
  expect(server.sent.filter((each) => each.path.endsWith("/me"))).toHaveLength(0);
  expect(screen.getByDisplayValue("half a sent")).toBeTruthy();
  fireEvent.click(screen.getByRole("button", { name: "I have looked at it" }));
  fireEvent.click(button);
  await waitFor(() => expect(server.decisions).toHaveLength(1));
  expect(JSON.parse(String(server.decisions[0]?.init.body))).toEqual({ revision: 2, digest: "v1:second" });
});

test("who was too late is told so, and sees how it stands", async () => {
  const button = await waiting();
  server.approval = APPROVED;
  server.refuses = { status: 409, detail: "approval 'manager' was already approved by bob" };
  fireEvent.click(button);
  expect((await screen.findByRole("alert")).textContent).toBe("Not taken: approval 'manager' was already approved by bob");
  expect(screen.getByText(/^Approved/).textContent).toContain("by bob");
});

test("a decision without an answer may be repeated, and says so", async () => {
  const button = await waiting();
  server.away = true;
  fireEvent.click(button);
  await waitFor(() => expect(screen.getAllByRole("alert")).toHaveLength(2));
  server.away = false;
  fireEvent.click(button);
  await screen.findByText(/^Approved/);
  expect(screen.queryByRole("alert")).toBeNull();
});

test("a stream that is refused is tried again, ever more seldom, and brings what was missed", async () => {
  await waiting();
  vi.useFakeTimers();
  await hears("error", Stream.CLOSED);
  expect(screen.getByText(/The connection is lost/)).toBeTruthy();
  await act(() => vi.advanceTimersByTimeAsync(1_000));
  expect(streams).toHaveLength(2);
  await hears("error", Stream.CLOSED);
  await act(() => vi.advanceTimersByTimeAsync(1_000));
  expect(streams).toHaveLength(2);
  server.approval = { ...PENDING, claimed_by: "bob" };
  await act(() => vi.advanceTimersByTimeAsync(1_000));
  expect(streams).toHaveLength(3);
  await hears("open");
  expect(screen.queryByText(/The connection is lost/)).toBeNull();
  expect(screen.getByText(/has taken it on/).textContent).toContain("bob");
});

test("a stream that breaks is opened anew by the browser alone", async () => {
  await waiting();
  await hears("error", Stream.CONNECTING);
  expect(screen.getByText(/The connection is lost/)).toBeTruthy();
  await hears("open");
  expect(streams).toHaveLength(1);
  expect(screen.queryByText(/The connection is lost/)).toBeNull();
});

test.each([401, 403, 404])("after a %i nothing more is asked until somebody wants to look again", async (status) => {
  server.status = status;
  shown();
  expect((await screen.findByRole("alert")).textContent).toContain("not for you");
  expect(streams.every((each) => each.readyState === Stream.CLOSED)).toBe(true);
  vi.useFakeTimers();
  const before = server.looks;
  await act(() => vi.advanceTimersByTimeAsync(120_000));
  expect(server.looks).toBe(before);
  vi.useRealTimers();
  server.status = 200;
  fireEvent.click(screen.getByRole("button", { name: "Look again" }));
  await screen.findByRole("button", { name: "Approve as shown" });
});

test("a page in the background gives its stream back, and asks anew once it is looked at", async () => {
  await waiting();
  const hidden = vi.spyOn(document, "hidden", "get").mockReturnValue(true);
  await act(async () => document.dispatchEvent(new Event("visibilitychange")));
  expect(streams[0]?.readyState).toBe(Stream.CLOSED);
  server.approval = APPROVED;
  hidden.mockReturnValue(false);
  await act(async () => document.dispatchEvent(new Event("visibilitychange")));
  expect(streams).toHaveLength(2);
  await screen.findByText(/^Approved/);
  hidden.mockRestore();
});

test("what is decided in another system has no buttons", async () => {
  server.approval = { ...PENDING, external: true };
  shown();
  await screen.findByText(/decided in the system that keeps it/);
  expect(screen.queryByRole("button")).toBeNull();
});

test("of two who are needed it says who has voted", async () => {
  const vote = { by: "bob", approves: true, revision: 1, at: "2026-11-30T12:00:00+00:00", reason: null };
  server.approval = { ...PENDING, needs: 2, votes: [vote] };
  await waiting();
  expect(screen.getByText("1 of 2 have said yes.")).toBeTruthy();
  expect(screen.getByRole("list", { name: "Votes" }).textContent).toBe("bob: yes");
});

test("hidden characters are written out, and no number is rounded", async () => {
  const hostile = { name: "pay\u200bpal \u202egnp.exe \ud800", "<b>": "<img src=x onerror=alert(1)>" };
  server.approval = JSON.stringify({ ...PENDING, arguments: hostile }).replace(
    '"<b>"',
    '"big":9007199254740993,"exact":1.10,"text":"1.10, \\"2.0\\"","<b>"',
  );
  await waiting();
  const text = screen.getByRole("article").textContent ?? "";
  expect(text).toContain("pay\\u200bpal \\u202egnp.exe \\ud800");
  expect(text).toContain("9007199254740993");
  expect(text).toContain('exact1.10text1.10, "2.0"');
  expect(text).toContain("<img src=x onerror=alert(1)>");
});
