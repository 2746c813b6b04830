import { useId, useRef, useState, type ReactElement } from "react";

import type { Approval, Decision, Result } from "./api";
import type { LiveApproval } from "./useApproval";

interface DecidingProps {
  readonly live: LiveApproval;
  readonly approval: Approval;
  /** Whether what is shown must be looked at again first. */
  readonly barred: boolean;
  /** Called with what came of it, when the buttons may be gone already; and with null when another is on its way. */
  readonly answered: (answer: Result<Decision> | null) => void;
}

/** The two answers. Whether somebody's answer is taken is for the policy to say. */
export function Deciding({ live, approval, barred, answered }: DecidingProps): ReactElement {
  const [reason, setReason] = useState("");
  const busy = useRef(false);
  const field = useId();
  const still = barred || live.deciding;

  const vote = async (cast: () => ReturnType<LiveApproval["approve"]>): Promise<void> => {
    if (busy.current || barred) return;
    busy.current = true;
    answered(null);
    const answer = await cast();
    busy.current = false;
    answered(answer);
  };

  return (
    <section aria-label="Decide">
      <button
        type="button"
        className="yes"
        aria-disabled={still}
        onClick={() => void vote(() => live.approve(approval))}
      >
        Approve as shown
      </button>
      <form
        onSubmit={(event) => {
          event.preventDefault();
          void vote(() => live.reject(approval, reason.trim()));
        }}
      >
        <label htmlFor={field}>Reason, for the requester</label>
        <textarea id={field} rows={2} maxLength={20_000} value={reason} onChange={(e) => setReason(e.target.value)} />
        <button className="no" aria-disabled={still}>
          Reject
        </button>
      </form>
    </section>
  );
}
