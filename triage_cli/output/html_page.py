"""An HTML page that loads nothing from anywhere, and runs nothing: it can be sent by mail and opened in ten years."""

STYLE = """
:root { color-scheme: light dark; --pass: #2f7d4f; --held: #b26a00; --purged: #8a2b2b; --line: #8884; }
body { font: 15px/1.5 system-ui, sans-serif; max-width: 62rem; margin: 2rem auto; padding: 0 1rem; }
h1 { margin-bottom: 0; } h2 { margin-top: 2.2rem; border-bottom: 1px solid var(--line); }
svg { max-width: 100%; height: auto; font: 12px system-ui, sans-serif; fill: currentColor; }
svg .in { fill: #fff; } rect.pass { fill: var(--pass); } rect.held { fill: var(--held); } rect.purged { fill: var(--purged); }
table { border-collapse: collapse; width: 100%; } td, th { text-align: left; padding: .25rem .6rem .25rem 0; border-bottom: 1px solid var(--line); vertical-align: top; }
td.n, th.n { text-align: right; font-variant-numeric: tabular-nums; }
dl { display: grid; grid-template-columns: repeat(auto-fit, minmax(11rem, 1fr)); gap: .4rem 1.5rem; } dt { opacity: .75; } dd { margin: 0; font-size: 1.5rem; }
dl div { display: flex; flex-direction: column-reverse; justify-content: flex-end; } code { font-size: .9em; overflow-wrap: anywhere; }
.key span { display: inline-block; width: .9em; height: .9em; margin: 0 .35em 0 1em; vertical-align: -.1em; }
"""  # noqa: E501


def document(title: str, body: str, more: str = "", language: str = "en") -> str:
    """The whole page. `body` is HTML already, `more` style of its own."""
    return (
        f'<!doctype html>\n<html lang="{language}"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">\n'
        "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">\n"
        f"<title>{title}</title><style>{STYLE}{more}</style></head><body>\n{body}\n</body></html>\n"
    )
