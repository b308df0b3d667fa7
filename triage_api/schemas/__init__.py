"""Pydantic schemas of the API, by resource: input is checked, output is exactly what the OpenAPI document says.

A resource's routes import only its own file, so that a caller of one resource does not wait for all schemas.
"""
