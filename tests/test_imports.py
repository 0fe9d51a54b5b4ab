"""Who imports whom: one way within the library, and each heavy package in its one place."""

import ast
import graphlib
import json
import subprocess
import sys
from pathlib import Path

import pytest

import pellucid
from pellucid.data import cache_folder

SOURCE = Path(pellucid.__file__).parent

#: The parts of the library, lowest first. A part imports from its own and from lower rows only. A dotted name
#: takes a module out of its package.
ORDER = [
    {"backend", "files", "provenance", "wording"},
    {"initializers", "schedules"},
    {"data", "losses", "metrics", "optimizers"},
    {"layers"},
    {"drawing", "files.saved_network"},
    {"network"},
    {"checks"},
    {"training.batches", "training.many", "training.memory_map"},
    {"gradient_check", "principal_components", "training.records"},
    {"compiled"},
    {"training"},
    {"pellucid"},
    {"interop", "lab"},
    {"app"},
    {"cli"},
    {"__main__"},
]
#: What these parts may import of the library: arrays alone, as the design has it.
ALONE = {
    "backend": set(),
    "files": {"backend", "wording"},
    "data": {"files", "wording"},
    "initializers": set(),
    "losses": {"backend"},
    "provenance": {"wording"},
    "metrics": {"backend"},
    "optimizers": {"backend", "schedules"},
    "schedules": set(),
    "wording": set(),
}
#: Where a package may be imported.
PLACES = {
    "cupy": ("backend.py",),
    "distributed": ("lab/running/cluster.py",),
    "matplotlib": ("lab/pictures/",),
    "numba": ("compiled/",),
    "PIL": ("app/pictures.py",),
    "polars": ("app/row_blocks.py", "app/tables.py"),
    "sklearn": (),  # the digits are read from its files, without an import
    "torch": ("interop/torch/",),
}
#: What needs NumPy and the standard library alone, even inside functions.
CORE = {part for row in ORDER[:11] for part in row} - {"data", "compiled", "provenance"}


def rank(part):
    found = [i for i, row in enumerate(ORDER) if part in row]
    assert found, f"{part} is a new part of the library: give it a row in ORDER"
    return found[0]


def imported(tree, package):
    """Yield the dotted names that a module imports when it runs, not for type checkers alone."""
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.If) and ast.unparse(node.test).endswith("TYPE_CHECKING"):
            continue
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            above = package[: len(package) + 1 - node.level] if node.level else ()
            module = ".".join([*above, *([node.module] if node.module else [])])
            yield from (f"{module}.{alias.name}" for alias in node.names)
        else:
            yield from imported(node, package)


def part_of(name):
    """Return the part of the library that a dotted name belongs to: pellucid itself for what it exports."""
    top, *rest = name.split(".")
    if not rest or not ((SOURCE / rest[0]).is_dir() or (SOURCE / f"{rest[0]}.py").is_file()):
        return top
    inner = ".".join(rest[:2])
    return inner if any(inner in row for row in ORDER) else rest[0]


def modules():
    """Return path below the library, part and imported names of each of its modules."""
    found = []
    for path in sorted(SOURCE.rglob("*.py")):
        inside = path.relative_to(SOURCE)
        if inside.as_posix() != "__init__.py":
            package = ("pellucid", *inside.parts[:-1])
            names = list(imported(ast.parse(path.read_text()), package))
            name = ".".join(("pellucid", *inside.with_suffix("").parts))
            found.append((inside.as_posix(), part_of(name), names))
    return found


MODULES = modules()


@pytest.mark.parametrize(("path", "part", "names"), MODULES, ids=[path for path, _, _ in MODULES])
def test_imports_run_one_way(path, part, names):
    ours = {part_of(name) for name in names if name.split(".")[0] == "pellucid"} - {part}
    assert {other for other in ours if rank(other) > rank(part)} == set()
    assert ours <= ALONE.get(part, ours)
    assert part not in CORE or "data" not in ours


def test_there_is_no_circle():
    graph = {}
    for _, part, names in MODULES:
        ours = {part_of(name) for name in names if name.split(".")[0] == "pellucid"} - {part}
        graph.setdefault(part, set()).update(ours)
    graph["pellucid"] = {part for part in graph if rank(part) < rank("pellucid")}
    assert len(list(graphlib.TopologicalSorter(graph).static_order())) >= 15


