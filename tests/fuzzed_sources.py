"""Damages the fixtures of every format by a seed and reads the results: records or one sentence, nothing else.

    python tests/fuzzed_sources.py COUNT [SEED]

Writes one JSON document: how many inputs, what became of them, the faults, the seconds and the peak of memory.
"""

import gzip
import json
import os
import random
import re
import sys
import tempfile
import time
import traceback
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path

import msgspec

from indexer.embedding_cache import text_key
from indexer.parsed_file import SourceFile, SourceFormat
from indexer.reading import read_parts
from indexer.sources import find_sources
from search.article import LARGEST_PMID, Article
from search.bibtex_format import to_bibtex
from search.errors import SourceError
from search.memory import peak_memory_mb
from search.nbib_format import to_nbib
from search.ris_format import to_ris

FIXTURES = Path(__file__).resolve().parent / "fixtures"
# The share of inputs that are bombs, which take seconds instead of milliseconds.
BOMB_SHARE = float(os.environ.get("FUZZED_BOMBS", "0.0005"))
SLOW_SECONDS = 120.0  # of the processor; 25 MB of blank lines take half of it
MOST_RECORDS = 20_000  # of one input: what comes behind them is more of the same
EXPORTED_CHARACTERS = 20_000
SHOWN_FAULTS = 5

TOKENS = [
    b"\0",
    b"\xff\xfe",
    b"\xef\xbb\xbf",
    b"\xed\xa0\x80",
    b"\xc3",
    b"\r",
    b"\r\n",
    b"\n\n",
    b"\x1a",
    b"\x85",
    "\u2028".encode(),
    b'"',
    b'""',
    b",",
    b";",
    b"\t",
    b"TY  - JOUR\n",
    b"ER  - \n",
    b"PMID- 1\n",
    b"AB  - ",
    b"AN  - 12345678\n",
    b"N1  - PMID: 1\n",
    b"<PMID>",
    b"</PubmedArticle>",
    b"<!-- ",
    b"<![CDATA[",
    b"<?pi ?>",
    b"&amp;",
    b"&unknown;",
    b"&#0;",
    b"&#x110000;",
    b"<ERROR>failed</ERROR>",
    b'{"pmid": ',
    b"null",
    b"\\ud800",
    b"1e999",
    b"-0",
    b"NaN",
    b"9" * 20,
    b"9" * 5000,
    b"0" * 5000 + b"1",
    b"00112345678901234567890",
]
ENTITIES = [
    b'<!DOCTYPE P [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;&a;&a;">]>',
    b'<!DOCTYPE P [<!ENTITY a SYSTEM "file:///etc/hostname">]>',
    b'<!DOCTYPE P [<!ENTITY % a SYSTEM "http://localhost:1/x.dtd"> %a;]>',
    b"<!DOCTYPE P [" + b"".join(b'<!ENTITY e%d "&e%d;&e%d;">' % (n + 1, n, n) for n in range(40)) + b"]>",
    b'<!DOCTYPE PubmedArticleSet SYSTEM "missing.dtd">',
]
OPENINGS = {
    SourceFormat.PUBMED_XML: b"<PubmedArticleSet><PubmedArticle><MedlineCitation><PMID>1</PMID><Article><ArticleTitle>",
    SourceFormat.NBIB: b"PMID- 1\nTI  - T\n",
    SourceFormat.RIS: b"TY  - JOUR\nAN  - 1\nTI  - T\n",
    SourceFormat.JSONL: b'{"pmid": 1, "title": "T", "mesh": [',
    SourceFormat.CSV: b"pmid,title,abstract\n1,T,",
}
UNITS = [
    b"\0",
    b"a",
    b"\n",
    b"\r",
    b" ",
    b'"',
    b",",
    b"<a/>",
    b"<a>",
    b"[",
    b'"a",',
    b"AU  - a\n",
    b"MH  - a/b\n",
    b'"\n",',
    b"a\n",
]
EXTENSIONS = ["", ".xml", ".nbib", ".ris", ".jsonl", ".csv", ".tsv"]
BOMB_BYTES = 25_000_000


