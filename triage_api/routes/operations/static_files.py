"""The console's static files, under a policy that lets the browser run and load nothing else."""

import hashlib
import re
from mimetypes import guess_type
from pathlib import Path

from fastapi import Request
from fastapi.responses import PlainTextResponse, Response
from starlette.exceptions import HTTPException
from starlette.types import Receive, Scope, Send

from triage_api.http.compression import takes_gzip
from triage_api.http.idempotency import knows_tag

DIST = Path(__file__).parents[3] / "webui" / "dist"
PLAIN_PATH = re.compile(r"(/[A-Za-z0-9_-][A-Za-z0-9._-]*)+")  # no dot files, no way up
HASHED = re.compile(r"/assets/.+-[A-Za-z0-9_-]{6,}\.[a-z0-9]+")  # as the build names what may be kept for ever
PAGES = frozenset({"/index.html", "/ask.html"})  # under the paths that they are for only
FOR_EVER = "public, max-age=31536000, immutable"
REPEATED = ("etag", "cache-control", "vary", "content-security-policy")  # in a 304 too (RFC 9110, 15.4.5)
CSP = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; font-src 'self'; connect-src 'self'; frame-src 'self'; "
    "manifest-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'; "
    "require-trusted-types-for 'script'; trusted-types svelte-trusted-html mailroom-worker"
)


class Console:
    """Answers whatever is no route of the API."""

    def __init__(self, dist: Path = DIST) -> None:
        self.dist = dist

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await self.answer(Request(scope))(scope, receive, send)

    def answer(self, request: Request) -> Response:
        """The file that the path names, or the console's page for the paths that it makes up."""
        path = request.scope["path"]
        if path == "/api" or path.startswith("/api/"):
            raise HTTPException(404)
        if request.method not in ("GET", "HEAD"):
            raise HTTPException(405)
        file = self.dist / path.lstrip("/")
        if PLAIN_PATH.fullmatch(path) and path not in PAGES and file.is_file():
            return self.file(file, path, request)
        name = path.rpartition("/")[2]
        if "." in name and not path.startswith(("/senders/", "/people/")) and path not in PAGES:  # whose names have dots
            raise HTTPException(404)
        return self.page("ask.html" if path == "/ask" else "index.html", request)

    def file(self, file: Path, path: str, request: Request) -> Response:
        """Returns a file, or its compressed twin for browsers that accept it."""
        is_hashed = bool(HASHED.fullmatch(path))
        headers = {"cache-control": FOR_EVER if is_hashed else "no-cache", "content-security-policy": CSP}
        twin = file.with_name(f"{file.name}.gz")
        if twin.is_file():
            headers["vary"] = "accept-encoding"
            if takes_gzip(request.headers.get("accept-encoding", "")):
                file, headers["content-encoding"] = twin, "gzip"
        return read_file(file, request, headers) if is_hashed else unless_known(request, read_file(file, request, headers))

    def page(self, name: str, request: Request) -> Response:
        """The page that all of the console lives in, or the one where employees ask for their mail."""
        index = self.dist / name
        if not index.is_file():
            return PlainTextResponse("The console is not built: run `make console`.\n", 503)
        return read_file(index, request, {"cache-control": "no-store", "content-security-policy": CSP})


def unless_known(request: Request, response: Response) -> Response:
    """Returns the file with its ETag, or 304 for a browser that has exactly this one: a service worker is asked for again and again."""
    if request.method != "GET":
        return response
    tag = response.headers["etag"] = f'"{hashlib.sha256(response.body).hexdigest()[:24]}"'
    if not knows_tag(request, tag):
        return response
    return Response(status_code=304, headers={name: response.headers[name] for name in REPEATED if name in response.headers})


def read_file(file: Path, request: Request, headers: dict[str, str]) -> Response:
    """Returns the whole file, for HEAD its length only. The build's files are small: no thread is asked."""
    content = file.read_bytes()
    kind = guess_type(file.name)[0] or "application/octet-stream"  # of NAME.gz it is the type of NAME
    length = {"content-length": str(len(content))}
    return Response(b"" if request.method == "HEAD" else content, headers=headers | length, media_type=kind)
