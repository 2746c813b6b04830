from __future__ import annotations

import ast
import itertools
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
CORE = ROOT / "awaitly"
ADAPTERS = ROOT / "adapters"

# From the bottom to the top: a module may import from layers below its own, and from nothing else of the core. The
# layers of a folder stand together, so folders, too, point one way. A folder named here stands for all that is in it.
LAYERS: list[list[str]] = [
    # the ground: values, and what all else is said in
    ["values", "later"],
    ["result", "statuses", "durations", "changing", "clocks", "coding.paths", "logs", "rests", "tried"],
    ["observing", "visible"],
    ["errors"],
    ["exceptions"],
    ["ids", "coding", "actors", "retry"],
    ["digest", "codec", "schema"],
    # approvals
    ["approvals.grants"],
    ["approvals.outcomes", "approvals.redaction", "approvals.escalation", "approvals.quorum", "approvals.handling"],
    ["approvals.policy"],
    ["approvals.approval"],
    ["approvals.audit", "approvals.editing", "approvals.events", "approvals.ladder", "approvals.veil"],
    ["approvals.eligibility", "approvals.transition", "approvals.notices"],
    ["approvals.differing"],
    ["approvals.handing", "approvals.conversing", "approvals.chiming"],
    ["approvals.deciding"],
    # storage
    ["storage.journal", "storage.store"],
    ["storage.lanes", "storage.asked"],
    ["storage.records", "storage.memory"],
    # runs
    ["runs.witness"],
    ["runs.running", "runs.schedules"],
    ["runs.moves", "runs.saving", "runs.picking", "runs.watching", "runs.wrapping"],
    ["runs.salvage", "runs.settling"],
    ["runs.letters", "runs.standing"],
    # notifying
    ["notifying.channels"],
    ["notifying.links", "notifying.telling"],
    ["notifying.composing"],
    ["notifying.courier"],
    ["notifying.console"],
    # replaying
    ["replaying.host"],
    ["replaying.watchdog"],
    ["replaying.promises"],
    ["replaying.signals", "replaying.workflow", "replaying.snapshot"],
    ["replaying.asking", "replaying.calling", "replaying.replay"],
    ["replaying.questions", "replaying.line"],
    ["replaying.branching", "replaying.pauses"],
    ["replaying.consulting"],
    ["replaying.context"],
    ["replaying.execution"],
    # working
    ["working.turns", "working.solitude"],
    ["working.looks"],
    ["working.mailbox", "working.ringing"],
    ["working.errands"],
    ["working.dispatch"],
    ["working.tenure"],
    ["working.roster"],
    ["working.executor"],
    ["working.worker"],
    # verbs
    ["verbs.progress"],
    ["verbs.reader"],
    ["verbs.desk", "verbs.messenger", "verbs.doctor"],
    ["verbs.queueing"],
    ["verbs.scheduling"],
    ["verbs.answering"],
    ["verbs.attending"],
    ["verbs.staffing"],
    ["verbs.inbox"],
    ["verbs.outbox"],
    ["verbs.settling"],
    ["verbs.orchestrator"],
    # gating
    ["gating.refusals", "gating.calls", "gating.ruling", "gating.conditions", "gating.keeping"],
    ["gating.rules"],
    ["gating.rules_file", "gating.dry_run"],
    ["gating.tickets", "gating.tools"],
    ["gating.standing", "gating.registry", "gating.edits"],
    ["gating.granting"],
    ["gating.proposing"],
    ["gating.gate"],
    # the edges
    ["looping"],
    ["attended"],
    ["sync", "testing"],
    ["cli"],
    ["__main__"],
]
FOLDERS = ["approvals", "storage", "runs", "notifying", "replaying", "working", "verbs", "gating"]
DRIVERS = {
    "sqlite3",
    "redis",
    "psycopg",
    "psycopg_pool",
    "aiosqlite",
    "httpx",
    "requests",
    "socketserver",
    "http",
    "httpx2",
    "smtplib",
    "aiosmtplib",
    "apprise",
    "agent_framework",
    "agents",
    "agno",
    "google",
    "claude_agent_sdk",
    "langchain",
    "langgraph",
    "openai",
    "pydantic_ai",
}
HEAVY = [
    "cattrs",
    "jsonschema",
    "rich",
    "click",
    "pydantic",
    "sqlite3",
    "redis",
    "psycopg",
    "importlib.resources",
    "cronsim",
    "zoneinfo",
]
LATER = (
    "awaitly.gating",
    "awaitly.notifying.console",
    "awaitly.notifying.links",
    "awaitly.notifying.telling",
    "awaitly.storage.memory",
    "tomllib",
)


