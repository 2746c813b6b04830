"""Where each store checks what a commit is conditional on, and what it would let by if it did not.

A cut takes one condition out of a store's own text: its SQL, its Lua or its Python.
"""

from __future__ import annotations

from collections.abc import Mapping

from attrs import frozen

__all__ = ["MEMORY", "POSTGRES", "REDIS", "SQLITE", "Cut"]


@frozen
class Cut:
    """Text of a store that gives way to other text, and the names of the commits that are then no longer refused."""

    found: str
    put: str
    lets_by: frozenset[str]

    def made(self, text: str) -> str:
        """Give a text with the cut in it."""
        return text.replace(self.found, self.put)


def beside(*names: str) -> frozenset[str]:
    """Name commits about what stands beside a run's row, with a run and without."""
    return frozenset(names) | {f"{name}-alone" for name in names}


_RUN_EXISTS = frozenset({"run-exists"})
_RUN_SWAPPED = frozenset({"run-behind", "run-missing"})
_HELD = frozenset({"hold-behind", "hold-renewing"})
_NOTHING_HELD = frozenset({"hold-nothing"})
_NOT_HELD = _NOTHING_HELD | {"hold-missing", "hold-renewing-missing"}
_RUN_PUT = _RUN_EXISTS | _RUN_SWAPPED
_RENEWED = frozenset({"hold-renewing", "hold-renewing-missing"})
_FORGOTTEN = frozenset({"forgotten-behind", "forgotten-missing", "forgotten-exists"})
_STEP = beside("step-exists") | {"step-twice"}
_APPROVAL_EXISTS, _APPROVAL_BEHIND = beside("approval-exists"), beside("approval-behind")
_APPROVAL_SWAPPED = _APPROVAL_BEHIND | beside("approval-missing")
_NOTICE_EXISTS, _NOTICE_BEHIND = beside("notice-exists"), beside("notice-behind")
_NOTICE_SWAPPED = _NOTICE_BEHIND | beside("notice-missing")
_ENTRY = beside("entry-exists") | {"entry-twice"}
_OTHER_HASH = beside("redacted-other-hash")
_REDACTED = beside("redacted-missing") | _OTHER_HASH

MEMORY: Mapping[str, Cut] = {
    "a run": Cut("kept.run.version if kept.run else 0", "row.version - 1", _RUN_PUT),
    "a hold": Cut("run.version, hold.version", "0, 0", _HELD),
    "what is forgotten": Cut("run.version if run else 0", "hold.version", _FORGOTTEN),
    "a step": Cut("if row.key in steps:", "if False:", _STEP),
    "an approval": Cut(
        'f"approval {row.key!r}", found.version if found else 0',
        '"", row.version - 1',
        _APPROVAL_EXISTS | _APPROVAL_SWAPPED,
    ),
    "a notice": Cut(
        'f"notice {row.key!r}", found.version if found else 0', '"", row.version - 1', _NOTICE_EXISTS | _NOTICE_SWAPPED
    ),
    "an entry": Cut("if entry.seq in entries:", "if False:", _ENTRY),
    "a redaction": Cut("if entry.seq not in entries or entries[entry.seq].hash != entry.hash:", "if False:", _REDACTED),
}

SQLITE: Mapping[str, Cut] = {
    "a new run": Cut("WHERE version IS NULL", "WHERE true", _RUN_EXISTS),
    "a run": Cut("lane = ? AND run_id = ? AND version = ?", "lane = ? AND run_id = ? AND ?", _RUN_SWAPPED),
    "a run that moves": Cut(
        "lane = ?\nWHERE run_id = ? AND version = ?", "lane = ?\nWHERE run_id = ? AND ?", _RUN_SWAPPED
    ),
    "whether a run was put": Cut("if db.rowcount != 1:\n        raise _mis", "if None:\n        raise _mis", _RUN_PUT),
    "a renewing hold": Cut(
        "due_at = ? WHERE run_id = ? AND version = ?", "due_at = ? WHERE run_id = ? AND ?", _RENEWED
    ),
    "a hold": Cut("version == 0 or version != hold.version:", "version == 0:", _HELD),
    "a hold of nothing": Cut("version == 0 or version != hold.version:", "version != hold.version:", _NOTHING_HELD),
    "what is forgotten": Cut("    if version != hold.version:", "    if None:", _FORGOTTEN),
    "a step": Cut("if not _added(db, _ADD_STEP", "if None is _added(db, _ADD_STEP", _STEP),
    "a new approval": Cut("values, row.run_id) if row", "values, row.run_id) is not None if row", _APPROVAL_EXISTS),
    "an approval": Cut("AND version = ? AND crowd = 0", "AND ? AND crowd = 0", _APPROVAL_BEHIND),
    "whether an approval was swapped": Cut(
        "values)\n    return db.rowcount == 1", "values)\n    return True", _APPROVAL_SWAPPED
    ),
    "a new notice": Cut("values, row.run_id)\n    else", "values, row.run_id) is not None\n    else", _NOTICE_EXISTS),
    "a notice": Cut('AND version = ?"""\n_NOTICE', 'AND ?"""\n_NOTICE', _NOTICE_BEHIND),
    "whether a notice was swapped": Cut("put = db.rowcount == 1", "put = True", _NOTICE_SWAPPED),
    "an entry": Cut("if not _added(db, _ADD_ENTRY", "if None is _added(db, _ADD_ENTRY", _ENTRY),
    "the hash of what is redacted": Cut("AND hash = ?", "AND ? IS NOT NULL", _OTHER_HASH),
    "what is redacted": Cut("if db.rowcount != 1:\n        raise Ref", "if None:\n        raise Ref", _REDACTED),
}

