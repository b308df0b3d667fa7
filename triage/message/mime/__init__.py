"""MIME: parts, character sets, attachments, HTML, links, calendars, S/MIME. Pure."""