def name_of(path: Path) -> str:
    """Give a file's name in the core: `coding.paths`, or `coding` for a package itself."""
    parts = list(path.relative_to(CORE).with_suffix("").parts)
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


@cache
def tree_of(path: Path) -> ast.Module:
    """Parse a file, once for all tests."""
    return ast.parse(path.read_text())


def none_of(wrongs: list[str]) -> None:
    """Fail with all of them, a line each."""
    assert not wrongs, "\n".join(wrongs)


@cache
def place_of(name: str) -> tuple[int, str]:
    """Give a module's height and its place there: the longest prefix of its name which is in the list."""
    parts = name.split(".")
    for length in range(len(parts), 0, -1):
        prefix = ".".join(parts[:length])
        for height, layer in enumerate(LAYERS):
            if prefix in layer:
                return height, prefix
    raise AssertionError(f"awaitly.{name} stands in no layer: add it to the list in {Path(__file__).name}")


def imported(tree: ast.AST) -> Iterator[tuple[str, list[str], int]]:
    """Name every import, at any depth of the code: the module, the names taken from it, and the line."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((alias.name, [], node.lineno) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"line {node.lineno}: a relative import"
            yield node.module or "", [alias.name for alias in node.names], node.lineno


def for_types_only(tree: ast.AST) -> set[int]:
    """Give the lines that stand under `if TYPE_CHECKING:`."""
    lines: set[int] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test):
            lines.update(range(node.lineno, (node.end_lineno or node.lineno) + 1))
    return lines


def modules() -> list[Path]:
    """List the core's modules, but for the one that exports and for folders that only say what they hold."""
    folders = {CORE / "__init__.py", *(CORE / name / "__init__.py" for name in FOLDERS)}
    return [path for path in sorted(CORE.rglob("*.py")) if path not in folders]


def targets(tree: ast.AST) -> Iterator[tuple[str, int]]:
    """Name the core's modules that a module imports at run time, each with its line."""
    skipped = for_types_only(tree)
    for module, names, line in imported(tree):
        if line in skipped or module.split(".")[0] != "awaitly":
            continue
        if (CORE.parent / module.replace(".", "/")).is_dir() and not _holds_code(module):
            yield from ((f"{module}.{name}".removeprefix("awaitly."), line) for name in names)
        else:
            yield module.removeprefix("awaitly."), line


@cache
def _holds_code(package: str) -> bool:
    """Whether a package has names of its own, and not its modules alone."""
    face = ast.parse((CORE.parent / package.replace(".", "/") / "__init__.py").read_text())
    return package != "awaitly" and any(not isinstance(node, ast.Expr) for node in face.body)


def test_imports_point_down() -> None:
    """A module imports only from layers below it, or from its own place."""
    none_of([wrong for path in modules() for wrong in not_below(path)])


def not_below(path: Path) -> Iterator[str]:
    """Say where a module imports what is not below it."""
    height, place = place_of(name_of(path))
    for target, line in targets(tree_of(path)):
        below, other = place_of(target)
        if below >= height and other != place:
            yield f"{path.relative_to(ROOT)}:{line} imports awaitly.{target}, which is not below"


def test_the_core_imports_no_driver() -> None:
    """Nothing in the core talks to a network or a database."""
    imports = ((path, module, line) for path in modules() for module, _, line in imported(tree_of(path)))
    none_of(
        [
            f"{path.relative_to(ROOT)}:{line} imports {module}"
            for path, module, line in imports
            if module.split(".")[0] in DRIVERS
        ]
    )


def test_nobody_but_the_top_knows_the_memory_store_and_the_testing_tools() -> None:
    """No rule or verb imports `memory` or `testing`; they are chosen by whoever wires things up."""
    for path in modules():
        name = name_of(path)
        if name.split(".")[0] in {"testing", "cli", "__main__"} or name == "storage.memory":
            continue
        for target, line in targets(tree_of(path)):
            assert not target.startswith(("storage.memory", "testing")), f"{path.relative_to(ROOT)}:{line}"


def test_the_layers_of_a_folder_stand_together() -> None:
    """So whatever stands in a folder is above all of the folders below it."""
    folders = [next((f for f in FOLDERS if layer[0].startswith(f"{f}.")), "") for layer in LAYERS]
    for layer, folder in zip(LAYERS, folders, strict=True):
        assert not folder or all(name.startswith(f"{folder}.") for name in layer), layer
    runs = [folder for folder, _ in itertools.groupby(folders) if folder]
    assert runs == FOLDERS


