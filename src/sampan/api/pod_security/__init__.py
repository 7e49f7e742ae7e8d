"""The Pod Security Standards: levels, versions, checks; pure, for the API server and for the command line."""
