"""The interface for other programs: /api/v1, described by /api/openapi.json and docs/api.md."""
