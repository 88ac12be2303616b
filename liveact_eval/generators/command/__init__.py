"""Videos made by the programs of other projects, each in its own process and environment."""
