"""PubMed records to an index: one module per stage, in the order reading, collecting, embedding, build."""
