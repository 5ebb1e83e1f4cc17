from pathlib import Path


def read(path)
    return Path(path).read_text("utf-8")
