import type { ReactElement } from "react";

import type { Json } from "./api";
import { visible } from "./visible";

/** Draw any JSON value, whole: what is shown is what would be executed. */
export function Value({ value }: { readonly value: Json }): ReactElement {
  if (value === null) return <span className="quiet">nothing</span>;
  if (typeof value === "string") return value === "" ? <span className="quiet">no text</span> : <Words text={value} />;
  if (typeof value !== "object") return <span>{String(value)}</span>;
  if (isList(value)) {
    if (value.length === 0) return <span className="quiet">an empty list</span>;
    return (
      <ol>
        {value.map((each, place) => (
          <li key={place}>
            <Value value={each} />
          </li>
        ))}
      </ol>
    );
  }
  const members = Object.entries(value);
  if (members.length === 0) return <span className="quiet">an empty object</span>;
  return (
    <dl>
      {members.map(([name, each]) => (
        <div key={name}>
          <dt>{name === "$type" ? "type" : visible(name)}</dt>
          <dd>
            <Value value={each} />
          </dd>
        </div>
      ))}
    </dl>
  );
}

/** A text that comes from anywhere. */
export function Words({ text }: { readonly text: string }): ReactElement {
  return (
    <bdi className="words" dir="auto">
      {visible(text)}
    </bdi>
  );
}

function isList(value: Json): value is readonly Json[] {
  return Array.isArray(value);
}
