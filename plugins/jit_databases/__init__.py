"""jit_databases"""
