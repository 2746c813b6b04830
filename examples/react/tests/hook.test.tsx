import { act, cleanup, renderHook, waitFor } from "@testing-library/react";
import { afterEach, beforeEach, expect, test, vi } from "vitest";

import { useApproval } from "../src/useApproval";
import { PENDING, Server, Stream, streams } from "./server";

let server: Server;

beforeEach(() => {
  server = new Server();
});

afterEach(() => {
  cleanup();
  vi.unstubAllGlobals();
});

function followed(runId: string) {
  return renderHook((run: string) => useApproval("/approvals", { runId: run, key: "manager" }), { initialProps: runId });
}

test("another id begins anew: nothing of the first is shown under it, and its stream is closed", async () => {
  const { result, rerender } = followed("r1");
  await waitFor(() => expect(result.current.approval).not.toBeNull());
  server.approval = { ...PENDING, summary: "another" };
  rerender("r2");
  expect(result.current.approval).toBeNull();
  await waitFor(() => expect(result.current.approval?.summary).toBe("another"));
  expect(streams[0]?.readyState).toBe(Stream.CLOSED);
});

test("what comes late of the first changes nothing of the second", async () => {
  const { result, rerender } = followed("r1");
  await waitFor(() => expect(result.current.approval).not.toBeNull());
  const held = server.hold();
  const voting = result.current.approve(PENDING);
  await waitFor(() => expect(server.decisions).toHaveLength(1));
  server.approval = { ...PENDING, summary: "another" };
  rerender("r2");
  await waitFor(() => expect(result.current.approval?.summary).toBe("another"));
  const looks = server.looks;
  await act(async () => streams[0]?.tell("changed"));
  expect(server.looks).toBe(looks);
  await act(async () => {
    held();
    await voting;
  });
  expect(result.current.approval).not.toBeNull();
  expect(result.current.deciding).toBe(false);
});

test("changes that come while it is asked are asked for once more, and once only", async () => {
  const { result } = followed("r1");
  await waitFor(() => expect(result.current.approval).not.toBeNull());
  const looks = server.looks;
  await act(async () => {
    for (let each = 0; each < 5; each += 1) server.stream.tell("changed");
  });
  expect(server.looks).toBe(looks + 2);
});

test("a server that answers with a page of its own is a problem in words", async () => {
  server.approval = "<!doctype html><h1>Sign in</h1>";
  const { result } = followed("r1");
  await waitFor(() => expect(result.current.problem?.detail).toContain("no answer"));
});
