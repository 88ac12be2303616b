"""liveact-eval: a benchmark and evaluation harness for real-time, audio-driven human animation."""

__version__ = "0.1.0"
