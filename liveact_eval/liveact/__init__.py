"""The native LiveAct: a causal video DiT with KV memory, its encoders, its sampler. Usable without the harness."""
