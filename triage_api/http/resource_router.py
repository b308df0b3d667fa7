"""Routers of the API's resources, with the API's own prefix.

FastAPI's `include_router` builds every route a second time, which costs each start as much as the first time: these are served as they are.
"""

from collections.abc import Sequence

from fastapi import APIRouter
from fastapi.params import Depends
from fastapi.routing import APIRoute

from triage_api.http.idempotency import Once
from triage_api.http.token_scopes import API


def name_operation(route: APIRoute) -> str:
    """Returns what programs call the operation."""
    return route.name


def resource_router(
    tag: str, prefix: str = "", *, route_class: type[APIRoute] = Once, dependencies: Sequence[Depends] | None = None
) -> APIRouter:
    """Returns a router for the routes of a resource below the API's prefix, documented under this tag."""
    return APIRouter(
        route_class=route_class,
        prefix=API + prefix,
        tags=[tag],
        dependencies=dependencies,
        generate_unique_id_function=name_operation,
    )
