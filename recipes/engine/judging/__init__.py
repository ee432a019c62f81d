"""Juries in recipes: from the answers of generations to verdicts of judges, and to one decision a comparison.

judge:  (recipe)     spec      what a recipe may say
                     plan      checked before anything starts: policy, engines, rubrics, families; its fingerprint
                     people    a file of people's decisions
answers ─> work ─> verdicts ─> decisions
           work      which answers are compared and scored, written down before the first worker starts
                     step      workers ask one judge after the other
                     run       has them do so, hears the verdicts and decides
                     release   the set with its manifest; summary: what a terminal shows of it
"""
