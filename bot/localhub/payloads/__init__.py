"""The JSON shapes of GitHub's REST API and webhooks, made from the state.

Field names and nesting follow GitHub's OpenAPI description, to which a contract test
holds them.
"""
