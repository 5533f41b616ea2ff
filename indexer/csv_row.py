"""One row of a CSV file, its cells asked for by what they say."""

from dataclasses import dataclass

from indexer.csv_columns import Column, Header
from indexer.notation import squeeze

_FORMULA_STARTS = ("=", "+", "-", "@", "\uff1d", "\uff0b", "\uff0d", "\uff20")


@dataclass(frozen=True, slots=True)
class Row:
    """The cells of one row; a row may be shorter than its header."""

    header: Header
    cells: list[str]

    def raw(self, column: Column) -> list[str]:
        """The cells of a column that are not blank, their line breaks kept, those under the better names first."""
        places = self.header.places.get(column, ())
        return [cell for place in places if place < len(self.cells) and (cell := self._unescaped(self.cells[place].strip()))]

    def first(self, column: Column) -> str:
        """The first of them, in one line, or ""."""
        return next((squeeze(cell) for cell in self.raw(column)), "")

    def lines(self, column: Column) -> list[str]:
        """Every line of all of them."""
        return [text for cell in self.raw(column) for line in cell.split("\n") if (text := squeeze(line))]

    def _unescaped(self, cell: str) -> str:
        """The cell without the apostrophe that our own export sets before what a spreadsheet would run."""
        is_escaped = self.header.is_ours and cell.startswith("'") and cell[1:].startswith(_FORMULA_STARTS)
        return cell[1:] if is_escaped else cell
