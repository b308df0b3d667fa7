"""Builds the Thunderbird add-on: `python webmail/thunderbird/build_xpi.py FILE`. The same sources give the same bytes."""

import sys
import zipfile
from pathlib import Path

ADDON = Path(__file__).parent / "addon"
TIME = (1980, 1, 1, 0, 0, 0)  # the first that a zip file can name


def build_xpi(target: Path) -> None:
    """Writes the add-on to a file, its members by name, without times and rights of this machine."""
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        for path in sorted(one for one in ADDON.rglob("*") if one.is_file()):
            member = zipfile.ZipInfo(path.relative_to(ADDON).as_posix(), TIME)
            member.create_system, member.external_attr, member.compress_type = 3, 0o644 << 16, zipfile.ZIP_DEFLATED
            archive.writestr(member, path.read_bytes())


if __name__ == "__main__":
    build_xpi(Path(sys.argv[1]))
