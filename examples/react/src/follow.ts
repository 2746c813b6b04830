import { fetchApproval, type Approval, type Place, type Result } from "./api";

/** `closed`: it is not followed any more, for it is decided, or not for this person to see. */
export type Connection = "connecting" | "live" | "lost" | "closed";

export interface News {
  readonly connection?: Connection;
  readonly answer?: Result<Approval>;
}

export interface Following {
  /** Ask how it stands now, and begin again where it was given up. */
  readonly look: () => Promise<void>;
  readonly stop: () => void;
}

const FIRST_WAIT = 1_000;
const LONGEST_WAIT = 30_000;
const FOR_GOOD = new Set([401, 403, 404]);

/**
 * Tell how an approval stands, now and whenever it changes.
 *
 * The stream says only that something has changed, and then it is asked for. A browser opens a stream that breaks by
 * itself, but gives up where it is refused, as during a deploy: then both are tried again, ever more seldom. A page
 * that nobody looks at gives its stream back.
 */
export function follow(place: Place, tell: (news: News) => void): Following {
  const ending = new AbortController();
  let source: EventSource | null = null;
  let timer: ReturnType<typeof setTimeout> | undefined;
  let wait = FIRST_WAIT;
  let changed = false;
  let asking: Promise<void> | null = null;

  const rest = (): void => {
    clearTimeout(timer);
    source?.close();
    source = null;
  };

  const ask = (): Promise<void> => {
    changed = true;
    asking ??= asked().finally(() => (asking = null));
    return asking;
  };

  const asked = async (): Promise<void> => {
    while (changed && !ending.signal.aborted) {
      changed = false;
      const answer = await fetchApproval(place, ending.signal);
      if (ending.signal.aborted) return;
      tell({ answer });
      if (answer.ok ? answer.value.status !== "pending" : FOR_GOOD.has(answer.problem.status)) {
        rest();
        tell({ connection: "closed" });
      }
    }
  };

  const listen = (): void => {
    if (source !== null || document.hidden) return;
    const opened = new EventSource(place.stream);
    source = opened;
    opened.addEventListener("open", () => {
      wait = FIRST_WAIT;
      tell({ connection: "live" });
    });
    opened.addEventListener("here", () => void ask());
    opened.addEventListener("changed", () => void ask());
    opened.addEventListener("error", () => {
      if (source !== opened) return;
      tell({ connection: "lost" });
      if (opened.readyState !== EventSource.CLOSED) return;
      rest();
      timer = setTimeout(begin, wait);
      wait = Math.min(2 * wait, LONGEST_WAIT);
    });
  };

  const begin = (): Promise<void> => {
    listen();
    return ask();
  };

  const shownOrHidden = (): void => {
    if (document.hidden) rest();
    else void begin();
  };

  document.addEventListener("visibilitychange", shownOrHidden);
  void begin();
  return {
    look: begin,
    stop: () => {
      ending.abort();
      rest();
      document.removeEventListener("visibilitychange", shownOrHidden);
    },
  };
}
