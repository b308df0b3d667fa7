"""The sandboxes that systemd starts behind a socket, one for each connection: `python -m triage_cli parse` and `draw`.

The units of an installed Mailroom name nothing else, so that modules can be renamed; `mailroom` itself has no such commands.
"""

FUNCTIONS = {
    "parse": (
        "triage.message.summary:summarise_json",
        "triage.message.outbound:read_json",
        "triage.message.dmarc_reports.read_report:read_json",
        "triage.message.codes.read_codes:read_json",  # without PDF, where drawers answer nobody
        "triage.message.preview.preview_document:render_json",
        "triage_api.routes.messages.attachment_bytes:read_attachment",
    ),
    "draw": ("triage.message.preview.render_pages:draw_page", "triage.message.codes.read_codes:read_json"),
}


def serve_connection(unit: str) -> int:
    """Serves one connection, which names one of the unit's functions; returns the exit status."""
    from triage.runtime.sandbox_pool import serve_socket

    return serve_socket(list(FUNCTIONS[unit]))
