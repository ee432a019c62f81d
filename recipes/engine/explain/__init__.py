"""`seimai explain`: one page's or one generated row's whole story, told from the shards.

story      a page found, by URL, id or place      generated  a row found, taken or refused, and what it was made from
command    what is told of it                     facts      how a terminal shows it
"""
