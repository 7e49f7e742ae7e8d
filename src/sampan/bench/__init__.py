"""Benchmarks that need nothing but the package; `sampan bench` and the table of `python -m bench` run them."""