def test_the_list_of_layers_has_no_module_twice() -> None:
    """Each stands in one layer."""
    every = [name for layer in LAYERS for name in layer]
    assert len(every) == len(set(every))


@cache
def exported() -> set[str]:
    """Give the names that `awaitly` exports."""
    for node in ast.walk(tree_of(CORE / "__init__.py")):
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "__all__":
            return set(ast.literal_eval(node.value))
    raise AssertionError("awaitly has no __all__")


def test_what_is_exported_is_listed_in_order() -> None:
    """`__all__` is sorted, names nothing twice, and is all that the package imports."""
    tree = tree_of(CORE / "__init__.py")
    listed = exported()
    names = {name for module, names, _ in imported(tree) if module.startswith("awaitly.") for name in names}
    assert names - {"given_later"} == listed


def test_what_is_given_later_is_what_type_checkers_see() -> None:
    """`awaitly` gives later, from the same modules, exactly what it imports for type checkers only."""
    tree = tree_of(CORE / "__init__.py")
    skipped = for_types_only(tree)
    seen = {module: tuple(names) for module, names, line in imported(tree) if line in skipped}
    (given,) = [node for node in ast.walk(tree) if isinstance(node, ast.Dict)]
    assert ast.literal_eval(given) == seen


def test_nothing_given_later_is_called_as_a_module_is() -> None:
    """Python would set the name to the module, as soon as anybody imports that, and never ask for it."""
    tree = tree_of(CORE / "__init__.py")
    skipped = for_types_only(tree)
    later = {name for _, names, line in imported(tree) if line in skipped for name in names}
    assert not later & {name_of(path).split(".")[0] for path in CORE.rglob("*.py")}


def adapters() -> list[Path]:
    """List the adapters' modules."""
    return sorted(ADAPTERS.rglob("*.py"))


def test_an_adapter_imports_only_what_awaitly_exports() -> None:
    """An adapter uses the public names of `awaitly`, its own modules, and no other adapter."""
    none_of([wrong for path in adapters() for wrong in not_public(path)])


def not_public(path: Path) -> Iterator[str]:
    """Say where an adapter imports what is not for it."""
    own = path.relative_to(ADAPTERS).parts[0]
    others = {folder.name for folder in ADAPTERS.iterdir() if folder.is_dir()} - {own}
    for module, names, line in imported(tree_of(path)):
        where = f"{path.relative_to(ROOT)}:{line}"
        if module.split(".")[0] in others:
            yield f"{where} imports another adapter, {module}"
        elif module.split(".")[0] == "awaitly" and module != "awaitly":
            yield f"{where} imports {module}; take it from `awaitly`"
        elif module == "awaitly" and set(names) - exported():
            yield f"{where} imports {set(names) - exported()}, which awaitly does not export"


def loaded(statement: str) -> set[str]:
    """Run a statement in a process of its own and name the modules that are loaded afterwards."""
    code = f"{statement}\nimport sys\nprint(*sorted(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT)
    return set(done.stdout.split())


@pytest.mark.parametrize("statement", ["import awaitly", "import awaitly.testing"])
def test_importing_loads_nothing_heavy(statement: str) -> None:
    """Neither the codec's engine, nor schemas, nor the command line's tools, nor any driver."""
    fresh = loaded(statement) - loaded("pass")
    assert not [name for name in HEAVY if name in fresh]


def test_a_program_without_a_gate_loads_none() -> None:
    """What only some programs use is imported when they ask for it, with the modules of Python that it alone needs."""
    fresh = loaded("import awaitly, awaitly.sync") - loaded("pass")
    assert not [name for name in fresh if name.startswith(LATER)]
    asked = loaded("from awaitly import ConsoleChannel, Gate, MemoryStore, SignedLinks, load_rules")
    assert [name for name in LATER if name not in asked] == []


def test_every_module_is_imported_without_side_effects_on_logging() -> None:
    """No module of the core configures logging, but for the command line, where it is the program."""
    calls = [
        f"{path.relative_to(ROOT)}:{node.lineno} calls {ast.unparse(node.func)}"
        for path in modules()
        if name_of(path) != "cli.logs"
        for node in ast.walk(tree_of(path))
        if isinstance(node, ast.Call)
    ]
    none_of([call for call in calls if call.endswith(("basicConfig", "dictConfig", "fileConfig", "addHandler"))])
