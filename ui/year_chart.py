"""Papers per year, as bars over which a range of years is dragged."""

from collections.abc import Mapping, Sequence
from typing import Any

import streamlit as st

from search.facets import YearCount
from ui.address import Address
from ui.navigation import go, here

_HEIGHT = 90
_BRUSH = "brush"


def draw_year_chart(counts: Sequence[YearCount], address: Address) -> None:
    """Draw the bars; what is dragged over them narrows the search to these years."""
    if len(counts) < 2:  # noqa: PLR2004  (one year is no range)
        return
    first, last = counts[0].year, counts[-1].year
    by_year = {one.year: one.articles for one in counts}
    rows = [{"year": year, "end": year + 1, "papers": by_year.get(year, 0)} for year in range(first, last + 1)]
    key = f"year-chart-{hash((address.parameters().get('q'), address.year_from, address.year_to))}"

    def narrow() -> None:
        if (dragged := _dragged(st.session_state[key])) is not None:
            low, high = (min(max(year, first), last) for year in dragged)
            go(here().first_page(year_from=low, year_to=high))

    most = max(counts, key=lambda one: one.articles)
    alt = f"Papers per year, {first} to {last}; the most in {most.year}: {most.articles:,}. The slider below does the same."
    st.vega_lite_chart(_bars(rows, (first, last)), key=key, on_select=narrow, selection_mode=_BRUSH, alt=alt)


def _bars(rows: Sequence[Mapping[str, int]], years: tuple[int, int]) -> dict[str, Any]:
    first, last = years
    return {
        "data": {"values": rows},
        "height": _HEIGHT,
        "params": [{"name": _BRUSH, "select": {"type": "interval", "encodings": ["x"]}}],
        "mark": {"type": "bar", "binSpacing": 1},
        "encoding": {
            "x": {
                "field": "year",
                "type": "quantitative",
                "bin": "binned",
                "title": None,
                "scale": {"domain": [first, last + 1], "nice": False},
                "axis": {"format": "d", "tickCount": 4, "grid": False},
            },
            "x2": {"field": "end"},
            # Square roots, so that the few papers of early years are seen beside the many of late ones.
            "y": {"field": "papers", "type": "quantitative", "axis": None, "scale": {"type": "sqrt"}},
            "tooltip": [
                {"field": "year", "type": "quantitative", "title": "Year", "format": "d"},
                {"field": "papers", "type": "quantitative", "title": "Papers"},
            ],
            "opacity": {"condition": {"param": _BRUSH, "value": 1}, "value": 0.35},
        },
        "config": {"view": {"strokeWidth": 0}},
    }


def _dragged(event: Mapping[str, Mapping[str, Mapping[str, Sequence[float]]]]) -> tuple[int, int] | None:
    """The first and the last year of a range that was dragged; None where it was clicked away."""
    ends = event.get("selection", {}).get(_BRUSH, {}).get("year", ())
    return (int(min(ends)), int(max(ends))) if len(ends) == 2 else None  # noqa: PLR2004  (both ends)
