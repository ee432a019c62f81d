"""Slurm: a run as a chain of jobs, each of which ends before the next is in question.

How many tasks a stage has is often known only when the stage before it is there (phases of a deduplication, rounds of a
generation), and a task that failed must be tried again before anything reads its rows. So a run is not one graph handed to Slurm,
but a chain:

    link 0 ─▶ array of stage 1 ─▶ link 1 ─▶ array of stage 2 ─▶ link 2 …

A *link* is a short job of one processor that does what `seimai run` does: it looks at the manifests, joins what is complete, and
at the first task that is missing it submits these tasks as array jobs, submits the next link to start when **all** of them have
ended, however they ended, and is gone. Nothing waits on a processor, nothing starts after a failure, and a link that dies is
given again. What an array's element runs is datatrove's contract as everywhere: the pipeline of steps, piped for one rank.

    resources.py   the file of `--on slurm:FILE`
    queue.py       squeue, sbatch, scancel
    submission.py  OUT/VERSION/jobs: what was submitted, how often, and how it ended
    arrays.py      tasks that are missing → array jobs
    element.py     what an array's element runs
    link.py        what a link runs, and the first of them
    watch.py       `seimai status`, `--follow`, `seimai cancel`, `seimai logs`; cli.py has the commands
"""
