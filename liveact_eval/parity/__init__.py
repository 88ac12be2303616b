"""Replaying folders of reference vectors against this implementation."""
