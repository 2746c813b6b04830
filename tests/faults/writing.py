"""A lint over sources: every place that writes to a store, and whether it stands between two failpoints.

A test makes things go wrong at `FailingStore`, which stands around a store as it is handed to awaitly. So a write is
between two failpoints where it is

* a call of the store Protocol's writing method, on a store that was handed in, with changes that name their move: the
  wrapper is what is called;
* a statement or a script of an adapter that only those methods of its store come to around which the wrapper stands.

Sources are read, never imported. Who may come to what is told by names, so it is rather too much than too little.
"""

from __future__ import annotations

import ast
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cache
from pathlib import Path, PurePosixPath
from typing import TypeAlias

from attrs import define, frozen

__all__ = ["Sources", "Write", "here", "unguarded", "writes"]

Sources: TypeAlias = Mapping[str, str]
"""Texts of files, by their paths from the root of the repository on."""
_Texts: TypeAlias = tuple[tuple[str, str], ...]
_Function: TypeAlias = ast.FunctionDef | ast.AsyncFunctionDef

ROOT = Path(__file__).parents[2]
PROTOCOL, WRAPPER, GUARD = "awaitly/storage/store.py", "awaitly/runs/wrapping.py", "awaitly/testing/failpoints.py"
STORES = ("awaitly_sqlite", "awaitly_postgres", "awaitly_redis", "awaitly_split")
_SCHEMA = "/schema/"
_SELF = ("awaitly/testing/",)
"""Tools for tests, which write as the tests tell them."""

_SQL = re.compile(
    r"\b(INSERT\s+INTO|REPLACE\s+INTO|DELETE\s+FROM|UPDATE\s+[\w{}.\"]+(\s+AS)?(\s+\w+)?\s+SET|MERGE\s+INTO|TRUNCATE\s|VACUUM"
    r"|(CREATE(\s+OR\s+REPLACE)?|DROP|ALTER)(\s+UNIQUE)?\s+(TABLE|INDEX|SCHEMA|FUNCTION|VIEW|TYPE|TRIGGER|SEQUENCE))\b",
    re.IGNORECASE,
)
_MADE = re.compile(r"CREATE\s+(?:OR\s+REPLACE\s+)?FUNCTION\s+\{schema\}\.(\w+)", re.IGNORECASE)
_LUA = re.compile(r"['\"]([A-Z]{2,})['\"]")
_REDIS_READS = {
    *("TIME", "TYPE", "EXISTS", "GET", "HGET", "HGETALL", "HMGET", "HKEYS", "ZSCORE", "ZCOUNT", "ZLEXCOUNT", "ZRANGE"),
    *("ZRANGEBYLEX", "ZRANGEBYSCORE", "ZREVRANGEBYLEX", "EX", "LIMIT"),
}
"""Commands that change nothing, and words that stand behind one; whatever else is in capitals counts as a write."""
_REDIS_WRITES = {
    *(
        "SET",
        "MSET",
        "DEL",
        "UNLINK",
        "EXPIRE",
        "PERSIST",
        "RENAME",
        "HSET",
        "HSETNX",
        "HDEL",
        "HINCRBY",
        "ZADD",
        "ZREM",
    ),
    *("INCR", "DECR", "APPEND", "SADD", "SREM", "LPUSH", "RPUSH", "XADD", "COPY", "RESTORE", "GETDEL", "EVAL"),
    *("PUBLISH", "FLUSHDB", "FLUSHALL"),
}
"""Commands that write, where code sends one without a script."""
_TEXTS = frozenset({"migrations", "schema"})
"""Methods that give a store's statements as text, and do nothing with them."""
_NOBODY, _ANYBODY = "nobody that was found", "whoever asks"


@frozen
class Write:
    """A place that writes: where it stands, and what it says; `doors` are those methods that come to it."""

    path: str
    line: int
    what: str
    doors: frozenset[str] = frozenset()

    def __str__(self) -> str:
        doors = f", by {', '.join(sorted(self.doors))}" if self.doors else ""
        return f"{self.path}:{self.line} {self.what}{doors}"


@cache
def here() -> Sources:
    """Read the package and the adapters as they stand in this checkout."""
    files = [file for folder in ("awaitly", "adapters") for file in (ROOT / folder).rglob("*")]
    texts = [file for file in files if file.suffix in (".py", ".sql", ".lua")]
    return {file.relative_to(ROOT).as_posix(): file.read_text("utf-8") for file in sorted(texts)}


