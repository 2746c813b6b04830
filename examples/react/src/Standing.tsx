import type { ReactElement } from "react";

import type { Approval, Status } from "./api";
import type { Connection } from "./follow";
import { Words } from "./Value";

const SAID: Record<Status, string> = {
  pending: "Waits for a decision",
  approved: "Approved",
  edited: "Edited and approved",
  rejected: "Rejected",
  expired: "Expired: nobody decided in time",
  cancelled: "Withdrawn",
  superseded: "Superseded: it is asked anew",
};

const BY_SOMEBODY = new Set<Status>(["approved", "edited", "rejected", "cancelled"]);

/** How it stands: by when it is decided, who has voted so far, who decided and why. Told to screen readers too. */
export function Standing({ approval, connection }: { approval: Approval; connection: Connection }): ReactElement {
  const waits = approval.status === "pending";
  return (
    <>
      <div role="status">
        <p className={`state ${approval.status}`}>
          {SAID[approval.status]}
          {BY_SOMEBODY.has(approval.status) && approval.closed_by !== null && (
            <>
              {" by "}
              <Words text={approval.closed_by} />
            </>
          )}
          {approval.closed_at !== null && (
            <>
              {", "}
              <Moment at={approval.closed_at} />
            </>
          )}
        </p>
        {approval.closed_because !== null && (
          <p>
            Because: <Words text={approval.closed_because} />
          </p>
        )}
        {waits && approval.claimed_by !== null && (
          <p>
            <Words text={approval.claimed_by} /> has taken it on.
          </p>
        )}
        {waits && connection === "lost" && <p>The connection is lost; this may be out of date.</p>}
      </div>
      {waits && (
        <p>
          {approval.deadline === null ? (
            "No deadline"
          ) : (
            <>
              Decide before <Moment at={approval.deadline} />
            </>
          )}
          . <Words text={approval.policy} />.
        </p>
      )}
      <Votes approval={approval} />
    </>
  );
}

function Votes({ approval }: { approval: Approval }): ReactElement | null {
  if (approval.votes.length === 0) return null;
  const counted = approval.votes.filter((vote) => vote.approves && vote.revision === approval.revision).length;
  return (
    <>
      {approval.needs > 1 && (
        <p>
          {counted} of {approval.needs} have said yes.
        </p>
      )}
      <ul aria-label="Votes">
        {approval.votes.map((vote) => (
          <li key={`${vote.by} ${vote.revision} ${vote.at}`}>
            <Words text={vote.by} />: {vote.approves ? "yes" : "no"}
            {vote.revision !== approval.revision && `, on revision ${vote.revision}`}
            {vote.reason !== null && (
              <>
                {", "}
                <Words text={vote.reason} />
              </>
            )}
          </li>
        ))}
      </ul>
    </>
  );
}

function Moment({ at }: { at: string }): ReactElement {
  const told = new Date(at).toLocaleString(undefined, { dateStyle: "medium", timeStyle: "long" });
  return <time dateTime={at}>{told}</time>;
}
