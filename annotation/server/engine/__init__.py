"""The embedded search engine: what Argilla asks of Elasticsearch, kept in one SQLite file beside its database.

Argilla's server keeps its rows in its own database and asks a search engine for everything that the UI finds, filters, sorts and
counts. Elasticsearch and OpenSearch are what it comes with; both want a Java machine of their own. Argilla lets an engine be
registered by name (`SearchEngine.register`), and this one needs nothing that Python does not bring.

`store.py` holds the file, its tables and its connections; `tokens.py` cuts Japanese so that any substring can be found;
`query_text.py` reads what is typed in the search box; `conditions.py` turns filters and sorts into SQL; `search.py` puts a page
together; `embedded.py` is the class that Argilla calls. `conditions.py`, `documents.py`, `embedded.py`, `launch.py` and `prepare.py`
import Argilla and run in its environment; the rest needs the standard library and numpy alone.
"""
