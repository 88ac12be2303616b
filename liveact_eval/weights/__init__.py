"""Where weight files lie, how they are fetched, and how they are checked."""
