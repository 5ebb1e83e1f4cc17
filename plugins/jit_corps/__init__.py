"""jit_corps"""