_ADDED = "IF added <> json_array_length(new) THEN\n        PERFORM {schema}.refuse"
_SWAPPED = "IF swapped <> json_array_length(new) THEN\n        PERFORM {schema}.refuse"
_NEVER = "IF false THEN\n        PERFORM {schema}.refuse"

POSTGRES: Mapping[str, Cut] = {
    "a new run": Cut("WHERE r.version IS NULL", "WHERE true", _RUN_EXISTS),
    "a run": Cut(" AND r.version = new_version - 1", "", _RUN_SWAPPED),
    "whether a run was put": Cut("IF its_number IS NULL THEN\n", "IF false THEN\n", _RUN_PUT),
    "a hold": Cut("IF found_version IS DISTINCT FROM held", "IF found_version IS NULL", _HELD),
    "a hold of nothing": Cut("IF found_version IS DISTINCT FROM held", "IF found_version <> held", _NOT_HELD),
    "what is forgotten": Cut("IF coalesce(found_version, 0) <> held", "IF false", _FORGOTTEN),
    "a step": Cut(f"{_ADDED}('step'", f"{_NEVER}('step'", _STEP),
    "a new approval": Cut(f"{_ADDED}('approval'", f"{_NEVER}('approval'", _APPROVAL_EXISTS),
    "an approval": Cut(" AND p.version = a.v - 1\n", "\n", _APPROVAL_BEHIND),
    "an approval for several": Cut(" AND p.version = a.v - 1;", ";", _APPROVAL_BEHIND),
    "whether an approval was swapped": Cut(f"{_SWAPPED}('approval'", f"{_NEVER}('approval'", _APPROVAL_SWAPPED),
    "a new notice": Cut(f"{_ADDED}('notice'", f"{_NEVER}('notice'", _NOTICE_EXISTS),
    "a notice": Cut(" AND p.version = n.v - 1;", ";", _NOTICE_BEHIND),
    "whether a notice was swapped": Cut(f"{_SWAPPED}('notice'", f"{_NEVER}('notice'", _NOTICE_SWAPPED),
    "an entry": Cut(f"{_ADDED}('entry'", f"{_NEVER}('entry'", _ENTRY),
    "the hash of what is redacted": Cut(" AND e.hash = decode(r.h, 'hex')", "", _OTHER_HASH),
    "what is redacted": Cut("IF NOT FOUND THEN\n            PERFORM", "IF false THEN\n            PERFORM", _REDACTED),
}

REDIS: Mapping[str, Cut] = {
    "a run": Cut(
        "if version ~= ARGV[at] then\n        return { 'run'", "if false then\n        return { 'run'", _RUN_PUT
    ),
    "a hold": Cut("if not run or version ~= ARGV[at] then", "if not run then", _HELD),
    "a hold of nothing": Cut("if not run or version ~= ARGV[at] then", "if version ~= ARGV[at] then", _NOTHING_HELD),
    "a step": Cut("if now[field] then\n        return { 'step'", "if false then\n        return { 'step'", _STEP),
    "an approval": Cut(
        "if version ~= ARGV[at + 1] then\n        return { 'approval'",
        "if false then\n        return { 'approval'",
        _APPROVAL_EXISTS | _APPROVAL_SWAPPED,
    ),
    "a notice": Cut(
        "if version ~= ARGV[at + 1] then\n        return { 'notice'",
        "if false then\n        return { 'notice'",
        _NOTICE_EXISTS | _NOTICE_SWAPPED,
    ),
    "an entry": Cut("if now[field] then\n        return { 'entry'", "if false then\n        return { 'entry'", _ENTRY),
    "the hash of what is redacted": Cut(
        "if not stands or entry_hash(stands) ~= entry_hash(ARGV[at + 1])", "if not stands", _OTHER_HASH
    ),
    "what is redacted": Cut("if not stands or entry_hash(stands) ~= entry_hash(ARGV[at + 1])", "if false", _REDACTED),
    "what is forgotten": Cut("if version ~= ARGV[forgotten_at + i]", "if false", _FORGOTTEN),
}
