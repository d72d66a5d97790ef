"""Decisions: no I/O, no clock, no randomness, no async.

Imports go ``say > run > plan > command > actions > world``, then the nouns beside them.
"""
