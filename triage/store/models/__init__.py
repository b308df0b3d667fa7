"""The tables, a file for each subject. Times are microseconds UTC, ids are ours, text that is searched is folded by us.

Whoever imports one file has all tables: foreign keys name their tables, and what makes or copies the whole database finds each of them.
"""

from importlib import import_module
from pkgutil import iter_modules

for found in iter_modules(__path__, f"{__name__}."):
    import_module(found.name)
