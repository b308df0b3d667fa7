"""A plugin for pytest with which one file of the project is imported broken: MAILROOM_MUTANT is the file and the mutant's number."""

import importlib.machinery
import os
import types

from tests.mutants.breaking import ROOT, mutants_of

FILE, _, NUMBER = os.environ["MAILROOM_MUTANT"].partition(":")
BROKEN = compile(mutants_of(FILE)[int(NUMBER)].broken(), str(ROOT / FILE), "exec")
whole = importlib.machinery.SourceFileLoader.get_code


def get_code(loader: importlib.machinery.SourceFileLoader, name: str) -> types.CodeType | None:
    """The code of a module, of the one file the mutant's."""
    return BROKEN if loader.get_filename(name) == str(ROOT / FILE) else whole(loader, name)


importlib.machinery.SourceFileLoader.get_code = get_code  # type: ignore[method-assign,assignment]
