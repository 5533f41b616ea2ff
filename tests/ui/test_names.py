import sys
from importlib.metadata import packages_distributions
from pathlib import Path

ROOT = Path(__file__).parents[2]


def test_no_file_of_the_page_shadows_a_package() -> None:
    # Streamlit puts the script's folder first on the path: ui/search.py would be what `import search` finds.
    names = {path.stem for path in (ROOT / "ui").glob("*.py")} - {"__init__"}
    taken = set(sys.stdlib_module_names) | set(packages_distributions()) | {"indexer", "search", "ui", "data"}
    assert names
    assert names & taken == set()
