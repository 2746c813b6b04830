import type { ReactElement } from "react";

import { useApproval } from "./useApproval";

export function Badge({ runId }: { readonly runId: string }): ReactElement {
  const { approval, problem } = useApproval("/approvals", { runId, key: "manager" });
  if (approval === null) return <span>{problem?.detail ?? "…"}</span>;
  return <span>{approval.status === "pending" ? "waits" : `${approval.status} by ${approval.closed_by}`}</span>;
}
