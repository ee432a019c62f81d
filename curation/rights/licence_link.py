"""The licence that a page's own link names (`rel=license`, a Creative Commons deed): its SPDX id, where the address is one we know.

What a link says is evidence, not proof: a page may link to the licence of a picture. So a recipe decides whether links count.
"""

import re

_DEED = re.compile(
    r"creativecommons\.org/(?:licenses/(?P<terms>[a-z-]+)/(?P<version>\d\.\d)(?:/(?P<port>[a-z]{2,4}))?"
    r"|publicdomain/(?P<public>zero|mark)/(?P<public_version>\d\.\d))",
    re.I,
)
_PORTS = {"jp": "JP"}
_OTHERS = {
    "apache.org/licenses/license-2.0": "Apache-2.0",
    "opensource.org/licenses/mit": "MIT",
    "opendatacommons.org/licenses/by/1-0": "ODC-By-1.0",
    "digital.go.jp/resources/open_data/public_data_license_v1.0": "PDL-1.0",
}


def licence_of(link: str | None) -> str | None:
    """SPDX id of a licence's address; None for an address that is none that we know.

    A national version of Creative Commons is the id that SPDX has for it (CC-BY-2.1-JP), else the unported one's.

    >>> licence_of("https://creativecommons.org/licenses/by-sa/4.0/deed.ja"), licence_of("//creativecommons.org/licenses/by/2.1/jp/")
    ('CC-BY-SA-4.0', 'CC-BY-2.1-JP')
    >>> licence_of("https://creativecommons.org/publicdomain/zero/1.0/"), licence_of("/policy.html")
    ('CC0-1.0', None)
    """
    said = (link or "").lower()
    if deed := _DEED.search(said):
        if deed["public"]:
            return "CC0-1.0" if deed["public"] == "zero" else "CC-PDM-1.0"
        port = _PORTS.get(deed["port"] or "", "")
        made = f"CC-{deed['terms'].upper()}-{deed['version']}"
        return f"{made}-{port}" if port and deed["version"] in ("2.0", "2.1") else made
    return next((spdx for address, spdx in _OTHERS.items() if address in said), None)
