"""The insides of `awaitly.codec`, `awaitly.schema` and `awaitly.digest`; import those and not these."""
