"""Rows before people: `seimai review`, from Argilla's server on this machine to decisions about rows.

cli office_cli settle_cli   the commands
server     up, status, logs, down; annotators; wordings to be reviewed
rows       what a task asks about, read from a run         examples   answers as training data of a quality model
labels     push, pull, freeze, again: label shards
office     sheets out and in, work, pay
agreement  calibrate  error_rate   what the labels say of people, of judges, of the rows
settle     gold, skill, adjudication: from answers to decisions
report/    the review's page
"""
