"""What is wrong with a query, as GitHub's GraphQL says it."""

import re

from graphql import GraphQLError

from bot.localhub.payloads.shape import Json


class QueryError(GraphQLError):
    """An error with GitHub's ``type`` beside the message."""

    def __init__(self, message: str, type_: str) -> None:
        super().__init__(message)
        self.type = type_


def error_json(error: GraphQLError) -> Json:
    """Return an error as GitHub shows it."""
    original = error.original_error or error
    entry: Json = {"message": error.message}
    if isinstance(original, QueryError):
        entry = {"type": original.type, **entry}
    if error.path:
        entry["path"] = list(error.path)
    if error.locations:
        entry["locations"] = [
            {"line": place.line, "column": place.column} for place in error.locations
        ]
    return entry


def invalid_json(error: GraphQLError) -> Json:
    """Return what GitHub says of a query that does not fit its schema."""
    entry = error_json(error)
    found = re.match(r"Cannot query field '(\w+)' on type '(\w+)'", error.message)
    if found is not None:
        field, type_ = found.groups()
        entry["message"] = f"Field '{field}' doesn't exist on type '{type_}'"
        entry["extensions"] = {
            "code": "undefinedField",
            "typeName": type_,
            "fieldName": field,
        }
    found = re.match(r'Value "(\w+)" does not exist in "(\w+)" enum', error.message)
    if found is not None and found[2] == "PullRequestTimelineItemsItemType":
        value, enum = found.groups()
        entry["message"] = (
            "Argument 'itemTypes' on Field 'timelineItems' has an invalid value"
            f" ([{value}]). Expected type '[{enum}!]'."
        )
        entry["extensions"] = {
            "code": "argumentLiteralsIncompatible",
            "typeName": "Field",
            "argumentName": "itemTypes",
        }
    return entry
