# ruff: noqa: D100, F821
# Makes %%fastgen known to IPython; FASTGEN_MAGIC=0 in the environment leaves it out.
# One expression: names that are bound here would be the user's.
__import__("jupyter_fastgen.magic", fromlist=["load_unasked"]).load_unasked(get_ipython())
