"""Quality models and the labels that they learn from: `seimai train` and `seimai label`.

label_sample  pages to be labelled, drawn evenly over a score
label_read    answers held against the run that they are about
train         a model from the rows that a recipe releases
"""