@dataclass
class Outcome:
    """What became of the inputs."""

    inputs: int = 0
    outcomes: Counter[str] = field(default_factory=Counter)
    faults: list[str] = field(default_factory=list)
    slowest_seconds: float = 0.0


@lru_cache
def fixtures() -> list[bytes]:
    return [path.read_bytes() for path in sorted(FIXTURES.rglob("*")) if path.is_file()]


def flip(data: bytes, chance: random.Random) -> bytes:
    damaged = bytearray(data or b"a")
    for _ in range(chance.choice([1, 1, 3, 20])):
        damaged[chance.randrange(len(damaged))] = chance.randrange(256)
    return bytes(damaged)


def cut(data: bytes, chance: random.Random) -> bytes:
    start, end = sorted(chance.randrange(len(data) + 1) for _ in range(2))
    return data[:start] + data[end:] if chance.random() < 0.5 else data[start:end]


def splice(data: bytes, chance: random.Random) -> bytes:
    other = chance.choice(fixtures())
    return data[: chance.randrange(len(data) + 1)] + other[chance.randrange(len(other) + 1) :]


def repeat(data: bytes, chance: random.Random) -> bytes:
    start = chance.randrange(len(data) + 1)
    chunk = data[start : start + chance.choice([1, 5, 50, 500])]
    return data[:start] + chunk * chance.choice([2, 10, 200]) + data[start:]


def insert(data: bytes, chance: random.Random) -> bytes:
    place = chance.randrange(len(data) + 1)
    return data[:place] + chance.choice(TOKENS) * chance.choice([1, 1, 1, 30]) + data[place:]


def exchange_number(data: bytes, chance: random.Random) -> bytes:
    numbers = list(re.finditer(rb"[0-9]+", data))
    if not numbers:
        return data
    number = chance.choice(numbers)
    huge = chance.choice([b"0", b"-1", b"1.0", b"9" * 9, b"9" * 20, b"9" * 5000, b"0" * 5000 + b"3", b"1e308", "١٢".encode()])
    return data[: number.start()] + huge + data[number.end() :]


def exchange_encoding(data: bytes, chance: random.Random) -> bytes:
    text = data.decode("utf-8", "replace")
    encoding = chance.choice(["utf-16", "utf-16-le", "utf-16-be", "utf-32", "utf-8-sig", "cp1252", "latin-1", "utf-7"])
    return text.encode(encoding, "replace")


def exchange_line_ends(data: bytes, chance: random.Random) -> bytes:
    return data.replace(b"\n", chance.choice([b"\r", b"\r\n", b"\r\r\n", b"\n\n", b"", b"\0", "\u2028".encode()]))


def exchange_case(data: bytes, chance: random.Random) -> bytes:
    return data.lower() if chance.random() < 0.5 else data.upper()


def declare_entities(data: bytes, chance: random.Random) -> bytes:
    declared = chance.choice(ENTITIES)
    return declared + data.replace(b"Title>", b"Title>&e40;&a;&b;", 1)


def nest(data: bytes, chance: random.Random) -> bytes:
    place = chance.randrange(len(data) + 1)
    unit = chance.choice([b"[", b'{"a":', b"<a>", b"<i>", b"(", b'"', b"/"])
    return data[:place] + unit * chance.choice([100, 300, 20_000]) + data[place:]


def lengthen(data: bytes, chance: random.Random) -> bytes:
    place = chance.randrange(len(data) + 1)
    return data[:place] + chance.choice([b"a", b" ", b"\0", b",", b"a1 ", b";", "é".encode()]) * 100_000 + data[place:]


def compress(data: bytes, chance: random.Random) -> bytes:
    packed = gzip.compress(data)
    return packed if chance.random() < 0.3 else chance.choice([flip, cut, repeat])(packed, chance)


MUTATIONS: list[Callable[[bytes, random.Random], bytes]] = [
    *[flip, cut, splice, insert, exchange_number] * 4,
    *[repeat, exchange_encoding, exchange_line_ends] * 2,
    exchange_case,
    declare_entities,
    nest,
    lengthen,
    compress,
]