def writes(sources: Sources) -> list[Write]:
    """Name all places that write to a store."""
    return [*_commits(sources), *(write for package in STORES for write in _statements(_part(sources, package)))]


def unguarded(sources: Sources) -> list[str]:
    """Say of each place that writes past the failpoints where it is, and how."""
    doors = _guarded(sources)
    known = doors | {"migrate"} | _wrapped(sources)  # what `migrate` does is what `open` does, with nothing else
    protocol = [f"no failpoint stands around Store.{name}" for name in _writing(sources) - doors]
    calls = [f"{write}: not on a store that was handed in" for write in _commits(sources) if write.doors]
    moves = [f"{path}:{line} changes without a move of their own" for path, line in _nameless(sources)]
    past = [
        f"{write}: past the failpoints"
        for package in STORES
        for write in _statements(_part(sources, package))
        if not write.doors <= known
    ]
    return [*protocol, *calls, *moves, *past]


# The Protocol, and what stands around it


def _writing(sources: Sources) -> set[str]:
    """Name the methods of the Protocol that are no reads: the wrapper has one place around all of those."""
    stores = {"Store", "ApprovalStore", "WorkflowStateStore"}
    protocol = {name for kind in _classes(sources[PROTOCOL]) if kind.name in stores for name in _methods(kind)}
    (wrapper,) = _classes(sources[WRAPPER])
    reads = {name for name, method in _methods(wrapper).items() if "reading" in _names(method)}
    return protocol - reads - {"close"}


def _guarded(sources: Sources) -> set[str]:
    """Name the methods around which the wrapper for tests comes to a failpoint on either side."""
    (wrapper,) = [kind for kind in _classes(sources[GUARD]) if kind.name == "FailingStore"]
    return {name for name, method in _methods(wrapper).items() if _sides(method) == ["before", "within", "after"]}


def _wrapped(sources: Sources) -> set[str]:
    """Name the methods that give another store, with the same wrapper around that one."""
    (wrapper,) = [kind for kind in _classes(sources[GUARD]) if kind.name == "FailingStore"]
    given = {name: [ast.unparse(node) for node in method.body] for name, method in _methods(wrapper).items()}
    return {name for name, lines in given.items() if lines[-1].startswith(f"return {wrapper.name}(")}


def _sides(method: _Function) -> list[str]:
    """Say in which order a method comes to failpoints and to what it wraps."""
    awaited = [ast.unparse(node) for statement in method.body for node in ast.walk(statement) if _is_await(node)]
    sides = ((".before", "before"), (".after", "after"), (f"super().{method.name}(", "within"))
    return [side for text in awaited for mark, side in sides if mark in text]


def _is_await(node: ast.AST) -> bool:
    return isinstance(node, ast.Await)


# Calls of the Protocol's writing method


def _commits(sources: Sources) -> Iterator[Write]:
    """Find the calls of `commit`; one on anything but a store that was handed in names what it is called on."""
    for path, text in sources.items():
        if not path.endswith(".py") or path.startswith(_SELF) or path == WRAPPER or ".commit(" not in text:
            continue
        handed = _handed(_package_of(sources, _package(path)))
        for within, call in _calls_of_commit(_parsed(text)):
            on = ast.unparse(call.func.value) if isinstance(call.func, ast.Attribute) else ""
            is_handed = on in handed or (on in _stores_among(within) and "." not in on) or _hands_on(on, path)
            yield Write(path, call.lineno, f"{on}.commit", frozenset() if is_handed else frozenset({on}))


def _calls_of_commit(
    tree: ast.AST, within: tuple[_Function, ...] = ()
) -> Iterator[tuple[tuple[_Function, ...], ast.Call]]:
    for node in ast.iter_child_nodes(tree):
        inner = (*within, node) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) else within
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "commit":
            yield inner, node
        yield from _calls_of_commit(node, inner)


def _package_of(sources: Sources, package: str) -> _Texts:
    """Give the sources of a package that say anything of stores."""
    mine = ((path, text) for path, text in sources.items() if path.endswith(".py") and _package(path) == package)
    return tuple((path, text) for path, text in mine if "Store" in text and not path.startswith(_SELF))


@cache
def _handed(texts: _Texts) -> set[str]:
    """Name the attributes that only ever hold a store which was handed in, in all classes of a package."""
    held: defaultdict[str, set[bool]] = defaultdict(set)
    for _, text in texts:
        for attribute, is_store in _attributes(_parsed(text)):
            held[attribute].add(is_store)
    return {f"self.{attribute}" for attribute, kinds in held.items() if kinds == {True}}


