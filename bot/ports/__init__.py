"""What the engine needs from outside, as Protocols with their contracts.

``bot.wiring`` joins these to the adapters in ``github``, ``store``, ``host`` and
``workers``. Every method may raise what its docstring names and nothing else that a
caller is meant to handle.
"""