@pytest.mark.parametrize(("path", "part", "names"), MODULES, ids=[path for path, _, _ in MODULES])
def test_other_packages_have_their_places(path, part, names):
    packages = {name.split(".")[0] for name in names} - {"pellucid"} - sys.stdlib_module_names
    for package in packages & set(PLACES):
        assert path.startswith(PLACES[package]), f"{package} is imported in {path}"
    if part in CORE:
        assert packages <= ({"numpy", "cupy"} if part == "backend" else {"numpy"})


def test_the_walk_sees_what_it_should():
    source = "import a.b\nfrom . import c\nfrom ..d import e\ndef f():\n    from g import h\n"
    source += "if TYPE_CHECKING:\n    import i\ntry:\n    import j\nexcept ImportError:\n    pass\n"
    names = list(imported(ast.parse(source), ("pellucid", "lab")))
    assert names == ["a.b", "pellucid.lab.c", "pellucid.d.e", "g.h", "j"]
    assert [part_of(name) for name in ("pellucid.losses.Loss", "pellucid.train", "pellucid")] == [
        "losses",
        "pellucid",
        "pellucid",
    ]


#: Packages of the extras and parts of the library that take long to import and that starting does not need.
HEAVY = {
    *("PIL", "cupy", "distributed", "jax", "jinja2", "joblib", "matplotlib", "numba"),
    *("polars", "pooch", "requests", "scipy", "sklearn", "torch"),
    *("bench", "pellucid.compiled.descent", "pellucid.interop", "pellucid.lab"),
}
DOWNLOADS = {"pellucid.data.fetch", "pellucid.data.mirror", "pellucid.data.sources"}
WORK = {"pellucid.app.trainer", "pellucid.app.inputs", "pydantic", "threadpoolctl"}
OF_PYTHON = {"asyncio", "email", "gzip", "http", "multiprocessing", "socket", "ssl", "subprocess", "tarfile"}


def modules_after(*code):
    """Return what a fresh process has imported by the end of lines of code, beyond NumPy's own."""
    lines = (
        "import json, sys, numpy, numpy.random",
        "before = set(sys.modules)",
        *code,
        "print(json.dumps(sorted(set(sys.modules) - before)))",
    )
    command = [sys.executable, "-W", "error", "-c", "\n".join(lines)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    return set(json.loads(done.stdout.splitlines()[-1]))


def modules_of(*arguments):
    """Return what a command of pellucid has imported by its end."""
    return modules_after(
        f"sys.argv = {['pellucid', *arguments]}",
        "from pellucid.__main__ import main",
        "try: main()",
        "except SystemExit as stop: assert not stop.code, stop.code",
    )


def test_importing_the_library_loads_numpy_and_the_standard_library_alone():
    names = modules_after("import pellucid")
    packages = {name.split(".")[0] for name in names}
    assert "pellucid" in packages
    assert packages - sys.stdlib_module_names <= {"numpy", "pellucid"}
    assert names & (HEAVY | DOWNLOADS | OF_PYTHON | {"pellucid.app", "pellucid.cli"}) == set()
    # What training alone needs waits until something is trained.
    assert names & {"logging", "pellucid.training.loop", "pellucid.training.resuming"} == set()


def test_help_starts_without_what_commands_work_with():
    names = modules_of("--help")
    assert "pellucid.cli" in names
    assert names & (HEAVY | DOWNLOADS | WORK) == set()


def test_checking_a_gradient_starts_without_what_it_does_not_need():
    assert modules_of("gradcheck", "--hidden", "3") & (HEAVY | DOWNLOADS) == set()


def test_training_starts_without_what_it_does_not_need():
    names = modules_of("train", "digits", "--recipe", "fast")
    assert "pellucid.app.trainer" in names
    assert names & (HEAVY | DOWNLOADS | {"pellucid.app.inputs"}) == set()


def test_training_on_cached_files_starts_without_what_downloads_them():
    if not (cache_folder() / "mnist" / "train-images-idx3-ubyte").exists():
        pytest.skip("MNIST is not in the cache")
    names = modules_of("train", "mnist", "--hidden", "1", "--batch-size", "0", "--epochs", "1")
    assert names >= DOWNLOADS
    assert names & HEAVY == set()
