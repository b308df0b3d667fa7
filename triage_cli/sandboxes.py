"""The sandboxes that systemd starts behind a socket, one for each connection: `python -m triage_cli parse` and `draw`.

The units of an installed Mailroom name nothing else, so that modules can be renamed; `mailroom` itself has no such commands.
"""

FUNCTIONS = {
    "parse": (
        "triage.content:summarise_json",
        "triage.outgoing:read_json",
        "triage.preview:render_json",
        "triage_api.attachments:attachment",
    ),
    "draw": ("triage.drawing:draw",),
}


def serve(unit: str) -> int:
    """Serves one connection, which names one of the unit's functions; returns the exit status."""
    from triage.bounded import serve_told

    return serve_told(list(FUNCTIONS[unit]))
