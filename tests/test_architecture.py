"""What the code promises of its shape: who imports whom, what loads when, who may print."""

import ast
import subprocess
import sys
import sysconfig
import time
import tomllib
from collections.abc import Iterator
from importlib.metadata import packages_distributions
from pathlib import Path
from types import ModuleType

import pytest

import search

ROOT = Path(__file__).resolve().parent.parent
PACKAGES = ("indexer", "search", "ui")
FILES = sorted(path.relative_to(ROOT) for package in PACKAGES for path in (ROOT / package).rglob("*.py"))
LONGEST_FILE = 330
HELP_SECONDS = 1.0

NEVER_IMPORTS = {"search": {"indexer", "ui"}, "indexer": {"ui"}, "ui": {"indexer"}}

# Each of these takes a good part of a second to load, or is a dependency to be kept in one place.
IMPORTERS = {
    "torch": {
        "indexer/machine.py",
        "indexer/teaching_loss.py",
        "indexer/training.py",
        "search/checkpoint.py",
        "search/int8_model.py",
        "search/pooling.py",
        "search/projection.py",
        "search/reranker.py",
        "search/tower.py",
        "search/transformer_encoder.py",
    },
    "transformers": {"indexer/training.py", "search/checkpoint.py", "search/reranker.py", "search/tower.py"},
    "openvino": {"search/int8_model.py"},
    "nncf": {"search/int8_model.py"},
    "sentence_transformers": {
        "indexer/encode_contender.py",
        "indexer/teaching_loss.py",
        "indexer/training.py",
        "indexer/training_run.py",
    },
    "accelerate": {"indexer/processes.py"},
    "datasets": {"indexer/lessons.py", "indexer/training.py"},
    "huggingface_hub": {"search/encoder_files.py"},
    "faiss": {"search/candidates.py"},
    "tantivy": {
        "search/lexical.py",
        "search/lexical_conditions.py",
        "search/lexical_fields.py",
        "search/lexical_writer.py",
        "search/words.py",
    },
    "lark": {"search/pubmed_reading.py", "search/pubmed_syntax.py"},
    "rapidfuzz": {"search/spelling.py"},
    "sklearn": {"search/hit_map.py"},
    "threadpoolctl": {"search/hit_map.py"},
    "pytrec_eval": {"indexer/metrics.py"},
    "sqlalchemy": {"search/catalogue.py", "search/catalogue_writer.py", "search/saved_file.py"},
    "lxml": {"indexer/pubmed_record.py", "indexer/pubmed_xml.py", "search/mesh_tree.py", "search/shipped.py"},
    "requests": {"indexer/eutils.py", "indexer/file_server.py", "indexer/polite_http.py"},
    "urllib3": {"indexer/file_server.py"},
    "streamlit": {
        "ui/answer_view.py",
        "ui/answers.py",
        "ui/basket.py",
        "ui/footer.py",
        "ui/launch.py",
        "ui/map_view.py",
        "ui/narrowing.py",
        "ui/navigation.py",
        "ui/page.py",
        "ui/recent.py",
        "ui/record.py",
        "ui/saved.py",
        "ui/search_form.py",
        "ui/states.py",
        "ui/toolbar.py",
        "ui/year_chart.py",
    },
}
NOT_AT_IMPORT = (
    "torch",
    "transformers",
    "faiss",
    "tantivy",
    "lark",
    "rapidfuzz",
    "sklearn",
    "threadpoolctl",
    "sqlalchemy",
    "lxml",
    "streamlit",
    "huggingface_hub",
    "sentence_transformers",
    "datasets",
    "openvino",
    "nncf",
    "rich",
)

COMMAND_MODULES = {
    "indexer/cli.py",
    "indexer/mirror_cli.py",
    "indexer/progress_bars.py",
    "indexer/evaluation_report.py",
    "indexer/report.py",
    "indexer/report_table.py",
    "search/cli.py",
    "search/cli_table.py",
    "search/command.py",
}
SPEAKING_NAMES = {"print", "exit", "quit", "input", "breakpoint", "SystemExit"}
SPEAKING_ATTRIBUTES = {"stdout", "stderr", "__stdout__", "__stderr__", "exit", "_exit"}
OTHER_PICKLES = {"cloudpickle", "dill", "joblib", "marshal", "shelve"}


def tree_of(file: Path) -> ast.Module:
    return ast.parse((ROOT / file).read_text(encoding="utf-8"), filename=str(file))


