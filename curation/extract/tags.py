"""What an HTML tag means for extraction: which end by themselves, which hold no text, which are navigation.

One table of names and bits, read by the compiled pass over the markup (`markup_kernel`) and by its plain reference (`markup`).
Void, optional-end and formatting elements: WHATWG HTML, sections 13.1.2 and 13.2.4.3. Class names of navigation: those that
DocBook, Sphinx, mdBook, WordPress and the usual Japanese templates write (パンくず: topicpath, pankuzu).
"""

VOID = 1
"""Has no end tag (br, img)."""
INLINE = 2
"""Text goes on through it: a line break beside it stands between the letters on both sides."""
FORMATTING = 4
"""Opened again by the parser in every block until it is closed (the adoption agency): the tree can grow as a square."""
OPTIONAL_END = 8
"""May be closed by what follows it, so an open tag says nothing about depth (li, p, td)."""
RAW = 16
"""Content is no markup and no text: dropped with its tags up to the end tag (script, style)."""
VERBATIM = 32
"""Content is no markup but text: copied up to the end tag (title, textarea)."""
PRE = 64
"""Lines and spaces are kept (pre, listing)."""
NAVIGATION = 128
"""Never main text (nav)."""
AROUND = 256
"""Around the main text as a rule, part of it as an exception: hidden when it is mostly links or very short (footer, aside)."""
LIST = 512
"""A list that is hidden when nearly all of it is links and there are many (a menu without a name)."""
FOREIGN = 1024
"""SVG and MathML: their self-closed tags are real."""
FRAMED = 2048
"""Holds an article: a header or footer inside belongs to the text."""

CONTENTS = 4096
"""A table of contents: hidden when the rest of the page says more than it, kept where it is what the page is for."""

_NAMES: dict[int, str] = {
    VOID: "area base basefont bgsound br col embed frame hr img input keygen link meta param source track wbr",
    INLINE: "a abbr acronym b bdi bdo big cite code data del dfn em font i ins kbd label mark nobr q rb rp rt rtc ruby s samp small "
    "span strike strong sub sup time tt u var wbr",
    FORMATTING: "b big code em font i nobr s small strike strong tt u",
    OPTIONAL_END: "a p li dt dd tr td th thead tbody tfoot caption colgroup option optgroup rb rt rtc rp html head body",
    RAW: "script style iframe noembed noframes",
    VERBATIM: "title textarea xmp",
    PRE: "pre listing",
    NAVIGATION: "nav menu",
    AROUND: "header footer aside",
    LIST: "ul ol dl",
    FOREIGN: "svg math",
    FRAMED: "article main",
}

TAGS: dict[str, int] = {}
"""Bits of every tag name that has any, lower case; other names have 0."""
for _bit, _names in _NAMES.items():
    for _name in _names.split():
        TAGS[_name] = TAGS.get(_name, 0) | _bit

NAVIGATION_CLASSES = frozenset(
    "nav navheader navfooter navbar navigation gnav lnav gnavi lnavi globalnav global-nav global-navi globalnavi localnav local-nav "
    "breadcrumb breadcrumbs bread-crumb topicpath topic-path topic_path pankuzu pagetop page-top pagination pager wp-pagenavi "
    "page-numbers nav-chapters nav-wrapper mobile-nav-chapters menu-bar skip-link skiplink "
    "toplang bottomlang lang-menu lang-switcher lang-switch language-menu language-switcher language-selector".split()
)
"""Tokens of class or id, and values of role, of elements that are never main text."""

AROUND_CLASSES = frozenset(
    "header footer sidebar side-bar side sidenav sidemenu side-menu menu submenu sub-menu related relatedlinks "
    "related-posts recommend ranking sns share share-buttons social copyright widget banner rellinks entry-footer post-footer "
    "tags tag-list category-list archive-list recent-posts site-header site-footer global-header global-footer".split()
)
"""Tokens of class or id of elements that are judged by their links (see `AROUND`)."""

CONTENTS_CLASSES = frozenset(
    "toc toctree-wrapper contents-list table-of-contents tableofcontents toc_container mokuji list-of-tables".split()
)
"""Tokens of class or id of tables of contents (see `CONTENTS`)."""

NAVIGATION_ROLES = frozenset("navigation search menu menubar".split())
"""Values of the role attribute of elements that are never main text."""
