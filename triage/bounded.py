"""Sandboxes by the name that units of before 0.1.0 start them by, with names of functions of then: see `triage_cli.services.sandboxes`."""

import sys

from triage.runtime import sandbox_pool

FORMER = {
    "triage.content:summarise_json": "triage.message.summary:summarise_json",
    "triage.outgoing:read_json": "triage.message.outbound:read_json",
    "triage.preview:render_json": "triage.message.preview.preview_document:render_json",
    "triage_api.attachments:attachment": "triage_api.routes.messages.attachment_bytes:read_attachment",
    "triage.drawing:draw": "triage.message.preview.render_pages:draw_page",
}
ADDED = (  # since then: those units do not name them
    "triage.message.codes.read_codes:read_json",
    "triage.message.dmarc_reports.read_report:read_json",
)

if __name__ == "__main__":
    sys.exit(sandbox_pool.serve_socket([*(FORMER.get(name, name) for name in sys.argv[2:]), *ADDED]))