def _attributes(tree: ast.AST) -> Iterator[tuple[str, bool]]:
    """Give each attribute that is set or declared, and whether it holds a store that was handed in."""
    for kind in ast.walk(tree):
        if not isinstance(kind, ast.ClassDef):
            continue
        for field in kind.body:
            if isinstance(field, ast.AnnAssign) and isinstance(field.target, ast.Name):
                yield field.target.id, ast.unparse(field.annotation) == "Store"
        for method in _methods(kind).values():
            stores = _stores_among((method,))
            for node in ast.walk(method):
                match node:
                    case ast.Assign(targets=[ast.Attribute(value=ast.Name(id="self"), attr=attr)], value=value):
                        yield attr, ast.unparse(value) in stores
                    case _:
                        pass


def _stores_among(functions: Iterable[_Function]) -> set[str]:
    """Name the parameters, and what was made of them, that are stores."""
    stores: set[str] = set()
    for function in functions:
        given = [*function.args.posonlyargs, *function.args.args, *function.args.kwonlyargs]
        stores |= {each.arg for each in given if each.annotation and ast.unparse(each.annotation) == "Store"}
        for node in ast.walk(function):
            if isinstance(node, ast.Assign) and _gives_store(node.value, stores):
                stores |= {ast.unparse(target) for target in node.targets}
    return stores


def _gives_store(value: ast.expr, stores: set[str]) -> bool:
    """Whether an expression is the store that was handed in, or that store within a caller's transaction."""
    if isinstance(value, ast.IfExp):
        return _gives_store(value.body, stores) and _gives_store(value.orelse, stores)
    if isinstance(value, ast.Call) and ast.unparse(value.func) == "joined":
        return True
    return ast.unparse(value) in stores | {"self._store"}


def _hands_on(on: str, path: str) -> bool:
    """Whether a store hands its commit on: to the store that it wraps, or to the part of an adapter that writes."""
    return on == "super()" or (path.startswith(tuple(f"adapters/{each}/" for each in STORES)) and _is_part(on))


def _is_part(on: str) -> bool:
    return on in {"self._committer", "self._transaction"}


def _nameless(sources: Sources) -> Iterator[tuple[str, int]]:
    """Find changes whose move is neither one of the enumeration nor handed on."""
    for path, text in sources.items():
        if path.endswith(".py") and not path.startswith(_SELF) and "Changes(" in text:
            for node in ast.walk(_parsed(text)):
                match node:
                    case ast.Call(func=ast.Name(id="Changes")) if not _is_named(node):
                        yield path, node.lineno
                    case _:
                        pass


def _is_named(call: ast.Call) -> bool:
    given = [keyword.value for keyword in call.keywords if keyword.arg == "move"]
    return any(re.fullmatch(r"Move\.[A-Z]+|move|[\w.]+\.move", ast.unparse(move)) for move in given)


# Statements and scripts of an adapter


@define
class _Node:
    """A function or a constant of a package: what it says, and what it uses, by owner and name; no owner: any."""

    path: str
    line: int
    name: str
    owner: str
    code: ast.stmt | None
    says: str | None = None


def _part(sources: Sources, package: str) -> _Texts:
    return tuple((path, text) for path, text in sources.items() if path.startswith(f"adapters/{package}/"))


@cache
def _statements(texts: _Texts) -> list[Write]:
    """Find the places of an adapter that write, each with the methods of its stores that come to it."""
    graph = _Graph(dict(texts))
    reached: defaultdict[int, set[str]] = defaultdict(set)
    for door in graph.doors():
        for node in graph.reachable(door):
            reached[id(node)].add(door.name if _is_read_where_used(node) else _ANYBODY)
    return [
        Write(node.path, node.line, node.says, frozenset(reached[id(node)] or {_NOBODY}) - _TEXTS)
        for node in graph.nodes
        if node.says is not None
    ]


def _is_read_where_used(node: _Node) -> bool:
    """Whether a text is used where it is read: queries are read once, and used by whoever asks."""
    return not node.path.endswith(".sql") or _SCHEMA in node.path


