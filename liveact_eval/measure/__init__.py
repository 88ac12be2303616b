"""The decode-once engine: needs, streams, features, metrics, intervals."""
