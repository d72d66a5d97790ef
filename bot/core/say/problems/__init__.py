"""What went wrong, as values and in words: each is a fact or two and how they read.

Who raises an error hands over one of these. ``str`` is what people read, in the middle
of a line; ``advice`` is a sentence of its own. All of them stand in
``fixtures/rendered/problems.md``.
"""
