import { useId, useRef, useState, type ReactElement } from "react";

import type { Approval, Decision, Json, Problem, Result } from "./api";
import { Deciding } from "./Deciding";
import { Standing } from "./Standing";
import { useApproval, type ApprovalId } from "./useApproval";
import { Value, Words } from "./Value";

export interface ApprovalCardProps {
  /** Where `web_app` is mounted, on the same origin as this page: "/approvals". */
  readonly url: string;
  readonly id: ApprovalId;
}

/** One approval: what would be done, by when, who decided; kept up to date, and decided here. */
export function ApprovalCard({ url, id }: ApprovalCardProps): ReactElement {
  return <Card key={JSON.stringify([url, id.runId, id.key])} url={url} id={id} />;
}

function Card({ url, id }: ApprovalCardProps): ReactElement {
  const live = useApproval(url, id);
  const heading = useId();
  const standing = useRef<HTMLDivElement>(null);
  const [read, setRead] = useState<string | null>(null);
  const [refusal, setRefusal] = useState<Problem | null>(null);
  const { approval } = live;

  const answered = (answer: Result<Decision> | null): void => {
    setRefusal(answer === null || answer.ok ? null : answer.problem);
    if (answer?.ok === true) standing.current?.focus(); // the button that had it may be gone
  };

  if (approval === null) {
    return (
      <article className="approval" aria-busy={live.problem === null}>
        {live.problem === null ? <p role="status">Looking at what waits …</p> : <Trouble live={live} />}
      </article>
    );
  }
  // What is decided must have been read: content that changed under somebody's hands asks to be looked at again.
  const content = `${approval.revision} ${approval.digest}`;
  if (read === null) setRead(content);
  const changed = read !== null && read !== content;
  const waits = approval.status === "pending";

  return (
    <article
      className="approval"
      aria-labelledby={heading}
      aria-busy={live.deciding}
      data-connection={live.connection}
    >
      <h2 id={heading}>
        <Words text={approval.summary} />
      </h2>
      <div ref={standing} tabIndex={-1} className="standing">
        <Standing approval={approval} connection={live.connection} />
      </div>
      {live.problem !== null && <Trouble live={live} />}
      {refusal !== null && (
        <p role="alert" className="trouble">
          Not taken: <Words text={refusal.detail} />
        </p>
      )}
      <Content approval={approval} />
      <Claim approval={approval} />
      {waits && approval.external && <p>This is decided in the system that keeps it, not here.</p>}
      {waits && !approval.external && changed && (
        <section className="changed" role="status">
          <p>This has changed since you first saw it. Look at it again before you decide.</p>
          <button type="button" onClick={() => setRead(content)}>
            I have looked at it
          </button>
        </section>
      )}
      {waits && !approval.external && (
        <Deciding live={live} approval={approval} barred={changed} answered={answered} />
      )}
    </article>
  );
}

function Trouble({ live }: { readonly live: ReturnType<typeof useApproval> }): ReactElement {
  return (
    <div role="alert" className="trouble">
      <p>
        <Words text={live.problem?.detail ?? ""} />
      </p>
      <button type="button" onClick={() => void live.look()}>
        Look again
      </button>
    </div>
  );
}

function Content({ approval }: { readonly approval: Approval }): ReactElement {
  return (
    <section>
      <h3>{approval.status === "pending" ? "What waits" : "What was asked"}</h3>
      <Value value={approval.arguments} />
      {approval.edited_by !== null && (
        <details>
          <summary>
            Changed by <Words text={approval.edited_by} />; as it was first proposed
          </summary>
          <Value value={approval.original} />
        </details>
      )}
    </section>
  );
}

function Claim({ approval }: { readonly approval: Approval }): ReactElement | null {
  const said: readonly (readonly [string, Json])[] = [
    ...(approval.reason === null ? [] : [["reason", approval.reason] as const]),
    ...(isObject(approval.metadata) ? Object.entries(approval.metadata) : []),
  ];
  if (said.length === 0) return null;
  return (
    <section className="claim">
      <h3>
        In the words of <Words text={approval.requested_by ?? "whoever asks"} />
      </h3>
      <p className="quiet">A claim of the requester’s. What would be done stands above.</p>
      <dl>
        {said.map(([name, each], place) => (
          <div key={place}>
            <dt>
              <Words text={name} />
            </dt>
            <dd>
              <Value value={each} />
            </dd>
          </div>
        ))}
      </dl>
    </section>
  );
}

function isObject(value: Json): value is { readonly [name: string]: Json } {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
