"""A run as a page: one folder that any browser opens from the disk."""
