"""Benchmarks of cnnx, and of others beside it."""
