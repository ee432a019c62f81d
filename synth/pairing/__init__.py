"""Preference pairs: a prompt, a better answer and a worse one, of which programs know why it is worse.

answers    rows of generations, each judged turn as one answer: what it answers, its verdict, its size and form
narrow     an answer as columns, by workers               pool      the columns of all answers, for one process that decides
*          strategies, a file each: which two answers make a pair
           verified_failed  program_model  delta  jury    two answers that are there
           near_miss  twins  over_refusal                 an answer and a minimal edit of it (edits/), proven by the verifiers
rules      what never makes a pair                        balance   length and format, the same on both sides
choose     quotas and caps                                leak      how well length alone tells chosen from rejected
gather     the texts of what was chosen                   check     an independent recount of every rule

Everything between reading and writing is columns: an answer is some 150 bytes, and no pair is a Python object. Order is that of
hashes, so that the same rows give the same pairs wherever and in whatever order they are read.
"""
