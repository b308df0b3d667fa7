"""The JSON of the API, by resource: what comes in is checked, what goes out is exactly what the OpenAPI document says.

A resource's routes import its own file alone: whoever asks for one resource does not wait for all schemas.
"""
