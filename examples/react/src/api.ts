// What the card uses of the HTTP API; all of it is described at /api/openapi.json.

export type Json = string | number | boolean | null | readonly Json[] | { readonly [name: string]: Json };

export type Status = "pending" | "approved" | "edited" | "rejected" | "expired" | "cancelled" | "superseded";

export interface Vote {
  readonly by: string;
  readonly approves: boolean;
  readonly revision: number;
  readonly at: string;
  readonly reason: string | null;
}

export interface Approval {
  readonly run_id: string;
  readonly key: string;
  readonly status: Status;
  readonly summary: string;
  readonly arguments: Json;
  readonly original: Json;
  readonly revision: number;
  readonly digest: string;
  readonly deadline: string | null;
  readonly reason: string | null;
  readonly metadata: Json;
  readonly requested_by: string | null;
  readonly external: boolean;
  readonly policy: string;
  readonly needs: number;
  readonly votes: readonly Vote[];
  readonly edited_by: string | null;
  readonly claimed_by: string | null;
  readonly closed_by: string | null;
  readonly closed_at: string | null;
  readonly closed_because: string | null;
}

/** What was on the screen: a decision on anything else is refused. */
export interface Shown {
  readonly revision: number;
  readonly digest: string;
}

export interface Decision {
  readonly status: Status;
  readonly decided: boolean;
  readonly replayed: boolean;
}

/** Why something is not there or was not taken, in words for people; `status` is 0 where no answer came. */
export interface Problem {
  readonly status: number;
  readonly detail: string;
}

export type Result<T> = { readonly ok: true; readonly value: T } | { readonly ok: false; readonly problem: Problem };

/** Where one approval is found below the address at which `web_app` is mounted. */
export interface Place {
  readonly me: string;
  readonly approval: string;
  readonly stream: string;
}

export function placeOf(url: string, runId: string, key: string): Place {
  const base = url.replace(/\/+$/, "");
  const run = encodeURIComponent(runId);
  return {
    me: `${base}/api/me`,
    approval: `${base}/api/runs/${run}/approvals/${encodeURIComponent(key)}`,
    stream: `${base}/live/runs/${run}/approvals/${encodeURIComponent(key)}`,
  };
}

const TOKEN = /"(?:[^"\\]|\\.)*"|-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?/g;

/** Read JSON; a number that JavaScript would round, as 9007199254740993, comes as the text that was sent. */
export function exactly(text: string): unknown {
  const kept = text.replace(TOKEN, (token) =>
    token.startsWith('"') || String(Number(token)) === token ? token : `"${token}"`,
  );
  return JSON.parse(kept);
}

export function fetchApproval(place: Place, signal: AbortSignal): Promise<Result<Approval>> {
  return request<Approval>(place.approval, { signal });
}

/** Vote on what was shown. The token against forged requests is asked for each time, as it goes with a cookie. */
export async function decide(
  place: Place,
  verb: "approve" | "reject",
  shown: Shown,
  reason?: string,
): Promise<Result<Decision>> {
  const me = await request<{ readonly csrf_token: string }>(place.me, {});
  if (!me.ok) return me;
  const seen = { revision: shown.revision, digest: shown.digest };
  return request<Decision>(`${place.approval}/${verb}`, {
    method: "POST",
    headers: { "content-type": "application/json", "x-csrf-token": me.value.csrf_token },
    body: JSON.stringify(verb === "reject" ? { ...seen, reason: reason || null } : seen),
  });
}

async function request<T>(address: string, init: RequestInit): Promise<Result<T>> {
  try {
    const answer = await fetch(address, { credentials: "same-origin", cache: "no-store", redirect: "error", ...init });
    const body = exactly(await answer.text());
    return answer.ok ? { ok: true, value: body as T } : { ok: false, problem: problemOf(answer.status, body) };
  } catch {
    const asked = init.method === undefined ? "It will be asked for again." : "Say it again: it counts once.";
    return { ok: false, problem: { status: 0, detail: `The server gave no answer. ${asked}` } };
  }
}

function problemOf(status: number, body: unknown): Problem {
  const said = typeof body === "object" && body !== null && "detail" in body ? body.detail : null;
  return { status, detail: typeof said === "string" ? said : `The server answered ${status}.` };
}
