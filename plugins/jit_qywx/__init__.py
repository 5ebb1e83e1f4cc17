"""jit_qywx"""