def mutated(chance: random.Random) -> bytes:
    if chance.random() < BOMB_SHARE:
        unit = chance.choice(UNITS)
        million = gzip.compress(unit * (1_000_000 // len(unit)), 1)
        return gzip.compress(chance.choice(list(OPENINGS.values()))) + million * (BOMB_BYTES // 1_000_000)
    data = chance.choice(fixtures())
    for _ in range(chance.choice([1, 1, 2, 3, 6])):
        data = chance.choice(MUTATIONS)(data, chance)
    return data


def check(article: Article) -> None:
    """An article that was read can be stored, embedded and exported."""
    assert 0 <= article.pmid <= LARGEST_PMID
    assert article.title or article.sections
    stored = msgspec.json.encode(article)
    text_key(article)
    if len(stored) < EXPORTED_CHARACTERS:
        for write in (to_ris, to_nbib, to_bibtex):
            write([article]).encode()


def check_sentence(error: SourceError, source: SourceFile) -> None:
    """A refusal names the file and is a sentence."""
    assert str(source.shown) in str(error)
    assert str(error).endswith(".")


def read(source: SourceFile, chance: random.Random, outcome: Outcome) -> None:
    records = 0
    try:
        for part in read_parts(source, chance.choice([1, 50, 2000]), local_ids=chance.random() < 0.5):
            for article in (*part.articles, *part.unnumbered):
                check(article)
            outcome.outcomes["articles"] += len(part.articles)
            outcome.outcomes["articles without a PMID"] += len(part.unnumbered)
            outcome.outcomes["deletions"] += len(part.deleted_pmids)
            outcome.outcomes.update(f"skipped: {skipped.kind}" for skipped in part.skipped)
            records += len(part.articles) + len(part.unnumbered) + len(part.skipped)
            if records > MOST_RECORDS:
                break
        outcome.outcomes[f"files read: {source.format}"] += 1
    except SourceError as error:
        check_sentence(error, source)
        outcome.outcomes[f"files refused: {source.format}"] += 1


def one_input(folder: Path, chance: random.Random, outcome: Outcome) -> None:
    path = folder / f"input{chance.choice(EXTENSIONS)}"
    path.write_bytes(mutated(chance))
    try:
        (found,) = find_sources([path]).files
    except SourceError:
        outcome.outcomes["files of no known format"] += 1
        found = None
    if found is None or chance.random() < 0.2:  # whoever names the format by an extension may be wrong
        found = SourceFile(path, chance.choice(list(SourceFormat)))
    read(found, chance, outcome)


def fuzz(count: int, seed: int) -> Outcome:
    outcome = Outcome()
    with tempfile.TemporaryDirectory() as folder:
        for number in range(count):
            started = time.process_time()
            try:
                one_input(Path(folder), random.Random(f"{seed} {number}"), outcome)
            except BaseException:  # noqa: BLE001 - MemoryError, RecursionError and KeyboardInterrupt are what is looked for
                outcome.faults.append(f"input {number} of seed {seed}: {traceback.format_exc(limit=-4)}")
            seconds = time.process_time() - started
            outcome.slowest_seconds = max(outcome.slowest_seconds, seconds)
            if seconds > SLOW_SECONDS:
                outcome.faults.append(f"input {number} of seed {seed} took {seconds:.0f} s")
            outcome.inputs += 1
    return outcome


def own_peak_mb() -> int:
    """The most memory that this process had. Linux starts `ru_maxrss` at what the process had that started it, `VmHWM` at 0."""
    status = Path("/proc/self/status")
    found = re.search(r"VmHWM:\s*(\d+) kB", status.read_text(encoding="ascii")) if status.exists() else None
    return int(found[1]) // 1024 if found else peak_memory_mb()


def main() -> None:
    count, seed = int(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) > 2 else 1
    started = time.perf_counter()
    outcome = fuzz(count, seed)
    document = {
        "inputs": outcome.inputs,
        "seconds": round(time.perf_counter() - started, 1),
        "slowest_seconds": round(outcome.slowest_seconds, 1),
        "peak_mb": own_peak_mb(),
        "outcomes": dict(sorted(outcome.outcomes.items())),
        "fault_count": len(outcome.faults),
        "faults": outcome.faults[:SHOWN_FAULTS],
    }
    sys.stdout.write(json.dumps(document, indent=1) + "\n")


if __name__ == "__main__":
    main()
