"""Papers per year, as bars over which a range of years is dragged."""

from collections.abc import Mapping, Sequence

import altair as alt
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
    brush = alt.selection_interval(name=_BRUSH, encodings=["x"])
    chart = (
        alt.Chart({"values": rows}, height=_HEIGHT)
        .mark_bar(binSpacing=1)
        .encode(
            x=alt.X("year:Q", title=None, bin="binned", scale=alt.Scale(domain=[first, last + 1], nice=False), axis=_axis()),
            x2="end:Q",
            y=alt.Y("papers:Q", title=None, axis=None),
            tooltip=[alt.Tooltip("year:Q", title="Year", format="d"), alt.Tooltip("papers:Q", title="Papers")],
            opacity=alt.condition(brush, alt.value(1), alt.value(0.35)),
        )
        .add_params(brush)
        .configure_view(strokeWidth=0)
    )
    key = f"year-chart-{hash((address.parameters().get('q'), address.year_from, address.year_to))}"

    def narrow() -> None:
        if (dragged := _dragged(st.session_state[key])) is not None:
            low, high = (min(max(year, first), last) for year in dragged)
            go(here().first_page(year_from=low, year_to=high))

    most = max(counts, key=lambda one: one.articles)
    alt_text = (
        f"Papers per year, {first} to {last}; the most in {most.year}: {most.articles:,}. The slider below does the same."
    )
    st.altair_chart(chart, key=key, on_select=narrow, selection_mode=_BRUSH, alt=alt_text)


def _axis() -> alt.Axis:
    return alt.Axis(format="d", tickCount=4, grid=False)


def _dragged(event: Mapping[str, Mapping[str, Mapping[str, Sequence[float]]]]) -> tuple[int, int] | None:
    """The first and the last year of a range that was dragged; None where it was clicked away."""
    ends = event.get("selection", {}).get(_BRUSH, {}).get("year", ())
    return (int(min(ends)), int(max(ends))) if len(ends) == 2 else None  # noqa: PLR2004  (both ends)
