"""Things fetched or built once a machine, into the cache folder: Debian packages, models, the pjproject build."""
