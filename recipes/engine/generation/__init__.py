"""Generation in recipes: from curated shards to verified rows, in rounds.

generate:  (recipe)       spec     what a recipe may say
                          plan     checked before anything starts: `orders` of tasks, `imports`, models, rights; its `fingerprint`
seeds ─> round 0, 1, … ─> released rows
         workers           step     make instances, answer and verify them, write candidates
         one stage         rounds   decides, plans the next round, until quotas are met or nothing comes any more
                          release  the shard set with its manifest
"""
