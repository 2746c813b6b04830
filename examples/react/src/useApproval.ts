import { useCallback, useEffect, useMemo, useRef, useState } from "react";

import { decide, placeOf, type Approval, type Decision, type Place, type Problem, type Result, type Shown } from "./api";
import { follow, type Connection, type Following } from "./follow";

export interface ApprovalId {
  readonly runId: string;
  readonly key: string;
}

export interface LiveApproval {
  /** As it was last seen; null until then. */
  readonly approval: Approval | null;
  readonly connection: Connection;
  /** Why it could not be asked for; null where it could. */
  readonly problem: Problem | null;
  /** Whether a decision is on its way. */
  readonly deciding: boolean;
  /** Vote on what was shown. A refusal is no exception: it says in words what was not taken. */
  readonly approve: (shown: Shown) => Promise<Result<Decision>>;
  readonly reject: (shown: Shown, reason?: string) => Promise<Result<Decision>>;
  /** Ask again, also where it was given up. */
  readonly look: () => Promise<void>;
}

interface State {
  readonly place: Place;
  readonly approval: Approval | null;
  readonly connection: Connection;
  readonly problem: Problem | null;
  readonly deciding: boolean;
}

function beginning(place: Place): State {
  return { place, approval: null, connection: "connecting", problem: null, deciding: false };
}

/** Follow one approval below the address at which awaitly's web application is mounted. */
export function useApproval(url: string, id: ApprovalId): LiveApproval {
  const { runId, key } = id;
  const place = useMemo(() => placeOf(url, runId, key), [url, runId, key]);
  const [kept, setKept] = useState<State>(() => beginning(place));
  const following = useRef<{ readonly place: Place; readonly by: Following } | null>(null);

  // What comes late, for a place that is not asked about any more, changes nothing.
  const change = useCallback(
    (part: Partial<State>) => {
      if (following.current !== null && following.current.place !== place) return;
      setKept((last) => ({ ...(last.place === place ? last : beginning(place)), ...part }));
    },
    [place],
  );

  useEffect(() => {
    const started = follow(place, ({ answer, connection }) => {
      if (connection !== undefined) change({ connection });
      if (answer !== undefined) change(answer.ok ? { approval: answer.value, problem: null } : { problem: answer.problem });
    });
    following.current = { place, by: started };
    return () => started.stop();
  }, [place, change]);

  const look = useCallback(async () => following.current?.by.look(), []);

  const vote = useCallback(
    async (verb: "approve" | "reject", shown: Shown, reason?: string) => {
      change({ deciding: true });
      const taken = await decide(place, verb, shown, reason);
      await look();
      change({ deciding: false });
      return taken;
    },
    [place, change, look],
  );
  const approve = useCallback((shown: Shown) => vote("approve", shown), [vote]);
  const reject = useCallback((shown: Shown, reason?: string) => vote("reject", shown, reason), [vote]);

  const { approval, connection, problem, deciding } = kept.place === place ? kept : beginning(place);
  return { approval, connection, problem, deciding, approve, reject, look };
}
