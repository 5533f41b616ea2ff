"""What ships with the project: the embedded encoder and the sample records.

In a checkout they lie in `data/`; in an installed wheel beside this module, in `shipped/`.
"""

import gzip
from pathlib import Path

from search.article import AbstractSection, Article

SAMPLE_NOTE = (
    "The sample's articles are real; their abstracts are short summaries written for this project, "
    "not the publishers' text. Read the article on PubMed before relying on one."
)


def sample_folder() -> Path:
    """The folder of the sample's two PubMed XML files."""
    return _shipped("sample")


def embedded_encoder_folder() -> Path:
    """The model folder of the `embedded` encoder; its README.md is the model card."""
    return _shipped("encoder")


def sample_articles() -> list[Article]:
    """PMID, title and abstract of each of the sample's articles, the abstract as one section."""
    from lxml import etree

    articles = []
    for path in sorted(sample_folder().glob("*.xml.gz")):
        with gzip.open(path) as stream:
            for _, record in etree.iterparse(stream, tag="PubmedArticle", resolve_entities=False, no_network=True):
                pmid = int(record.findtext("MedlineCitation/PMID", "0"))
                title, *abstract = ("".join(part.itertext()).strip() for part in record.iter("ArticleTitle", "AbstractText"))
                articles.append(Article(pmid, title, (AbstractSection(" ".join(abstract)),)))
                record.clear()
    return articles


def _shipped(name: str) -> Path:
    here = Path(__file__).resolve().parent
    installed = here / "shipped" / name
    return installed if installed.is_dir() else here.parent / "data" / name
