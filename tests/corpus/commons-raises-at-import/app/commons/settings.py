ENCODINGS = {"text": "utf-8"}
DEFAULT = ENCODINGS["txet"]


def encoding(kind):
    return ENCODINGS.get(kind, DEFAULT)
