"""SEG-Y in and out: scan the headers, find the geometry, ingest to a survey store, export again."""
