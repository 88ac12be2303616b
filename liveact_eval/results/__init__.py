"""Result schema, run journal, provenance."""
