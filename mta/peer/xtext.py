"""xtext, the encoding of parameters in SMTP commands (RFC 3461, section 4)."""

import re

XTEXT = re.compile(r"(?:[!-*,-<>-~]|\+[0-9A-F]{2})+")  # RFC 3461, 4
