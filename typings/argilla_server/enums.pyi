from enum import StrEnum

class MetadataPropertyType(StrEnum):
    terms = "terms"
    integer = "integer"
    float = "float"

class SimilarityOrder(StrEnum):
    most_similar = "most_similar"
    least_similar = "least_similar"
