import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from postgres import database_url, postgresql_url

__all__ = ["database_url", "postgresql_url"]
