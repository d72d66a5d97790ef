"""GitHub's GraphQL API as far as the bot asks it, executed by graphql-core."""
