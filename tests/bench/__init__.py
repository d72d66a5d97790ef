"""Benchmarks: ``python -m tests.bench`` runs all, and each is a module to run. They print
ratios.
"""
