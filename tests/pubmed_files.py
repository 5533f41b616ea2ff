"""Small files as NLM publishes them: `pubmed26n0001.xml.gz`, with versions, deletions and retractions."""

import gzip
from collections.abc import Iterable, Sequence
from pathlib import Path
from xml.sax.saxutils import escape

from search.article import Article

_REVISED = "<DateRevised><Year>2026</Year><Month>01</Month><Day>{day:02d}</Day></DateRevised>"


def write_pubmed_file(
    folder: Path, number: int, articles: Iterable[Article] = (), deleted: Sequence[int] = (), *, year: int = 26
) -> Path:
    """Write one file of NLM's series; deletions stand at its end, as in update files."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"pubmed{year}n{number:04d}.xml.gz"
    pmids = "".join(f'<PMID Version="1">{pmid}</PMID>' for pmid in deleted)
    gone = f"<DeleteCitation>{pmids}</DeleteCitation>" if deleted else ""
    records = "".join(_record(article, 1 + number % 28) for article in articles)
    path.write_bytes(gzip.compress(f"<PubmedArticleSet>{records}{gone}</PubmedArticleSet>".encode(), mtime=0))
    return path


def _record(article: Article, day: int) -> str:
    abstract = "".join(
        f'<AbstractText Label="{escape(one.label)}">{escape(one.text)}</AbstractText>' for one in article.sections
    )
    types = "".join(f"<PublicationType>{escape(one)}</PublicationType>" for one in article.publication_types)
    abstract = f"<Abstract>{abstract}</Abstract>" if abstract else ""
    year = f"<PubDate><Year>{article.year}</Year></PubDate>" if article.year else "<PubDate/>"
    corrections = "".join(
        f'<CommentsCorrections RefType="{one.ref_type}"><RefSource>J</RefSource></CommentsCorrections>'
        for one in article.corrections
    )
    return (
        f'<PubmedArticle><MedlineCitation><PMID Version="{article.version}">{article.pmid}</PMID>{_REVISED.format(day=day)}'
        f"<Article><Journal><JournalIssue>{year}</JournalIssue><Title>{escape(article.journal)}</Title></Journal>"
        f"<ArticleTitle>{escape(article.title)}</ArticleTitle>"
        f"{abstract}<PublicationTypeList>{types}</PublicationTypeList></Article>"
        f"<CommentsCorrectionsList>{corrections}</CommentsCorrectionsList></MedlineCitation></PubmedArticle>"
    )
