"""Private environments of other programs: what they need, building them, finding them, asking the tools inside."""
