"""How often each released row is shown: `cap` shares the K showings of a near-duplicate cluster among the rows that pass."""
