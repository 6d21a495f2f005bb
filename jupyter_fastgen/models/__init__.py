"""The models: what there is (`catalog`), what is here and how it gets here (`store`).

Importing this package costs nothing: the libraries that talk to a hub are imported when a pull
needs them.
"""
