"""Benchmarks: awaitly beside its peers and beside what its store can do at most, in one run."""
