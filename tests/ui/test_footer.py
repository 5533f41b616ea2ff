import datetime as dt

import pytest
from streamlit.testing.v1 import AppTest


def footer(updated: str, today: dt.date) -> str:
    def script(updated, today):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202  (run as text, without imports)
        from search.results import Holdings, IndexSummary
        from ui.footer import draw_footer

        draw_footer(IndexSummary(1234, "x.xml", updated, "toy"), Holdings(1, 56), "A <note>.", today)

    app = AppTest.from_function(script, kwargs={"updated": updated, "today": today}).run()
    return "".join(element.proto.body for element in app.get("html"))


@pytest.mark.parametrize(
    ("updated", "said"),
    [
        ("2026-01-03", ""),
        ("2025-12-04", ""),
        ("2025-12-03", "The newest change in it is 31 days old"),
        ("2020-01-03", "The newest change in it is 2,192 days old"),
        ("", ""),
        ("2026-02-30", ""),
    ],
)
def test_old_data_is_said_to_be_old(updated: str, said: str) -> None:
    text = footer(updated, dt.date(2026, 1, 3))
    assert ("days old" in text) == bool(said)
    assert said in text


def test_what_the_index_holds() -> None:
    text = footer("2026-01-03", dt.date(2026, 1, 3))
    assert "1,234 articles, 56 of them without an abstract · 1 file, the last one x.xml · encoder toy" in text
    assert "A &lt;note&gt;." in text
