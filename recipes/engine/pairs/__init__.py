"""Preference pairs in recipes: from the rows and the refused candidates of generations to a released set of pairs.

pairs:  (recipe)     spec      what a recipe may say
                     plan      checked before anything starts; its fingerprint
answers ─> edits ─> candidates ─> pairs
read_step  edit_step           workers read files, make and prove edits
                     making    one stage: strategies, rules, balance, quotas and caps
                     release   the set with its manifest; summary: what a terminal shows of it
"""
