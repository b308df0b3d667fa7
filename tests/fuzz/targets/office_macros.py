"""Office's binary files, their packed modules and their workbooks: an answer or a ValueError, within limits."""

import contextlib

from tests.triage.message.mime.office_files import excel4_workbook, packed, vba_project
from triage.message.mime.excel4_macros import find_in_workbook, has_macro_sheet, names_auto_open
from triage.message.mime.ole_macros import TEXT, decompress_container, find_macros, list_modules

SEEDS = (
    vba_project(),
    vba_project("AutoOpen", small=True),
    excel4_workbook(runs=True),
    excel4_workbook(runs=True, name=b"Auto_Open1", password=True),
    packed(b"Sub AutoOpen()\r\n" * 30),
    b"\x01\x03\xb0\x02a\x45\x00",  # letters, then a copy of them
    b"\x09\x08\x04\0\0\x06\x05\0\x85\0\x06\0\0\0\0\0\0\x01\x18\0\x10\0\x20" + bytes(14) + b"\x01\x0a\0\0\0",
    b"<Override ContentType='application/vnd.ms-excel.macrosheet+xml'/><definedName name='_xlnm.Auto&#95;Open'/>",
)
ANSWERS = ("", "macros", "macros-run")
CHUNK = 4096 + 18  # bytes that one chunk may add beyond the limit


def one_input(data: bytes) -> None:
    """`data` is a file, a packed module, a list of modules, a workbook and a part of a package."""
    with contextlib.suppress(ValueError):
        assert find_macros(data) in (*ANSWERS, "runs")
    with contextlib.suppress(ValueError):
        assert len(decompress_container(data)) <= TEXT + CHUNK
    with contextlib.suppress(ValueError):
        assert find_in_workbook(data) in ANSWERS
    assert all(name for name, _ in list_modules(data))
    assert has_macro_sheet([data]) in (True, False)
    assert names_auto_open(data) in (True, False)
