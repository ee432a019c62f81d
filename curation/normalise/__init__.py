"""Normalising: the only steps that change a page's text, in the order in which recipes use them.

1. `nfkc` joins widths, voiced marks and compatibility forms, and keeps what Japanese needs kept (its table says what);
2. `kutoten` settles ，． against 、。 by majority, page by page;
3. `whitespace` tidies spaces and line breaks and takes out what nobody sees;
4. `pii` masks personal data (`mask_personal_data`; its own chapter says how).

Each has a plain Python function that defines it and a compiled kernel over Arrow's bytes that is tested to be equal; applying
`nfkc` or `whitespace` twice changes nothing. Near-duplicates are not found on this text but on a normal form that folds further
(`curation/dedup/normal_form.py`).
"""
