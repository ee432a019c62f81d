"""`seimai index`: a finished run becomes a generation of an index that later crawls are held against."""
