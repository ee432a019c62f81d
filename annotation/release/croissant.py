"""Croissant metadata of a release (JSON-LD, version 1.0, https://docs.mlcommons.org/croissant/): every file with its hash, every
set of records with its fields. Readers of 1.1 read it too.
"""

from collections.abc import Iterator, Mapping
from typing import Any

import orjson

from annotation.release.card import languages

CONFORMS = "http://mlcommons.org/croissant/1.0"
CONTEXT: dict[str, Any] = {
    "@language": "en", "@vocab": "https://schema.org/", "citeAs": "cr:citeAs", "column": "cr:column", "conformsTo": "dct:conformsTo",
    "cr": "http://mlcommons.org/croissant/", "rai": "http://mlcommons.org/croissant/RAI/",
    "data": {"@id": "cr:data", "@type": "@json"}, "dataType": {"@id": "cr:dataType", "@type": "@vocab"},
    "dct": "http://purl.org/dc/terms/", "equivalentProperty": "cr:equivalentProperty",
    "examples": {"@id": "cr:examples", "@type": "@json"}, "extract": "cr:extract",
    "field": "cr:field", "fileProperty": "cr:fileProperty", "fileObject": "cr:fileObject", "fileSet": "cr:fileSet",
    "format": "cr:format", "includes": "cr:includes", "isLiveDataset": "cr:isLiveDataset", "jsonPath": "cr:jsonPath", "key": "cr:key",
    "md5": "cr:md5", "parentField": "cr:parentField", "path": "cr:path", "recordSet": "cr:recordSet", "references": "cr:references",
    "regex": "cr:regex", "repeated": "cr:repeated", "replace": "cr:replace", "samplingRate": "cr:samplingRate",
    "sc": "https://schema.org/", "separator": "cr:separator", "source": "cr:source", "subField": "cr:subField",
    "transform": "cr:transform",
}  # fmt: skip
"""The context that the specification gives."""
ENCODINGS = {"parquet": "application/x-parquet", "jsonl": "application/jsonlines"}
SCALARS = {"bool": "sc:Boolean", "float": "sc:Float", "double": "sc:Float", "int32": "sc:Integer"}


def croissant(manifest: Mapping[str, Any]) -> str:
    """The metadata as JSON text."""
    target = manifest["target"]
    said: dict[str, Any] = {
        "@context": CONTEXT, "@type": "sc:Dataset", "conformsTo": CONFORMS, "name": manifest["name"],
        "alternateName": list(manifest["title"].values()), "description": _description(manifest), "version": manifest["version"],
        "datePublished": manifest["made"], "license": target["licence"] or "LicenseRef-not-for-passing-on",
        "url": f"urn:seimai:{manifest['name']}:{manifest['version']}", "inLanguage": languages(manifest), "isLiveDataset": False,
        "citeAs": f"{manifest['name']} {manifest['version']}",
        "creator": {"@type": "sc:Organization", "name": manifest["contact"]},
        "rai:dataCollection": "; ".join(one["name"] for one in manifest["sources"]),
        "rai:personalSensitiveInformation": f"masked; {manifest['masked']} pieces at release",
        "distribution": list(_files(manifest)), "recordSet": list(_records(manifest)),
    }  # fmt: skip
    return orjson.dumps(said, option=orjson.OPT_INDENT_2).decode()


def _description(manifest: Mapping[str, Any]) -> str:
    kinds = ", ".join(f"{one['rows_out']:,} {kind}" for kind, one in manifest["shards"].items())
    return f"Japanese training data made with seimai, for {manifest['target']['purpose']}: {kinds} rows. README.md is the data card."


def _each(manifest: Mapping[str, Any]) -> Iterator[tuple[str, str, Mapping[str, Any], Mapping[str, Any]]]:
    """Format, split, what the manifest says of the format, and one of its files."""
    for name, of in manifest["formats"].items():
        for split, one in of["splits"].items():
            for file in one["files"]:
                yield name, split, of, file


def _files(manifest: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    for _, _, _, file in _each(manifest):
        path = file["path"]
        yield {
            "@type": "cr:FileObject", "@id": path, "name": path, "contentUrl": path, "contentSize": f"{file['bytes']} B",
            "encodingFormat": ENCODINGS[path.rpartition(".")[2]], "sha256": file["sha256"],
        }  # fmt: skip


def _records(manifest: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """A set of records a Parquet file; columns of JSON are texts. Fields of JSON lines differ from row to row and are not
    described."""
    for name, split, of, file in _each(manifest):
        if of["columns"] is None:
            continue
        path = file["path"]
        number = path.rpartition(".")[0].rpartition("-")[2]
        own = f"{name}-{split}-{number}"
        yield {
            "@type": "cr:RecordSet", "@id": own, "name": own, "description": f"{of['trainer']}: {split}, {file['rows']} rows",
            "field": [
                {
                    "@type": "cr:Field", "@id": f"{own}/{column}", "name": column, "repeated": kind.startswith("list"),
                    "dataType": SCALARS.get(kind, "sc:Text"),
                    "source": {"fileObject": {"@id": path}, "extract": {"column": column}},
                }
                for column, kind in of["columns"].items()
            ],
        }  # fmt: skip
