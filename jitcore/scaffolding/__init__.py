"""Making things: what ``jit new`` and ``jit override`` write.

Everything made comes with a test that passes, and nothing is ever overwritten. The texts are real files below
``templates/``; a family may bring its own for new Types, in a folder ``_scaffold/type`` beside its Meta's ``e.json``.
"""
