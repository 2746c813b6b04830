import { vi } from "vitest";

import type { Approval } from "../src/api";

export const PENDING: Approval = {
  run_id: "order/7",
  key: "manager",
  status: "pending",
  summary: "Refund 80 EUR to Zoë",
  arguments: { $type: "Refund", amount: "80.00", to: "Zoë" },
  original: { $type: "Refund", amount: "80.00", to: "Zoë" },
  revision: 1,
  digest: "v1:first",
  deadline: "2026-12-01T12:00:00.000001+00:00",
  reason: "The parcel never arrived.",
  metadata: { ticket: "T-1" },
  requested_by: "rita",
  external: false,
  policy: "role:manager within 2 days, or it expires",
  needs: 1,
  votes: [],
  edited_by: null,
  claimed_by: null,
  closed_by: null,
  closed_at: null,
  closed_because: null,
};

export const APPROVED: Approval = {
  ...PENDING,
  status: "approved",
  closed_by: "bob",
  closed_at: "2026-11-30T12:00:00+00:00",
};

export class Stream extends EventTarget {
  static readonly CONNECTING = 0;
  static readonly OPEN = 1;
  static readonly CLOSED = 2;
  readyState = Stream.CONNECTING;

  constructor(readonly url: string) {
    super();
    streams.push(this);
  }

  close(): void {
    this.readyState = Stream.CLOSED;
  }

  tell(type: string, readyState: number = Stream.OPEN): void {
    this.readyState = readyState;
    this.dispatchEvent(new Event(type));
  }
}

export const streams: Stream[] = [];

export interface Sent {
  readonly path: string;
  readonly init: RequestInit;
}

/** A server: what `approval` holds is how it stands, `refuses` what a decision is answered. */
export class Server {
  approval: Approval | string = PENDING;
  status = 200;
  refuses: { status: number; detail: string } | null = null;
  away = false;
  private held: Promise<void> = Promise.resolve();
  readonly sent: Sent[] = [];

  constructor() {
    streams.length = 0;
    vi.stubGlobal("EventSource", Stream);
    vi.stubGlobal("fetch", (path: string, init: RequestInit) => this.answer(path, init));
  }

  /** Keep decisions waiting for their answers; gives what lets them go. */
  hold(): () => void {
    let release = (): void => undefined;
    this.held = new Promise((resolve) => (release = resolve));
    return release;
  }

  get decisions(): readonly Sent[] {
    return this.sent.filter((each) => each.init.method === "POST");
  }

  get looks(): number {
    return this.sent.filter((each) => each.path.endsWith("/manager")).length;
  }

  /** The stream that is open. */
  get stream(): Stream {
    const open = streams.filter((each) => each.readyState !== Stream.CLOSED);
    if (open.length !== 1 || open[0] === undefined) throw new Error(`${open.length} streams are open`);
    return open[0];
  }

  private async answer(path: string, init: RequestInit): Promise<Response> {
    this.sent.push({ path, init });
    if (this.away) throw new TypeError("away");
    if (path.endsWith("/api/me")) return json({ name: "ann", csrf_token: "the-token" });
    if (init.method === "POST") {
      await this.held;
      if (this.refuses !== null) return json({ detail: this.refuses.detail }, this.refuses.status);
      this.approval = { ...APPROVED, closed_by: "ann" };
      return json({ status: "approved", decided: true, replayed: false });
    }
    if (this.status !== 200) return json({ detail: "not for you" }, this.status);
    return typeof this.approval === "string" ? new Response(this.approval) : json(this.approval);
  }
}

function json(body: unknown, status = 200): Response {
  return new Response(JSON.stringify(body), { status });
}