class _Graph:
    """Who uses whom in one package. Where it is not plain of what class something is, any method of that name is."""

    def __init__(self, texts: Sources) -> None:
        made = {name for path, text in texts.items() if path.endswith(".sql") for name in _MADE.findall(text)}
        self.nodes = [node for path, text in texts.items() for node in _nodes(path, text, made)]
        self._classes = {
            kind.name: kind for path, text in texts.items() if path.endswith(".py") for kind in _classes(text)
        }
        self._by_name: defaultdict[str, list[_Node]] = defaultdict(list)
        self._by_owner: defaultdict[tuple[str, str], list[_Node]] = defaultdict(list)
        for node in self.nodes:
            self._by_name[node.name].append(node)
            self._by_owner[node.owner, node.name].append(node)
        self._held = {name: self._attributes_of(kind) for name, kind in self._classes.items()}

    def doors(self) -> list[_Node]:
        """Give the public methods of those classes that are stores."""
        stores = {node.owner for node in self.nodes if node.name == "commit" and node.owner.endswith("Store")}
        return [node for node in self.nodes if node.owner in stores and not node.name.startswith("_")]

    def reachable(self, door: _Node) -> list[_Node]:
        """Give all that a method comes to, itself included."""
        seen, ahead = {id(door): door}, [door]
        while ahead:
            for node in self._used(ahead.pop()):
                if id(node) not in seen:
                    seen[id(node)] = node
                    ahead.append(node)
        return list(seen.values())

    def _used(self, node: _Node) -> Iterator[_Node]:
        if node.code is None:
            return
        known = self._known(node)
        for each in ast.walk(node.code):
            match each:
                case ast.Attribute(value=value, attr=attr):
                    kind = self._kind_of(value, known)
                    yield from self._by_name[attr] if kind is None else self._by_owner[kind, attr]
                case ast.Name(id=name) if name in self._classes:
                    yield from (other for other in self.nodes if other.owner == name and other.name.startswith("__"))
                case ast.Name(id=name):
                    named = self._by_owner["", name]
                    own = [other for other in named if other.path == node.path]
                    yield from own or (other for other in named if not name.startswith("_"))
                case ast.Call(args=args):
                    texts = [arg.value for arg in args if isinstance(arg, ast.Constant)]
                    yield from (file for text in texts for file in self._by_owner["", f"file {text!s}"])
                case _:
                    pass

    # Of what class something is: None where that is not plain, and "" where it is none of this package's

    def _known(self, node: _Node) -> dict[str, str | None]:
        """Tell of what classes the names are that a function has."""
        known: dict[str, str | None] = {"self": node.owner}
        for each in ast.walk(node.code) if node.code is not None else ():
            match each:
                case ast.arg(arg=name, annotation=annotation) if annotation is not None:
                    known[name] = self._named(annotation)
                case ast.Assign(targets=[ast.Name(id=name)], value=value):
                    known[name] = self._kind_of(value, known)
                case ast.withitem(context_expr=value, optional_vars=ast.Name(id=name)):
                    known[name] = self._kind_of(value, known)
                case _:
                    pass
        return known

    def _attributes_of(self, kind: ast.ClassDef) -> dict[str, str | None]:
        held: dict[str, str | None] = {}
        for field in kind.body:
            if isinstance(field, ast.AnnAssign):
                held[ast.unparse(field.target)] = self._named(field.annotation)
        for method in _methods(kind).values():
            known = self._known(_Node("", 0, method.name, kind.name, method))
            for node in ast.walk(method):
                match node:
                    case ast.AnnAssign(target=ast.Attribute(attr=attr), annotation=annotation):
                        held[attr] = self._named(annotation)
                    case ast.Assign(targets=[ast.Attribute(value=ast.Name(id="self"), attr=attr)], value=value):
                        held.setdefault(attr, self._kind_of(value, known))
                    case _:
                        pass
            if any(ast.unparse(each).endswith("property") for each in method.decorator_list):
                held[method.name] = self._returned(method)
        return held

    def _kind_of(self, value: ast.expr, known: Mapping[str, str | None]) -> str | None:
        match value:
            case ast.Name(id=name):
                return known.get(name)
            case ast.Await(value=inner):
                return self._kind_of(inner, known)
            case ast.Constant() | ast.JoinedStr():
                return ""
            case ast.Call(func=ast.Name(id=name)) if name in self._classes:
                return name
            case ast.Call(func=ast.Name(id=name)):
                return self._returned_by(self._by_owner["", name])
            case ast.Call(func=ast.Attribute(value=of, attr=attr)) if self._kind_of(of, known) is not None:
                return self._returned_by(self._by_owner[str(self._kind_of(of, known)), attr])
            case ast.Attribute(value=of, attr=attr) if (kind := self._kind_of(of, known)) is not None:
                return self._held[kind].get(attr) if kind in getattr(self, "_held", {}) else ""
            case _:
                return None

    def _returned_by(self, functions: Sequence[_Node]) -> str | None:
        kinds = {self._returned(node.code) for node in functions}
        return kinds.pop() if len(kinds) == 1 else None if kinds else ""

    def _returned(self, function: ast.AST | None) -> str | None:
        if not isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef) or function.returns is None:
            return None
        return self._named(function.returns)

    def _named(self, annotation: ast.expr) -> str | None:
        """Tell which class an annotation names, of the package; a Protocol of its own may be any."""
        names = set(re.findall(r"\w+", ast.unparse(annotation)))
        if {"Any", "Self", "object"} & names:
            return None
        found = sorted(names & self._classes.keys())
        if len(found) == 1:
            bases = {ast.unparse(base) for base in self._classes[found[0]].bases}
            return None if any("Protocol" in base for base in bases) else found[0]
        return None if found else ""


