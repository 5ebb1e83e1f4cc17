"""Serving callbacks over HTTP."""
