"""The console's static files, under a policy that lets the browser run and load nothing else."""

import re
from mimetypes import guess_type
from pathlib import Path

from fastapi import Request
from fastapi.responses import PlainTextResponse, Response
from starlette.exceptions import HTTPException
from starlette.types import Receive, Scope, Send

from triage_api.http.compression import takes_gzip

DIST = Path(__file__).parents[3] / "webui" / "dist"
PLAIN_PATH = re.compile(r"(/[A-Za-z0-9_-][A-Za-z0-9._-]*)+")  # no dot files, no way up
HASHED = re.compile(r"/assets/.+-[A-Za-z0-9_-]{6,}\.[a-z0-9]+")  # as the build names what may be kept for ever
PAGES = frozenset({"/index.html", "/ask.html"})  # under the paths that they are for only
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
        kept = "public, max-age=31536000, immutable" if HASHED.fullmatch(path) else "no-cache"
        headers = {"cache-control": kept, "content-security-policy": CSP}
        twin = file.with_name(f"{file.name}.gz")
        if twin.is_file():
            headers["vary"] = "accept-encoding"
            if takes_gzip(request.headers.get("accept-encoding", "")):
                return read_file(twin, request, headers | {"content-encoding": "gzip"})
        return read_file(file, request, headers)

    def page(self, name: str, request: Request) -> Response:
        """The page that all of the console lives in, or the one where employees ask for their mail."""
        index = self.dist / name
        if not index.is_file():
            return PlainTextResponse("The console is not built: run `make console`.\n", 503)
        return read_file(index, request, {"cache-control": "no-store", "content-security-policy": CSP})


def read_file(file: Path, request: Request, headers: dict[str, str]) -> Response:
    """Returns the whole file, for HEAD its length only. The build's files are small: no thread is asked."""
    content = file.read_bytes()
    kind = guess_type(file.name)[0] or "application/octet-stream"  # of NAME.gz it is the type of NAME
    length = {"content-length": str(len(content))}
    return Response(b"" if request.method == "HEAD" else content, headers=headers | length, media_type=kind)
