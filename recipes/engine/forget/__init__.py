"""Forgetting: a page, a host, a row or an annotator goes from everything that a run has made, and does not come back.

    where     the folder of tombstones, and how far a run's folder was cleared by it
    derived   what grew from it: pages, passages, candidates, rows, pairs, answers
    clearing  all of that taken out of a run's folder
    sweep     what a run does first: clearing, and the reports after it
    reports   reports without what went
    gate      nothing is read out of a folder that was not cleared by all of them
    telling   what was found, what went, and which releases held it
    command   `seimai forget`; cli has its options

One gate keeps it out: readers of files hold every row against the tombstones, and `seimai run` first clears what its folder still
holds by tombstones that came since. What lies there was cleared, what comes in is looked at, so no step in between has to ask.
"""
