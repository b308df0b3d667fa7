"""Answers to GET are compressed; no other answer is, since one may carry a token or a fence beside text that a sender chose.

Whoever can put text into a compressed answer and sees its length could guess a secret in the same answer (BREACH). No answer to GET has
one, except those of FENCED, which are sent plain: a test looks through the published document.
"""

import gzip
import re

from starlette.requests import Request
from starlette.responses import Response

GZIP = re.compile(r"(^|,)\s*gzip\s*(;\s*q=(1|0\.[0-9]*[1-9]).*?)?(,|$)")
FENCED = re.compile(r"/campaigns/[^/]+/opened$|/start-list(/[^/]+)?$")  # paths whose answer carries a fence
JSON = "application/json"
SMALLEST = 1024  # bytes; less fits into one packet anyway
LEVEL = 4  # 92 kB take 1 ms and become 8


def takes_gzip(accept_encoding: str) -> bool:
    """Whether the client understands gzip (RFC 9110, 12.5.3)."""
    return bool(GZIP.search(accept_encoding))


def compress_answer(request: Request, response: Response) -> Response:
    """The answer, compressed where the client takes that and it is worth it."""
    if response.media_type != JSON or len(response.body) < SMALLEST or FENCED.search(request.url.path):
        return response
    response.headers.append("vary", "Accept-Encoding")
    if takes_gzip(request.headers.get("accept-encoding", "")):
        response.body = gzip.compress(response.body, LEVEL, mtime=0)
        response.headers.update({"content-encoding": "gzip", "content-length": str(len(response.body))})
    return response
