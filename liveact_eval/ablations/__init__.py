"""Ablations of the native model: the paper's findings beside what was measured."""
