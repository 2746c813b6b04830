// Keeps pages up to date and brings shortcuts. Every page works without it.
"use strict";

(() => {
  const note = document.getElementById("live-note");
  let dirty = false;
  let source = null;
  let last = null;

  const say = (text, href) => {
    note.replaceChildren(text);
    if (href) {
      const link = document.createElement("a");
      link.href = href;
      link.textContent = "Look again";
      note.append(" ", link);
    }
    note.hidden = !text;
  };

  // What somebody is filling in is never replaced under their hands.
  const isBusy = (part) => dirty && part.querySelector("form") !== null && part.id !== "said";

  const renew = async () => {
    const address = location.pathname + location.search;
    const answer = await fetch(address, { headers: { accept: "text/html" }, credentials: "same-origin" });
    const fresh = new DOMParser().parseFromString(await answer.text(), "text/html");
    if (!fresh.querySelector("[data-part]")) {
      say("This has changed.", address);
      return;
    }
    let held = false;
    for (const part of document.querySelectorAll("[data-part]")) {
      const now = fresh.getElementById(part.id);
      if (!now) {
        part.remove();
      } else if (part.innerHTML !== now.innerHTML) {
        if (isBusy(part)) {
          held = true;
          continue;
        }
        const open = [...part.querySelectorAll("details[open][id]")].map((each) => each.id);
        const focused = part.contains(document.activeElement) ? document.activeElement.id : "";
        part.replaceChildren(...document.importNode(now, true).childNodes);
        open.forEach((id) => document.getElementById(id)?.setAttribute("open", ""));
        if (focused) document.getElementById(focused)?.focus();
      }
    }
    if (held) say("This has changed while you were writing.", address);
    else if (!dirty) say("");
    document.body.dataset.renewed = String(Number(document.body.dataset.renewed || 0) + 1);
  };

  let renewing = null;
  let again = false;
  const changed = async () => {
    if (renewing) {
      again = true;
      return;
    }
    renewing = renew().catch(() => say("This page could not be brought up to date.", location.href));
    await renewing;
    renewing = null;
    if (again) {
      again = false;
      await changed();
    }
  };

  const listen = () => {
    const address = document.body.dataset.live;
    if (!address || source || !window.EventSource) return;
    const url = new URL(address, location.href);
    if (last) url.searchParams.set("seen", last);
    source = new EventSource(url);
    source.addEventListener("open", () => document.body.setAttribute("data-listening", ""));
    source.addEventListener("here", (event) => { last = event.lastEventId; });
    source.addEventListener("changed", (event) => { last = event.lastEventId; changed(); });
  };

  const rest = () => {
    source?.close();
    source = null;
    document.body.removeAttribute("data-listening");
  };

  // A page that nobody looks at gives its stream back: browsers open few at a time.
  document.addEventListener("visibilitychange", () => (document.hidden ? rest() : listen()));
  window.addEventListener("pagehide", rest);
  window.addEventListener("pageshow", () => { if (!document.hidden) listen(); });

  document.addEventListener("input", (event) => {
    if (event.target.closest(".filter")) return;
    dirty = true;
    const count = document.querySelectorAll("[name=item]:checked").length;
    const chosen = document.getElementById("chosen");
    if (chosen) {
      chosen.textContent = count ? `${count} chosen` : "Choose some to decide them together.";
      dirty = count > 0;
    }
  });
  document.addEventListener("submit", () => { dirty = false; });

  // That somebody has seen it is told by this alone: a page's own loading writes nothing.
  const seen = document.getElementById("seen");
  if (seen && !document.hidden) {
    fetch(seen.action, { method: "POST", body: new URLSearchParams(new FormData(seen)), credentials: "same-origin" }).catch(() => {});
  }

  const rows = () => [...document.querySelectorAll("[data-row]")];
  const step = (by) => {
    const all = rows();
    const at = all.findIndex((row) => row.contains(document.activeElement));
    const next = all[Math.min(all.length - 1, Math.max(0, at < 0 ? 0 : at + by))];
    next?.querySelector("a.card-title")?.focus();
  };
  const reach = (id) => {
    const place = document.getElementById(id);
    if (!place) return;
    for (let up = place; up; up = up.parentElement) if (up.tagName === "DETAILS") up.open = true;
    (place.matches("button") ? place : place.querySelector("input:not([type=hidden]), textarea, select, button"))?.focus();
  };
  const keys = {
    j: () => step(1),
    k: () => step(-1),
    x: () => rows().find((row) => row.contains(document.activeElement))?.querySelector("[type=checkbox]")?.click(),
    a: () => reach("approve"),
    e: () => reach("edit"),
    r: () => reach("reject"),
    c: () => reach("comment"),
    g: () => document.querySelector(".brand")?.click(),
    "?": () => { const list = document.querySelector(".keys"); list.open = true; list.querySelector("summary").focus(); },
  };
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.target.closest("input:not([type=checkbox]), textarea, select")) return;
    const key = keys[event.key];
    if (key) {
      event.preventDefault();
      key();
    }
  });

  if (!document.hidden) listen();
})();
