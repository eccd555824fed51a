"""Cases and genders, in the marks that pymorphy3 uses."""

from enum import StrEnum


class Case(StrEnum):
    """The six cases. The value is pymorphy3's grammeme."""

    NOMINATIVE = "nomn"
    GENITIVE = "gent"
    DATIVE = "datv"
    ACCUSATIVE = "accs"
    INSTRUMENTAL = "ablt"
    PREPOSITIONAL = "loct"


class Gender(StrEnum):
    """The three genders. The value is pymorphy3's grammeme."""

    MASCULINE = "masc"
    FEMININE = "femn"
    NEUTER = "neut"
