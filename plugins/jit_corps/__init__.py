"""The family ``corps``: organisations kept in the App's database, and the engine that keeps them right.

``jit_corps.corp.Corp`` is what a provider subclasses; ``jit_corps.snapshot`` is the data it hands over.
"""
