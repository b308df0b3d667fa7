"""Pictures with QR codes and the texts of the codes: read within limits, and each address that a phone opens has a host."""

import json

from tests.triage.message.codes.made_codes import EVIL, code_picture, letter
from tests.triage.message.codes.test_code_content import GIROCODE, SWISS_BILL
from triage.message.codes.code_content import opened_address
from triage.message.codes.code_links import CODES
from triage.message.codes.read_codes import read_json
from triage.message.mime.links import link_destination

SEEDS = (
    *(code_picture(EVIL, kind, size=(160, 160)) for kind in ("PNG", "GIF", "WEBP")),
    *(
        text.encode()
        for text in (EVIL, GIROCODE, SWISS_BILL, "MEBKM:TITLE:x;URL:https\\://a.example;;", "URLTO:a:www.a.example", "a.example")
    ),
)


def one_input(data: bytes) -> None:
    """`data` is an attached picture, and the text of a code."""
    found = json.loads(read_json(letter(("scan.png", data)), {"pdf": False, "seconds": 5}))
    assert len(found["found"]) <= CODES
    addresses = [address for _, address in found["found"]]
    for address in (*addresses, opened_address(data.decode("utf-8", "replace"))):
        assert not address or link_destination(address).host
