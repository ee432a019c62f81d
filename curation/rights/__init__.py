"""What sites say about the use of their pages, as it was found: opt-outs and licences, each with its evidence.

    signals          a page's own: X-Robots-Tag, meta robots, TDM reservation, in header and markup
    robots           one robots.txt: who may fetch what by RFC 9309, and what it says of training
    robots_archive   robots.txt and tdmrep.json of many hosts by date, from a crawl's own records
    licence_link     the licence that a rel=license link names

A signal has three values: `reserved`, `silent` (it was looked at and reserves nothing) and `unknown` (it was not there to be looked
at). Unknown never becomes silent. Where signals contradict each other the stricter holds, and both stay in the evidence.
"""