def _nodes(path: str, text: str, made: set[str]) -> Iterator[_Node]:
    if path.endswith(".py"):
        yield from _of_body(path, _parsed(text).body, made, "")
    elif (says := _said_by_file(path, text)) is not None:
        place = PurePosixPath(path)
        name = place.parent.name if place.suffix == ".sql" else place.stem
        yield _Node(path, 1, f"file {name}", "", None, says)


def _said_by_file(path: str, text: str) -> str | None:
    """Say which write a file has: of SQL all files of a folder are read together, of Lua each by its name."""
    code = re.sub(r"--.*", "", text)
    if path.endswith(".sql"):
        found = _SQL.search(code)
        return None if found is None else " ".join(found[0].split())
    return next((word for word in _LUA.findall(code) if word not in _REDIS_READS), None)


def _of_body(path: str, body: Iterable[ast.stmt], made: set[str], owner: str) -> Iterator[_Node]:
    for node in body:
        match node:
            case ast.ClassDef():
                yield from _of_body(path, node.body, made, node.name)
            case ast.FunctionDef() | ast.AsyncFunctionDef():
                yield _node(path, node, node.name, owner, made)
            case ast.Assign(targets=targets):
                names = [each.id for target in targets for each in ast.walk(target) if isinstance(each, ast.Name)]
                yield from (_node(path, node, name, owner, made) for name in names)
            case ast.AnnAssign(target=target, value=value) if value is not None:
                yield _node(path, node, ast.unparse(target), owner, made)
            case _:
                pass


def _node(path: str, node: ast.stmt, name: str, owner: str, made: set[str]) -> _Node:
    says = next((said for text in _strings(node) if (said := _said(text, made)) is not None), None)
    return _Node(path, node.lineno, name, owner, node, says)


def _said(text: str, made: set[str]) -> str | None:
    """Say what a text writes, if it does: a statement, a function of the schema, or a command of Redis."""
    found = _SQL.search(text)
    if found is not None:
        return " ".join(found[0].split())
    called = next((name for name in re.findall(r"\.(\w+)\(", text) if name in made), None)
    return f"{called}()" if called is not None else text if text in _REDIS_WRITES else None


def _strings(node: ast.AST) -> Iterator[str]:
    """Give all texts in a piece of code but its docstrings, with a mark for what is filled in."""
    skipped = {id(each.value) for each in ast.walk(node) if isinstance(each, ast.Expr)}
    for each in ast.walk(node):
        match each:
            case ast.JoinedStr(values=values):
                yield "".join(str(part.value) if isinstance(part, ast.Constant) else "{}" for part in values)
            case ast.Constant(value=str(text)) if id(each) not in skipped:
                yield text
            case ast.Constant(value=bytes(raw)) if id(each) not in skipped:
                yield raw.decode("latin-1")
            case _:
                pass


def _classes(text: str) -> list[ast.ClassDef]:
    return [node for node in _parsed(text).body if isinstance(node, ast.ClassDef)]


def _methods(kind: ast.ClassDef) -> dict[str, _Function]:
    return {node.name: node for node in kind.body if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)}


def _names(node: ast.AST) -> set[str]:
    return {each.attr for each in ast.walk(node) if isinstance(each, ast.Attribute)}


@cache
def _parsed(text: str) -> ast.Module:
    return ast.parse(text)


def _package(path: str) -> str:
    parts = path.split("/")
    return parts[0] if parts[0] == "awaitly" else "/".join(parts[:2])
