"""Programs that run inside other environments; they import nothing of this package."""
