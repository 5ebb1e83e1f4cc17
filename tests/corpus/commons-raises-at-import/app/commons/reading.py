from commons.settings import encoding


def read(path):
    return open(path, encoding=encoding("text")).read()
