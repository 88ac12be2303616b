"""Several runs in one table: shared clips, paired differences, verdicts, and the table in four formats."""
