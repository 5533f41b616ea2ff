"""A table as wide as the terminal, for reports that compare several things in several figures."""

import sys
from collections.abc import Sequence

from rich.console import Console
from rich.table import Table
from rich.text import Text

from search.command import plain


def write_table(title: str, columns: Sequence[str], rows: Sequence[Sequence[str]], notes: Sequence[str]) -> None:
    """Print a title, a table whose first column names what the others are of, and notes beneath it."""
    table = Table(box=None, padding=(0, 2, 0, 0), show_edge=False, header_style="dim")
    for number, column in enumerate(columns):
        table.add_column(column, justify="right" if number else "left", overflow="fold")
    for row in rows:
        table.add_row(*(Text(plain(cell)) for cell in row))
    console = Console(file=sys.stdout, highlight=False)
    with console.capture() as page:  # rich ends the process with 1 when a pipe is closed; `run` knows better
        console.print(Text(plain(title), style="bold"))
        console.print(table)
        for note in notes:
            console.print(Text(plain(note), style="dim"))
    sys.stdout.write(page.get())
