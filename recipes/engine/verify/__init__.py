"""`seimai verify`: the independent check of a run's rows (`command`), of juries, pairs and releases (`sets`).

`benchmarks_sought` finds what a run kept out, so that the check seeks it again.
"""