def imported_modules(tree: ast.Module, package: str) -> Iterator[str]:
    """Every module that a file imports, wherever in the file: at its top, in a function, under TYPE_CHECKING."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield f"{package}.{node.module or ''}" if node.level else node.module or ""


def imported_packages(file: Path) -> set[str]:
    return {module.partition(".")[0] for module in imported_modules(tree_of(file), file.parts[0])}


def test_the_scan_sees_every_way_of_importing() -> None:
    tree = ast.parse(
        "import one.part\nfrom two import part\nfrom . import sibling\n"
        "if TYPE_CHECKING:\n    import three\ndef function():\n    from four.part import name as other\n"
    )
    assert set(imported_modules(tree, "own")) == {"one.part", "two", "own.", "three", "four.part"}


@pytest.mark.parametrize("file", FILES, ids=str)
def test_imports_point_one_way(file: Path) -> None:
    assert imported_packages(file) & (NEVER_IMPORTS[file.parts[0]] | {"tests"}) == set()


@pytest.mark.parametrize("library", sorted(IMPORTERS))
def test_heavy_libraries_are_imported_where_they_are_expected_and_nowhere_else(library: str) -> None:
    assert {file.as_posix() for file in FILES if library in imported_packages(file)} == IMPORTERS[library]


@pytest.mark.parametrize("file", FILES, ids=str)
def test_nothing_is_imported_by_a_name_made_at_run_time(file: Path) -> None:
    # An import that `ast` cannot see would slip past the tests above.
    called = {ast.unparse(node.func) for node in ast.walk(tree_of(file)) if isinstance(node, ast.Call)}
    assert called & {"importlib.import_module", "import_module", "__import__", "exec", "eval"} == set()


def test_the_public_surface_of_search() -> None:
    assert sorted(search.__all__) == [
        "Article",
        "Filters",
        "Mode",
        "PubMedSearchError",
        "SavedSearch",
        "SavedSearches",
        "SearchResult",
        "SearchResults",
        "Searcher",
    ]
    public = {name for name in vars(search) if not name.startswith("_") and not isinstance(vars(search)[name], ModuleType)}
    assert public == set(search.__all__)


@pytest.mark.parametrize("name", search.__all__)
def test_every_public_name_resolves_and_is_documented(name: str) -> None:
    assert getattr(search, name).__doc__


def test_importing_search_loads_nothing_heavy() -> None:
    command = [sys.executable, "-X", "importtime", "-c", "import search"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    loaded = {line.rpartition("|")[2].strip().partition(".")[0] for line in done.stderr.splitlines()}
    assert "search" in loaded
    assert loaded & set(NOT_AT_IMPORT) == set()


@pytest.mark.parametrize("command", ["pubmed-index", "pubmed-search", "pubmed-ui"])
def test_help_comes_in_under_a_second(command: str) -> None:
    seconds = [seconds_of_help(command) for _ in range(3)]
    assert min(seconds) < HELP_SECONDS, seconds


def seconds_of_help(command: str) -> float:
    executable = Path(sysconfig.get_path("scripts")) / command
    started = time.perf_counter()
    done = subprocess.run([executable, "--help"], cwd=ROOT, capture_output=True, text=True, check=False)
    seconds = time.perf_counter() - started
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith(f"usage: {command} ")
    return seconds


def test_no_file_of_the_page_shadows_a_package() -> None:
    # Streamlit puts the script's folder first on the path: a `ui/types.py` would be what `import types` finds.
    names = {path.stem for path in (ROOT / "ui").glob("*.py")} - {"__init__"}
    folders = {path.name for path in (ROOT / "ui").iterdir() if path.is_dir()} - {"__pycache__"}
    taken = set(sys.stdlib_module_names) | set(packages_distributions()) | {*PACKAGES, "data", "tests"}
    assert names
    assert (names | folders) & taken == set()


def test_the_three_packages_are_what_is_installed() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    assert project["tool"]["hatch"]["build"]["targets"]["wheel"]["packages"] == list(PACKAGES)
    assert project["tool"]["mypy"]["packages"] == list(PACKAGES)
    modules = {entry.partition(":")[0] for entry in project["project"]["scripts"].values()}
    assert {module.partition(".")[0] for module in modules} == set(PACKAGES)
    assert {path.parent.name for path in ROOT.glob("*/__init__.py")} == set(PACKAGES)


def speaks(tree: ast.Module) -> Iterator[str]:
    """Whatever prints, ends the process or reaches for the standard streams."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Name) and node.id in SPEAKING_NAMES:
            yield node.id
        elif isinstance(node, ast.Attribute) and node.attr in SPEAKING_ATTRIBUTES and ast.unparse(node.value) in {"sys", "os"}:
            yield ast.unparse(node)
        elif isinstance(node, ast.ImportFrom) and node.module in {"sys", "os"}:
            yield from (alias.name for alias in node.names if alias.name in SPEAKING_ATTRIBUTES)


def test_only_the_commands_and_the_page_print_or_exit() -> None:
    found = {file.as_posix(): sorted(speaks(tree_of(file))) for file in FILES if file.parts[0] != "ui"}
    assert {file: said for file, said in found.items() if said and file not in COMMAND_MODULES} == {}
    assert {file for file in COMMAND_MODULES if not found[file]} == set()


@pytest.mark.parametrize("file", FILES, ids=str)
def test_files_stay_readable_at_one_sitting(file: Path) -> None:
    assert len((ROOT / file).read_text(encoding="utf-8").splitlines()) <= LONGEST_FILE


@pytest.mark.parametrize("file", FILES, ids=str)
def test_nothing_is_pickled(file: Path) -> None:
    # Reading a pickle runs what is in it; `allow_pickle` of NumPy and `weights_only=False` of torch are the same door.
    nodes = list(ast.walk(tree_of(file)))
    assert imported_packages(file) & OTHER_PICKLES == set()
    assert [node.module for node in nodes if isinstance(node, ast.ImportFrom) and node.module == "pickle"] == []
    used = {ast.unparse(node) for node in nodes if isinstance(node, ast.Attribute) and ast.unparse(node.value) == "pickle"}
    assert used <= {"pickle.UnpicklingError"}  # catching what torch refuses to read is no reading
    keywords = [node for node in nodes if isinstance(node, ast.keyword)]
    assert [one.arg for one in keywords if one.arg == "allow_pickle" and ast.unparse(one.value) != "False"] == []
    assert [one.arg for one in keywords if one.arg == "weights_only" and ast.unparse(one.value) != "True"] == []
