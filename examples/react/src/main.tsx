import { StrictMode } from "react";
import { createRoot } from "react-dom/client";

import { ApprovalCard } from "./ApprovalCard";
import "./card.css";

const root = document.getElementById("root");
const asked = new URLSearchParams(location.search);
const runId = asked.get("run");
const key = asked.get("key");

if (root !== null) {
  createRoot(root).render(
    <StrictMode>
      <h1>An approval</h1>
      {runId === null || key === null ? (
        <p>Which one? Add ?run=RUN&amp;key=KEY to the address.</p>
      ) : (
        <ApprovalCard url="/approvals" id={{ runId, key }} />
      )}
    </StrictMode>,
  );
}
