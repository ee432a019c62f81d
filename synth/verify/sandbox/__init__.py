"""Programs that a model wrote are run in bubblewrap, watched from outside, or not at all.

`run.run` gives one program its own process tree and namespaces (PID, network, IPC, mounts), an unprivileged uid even where root
starts it, a read-only file system with a temporary folder of bounded size, a filter of system calls, and limits on memory,
processor time, processes, output and time that hold for the whole namespace together. `self_test.contained` tries a fork bomb and
10 GB over several children before the first program and says why not where they are not contained: then verifiers abstain.
Code never runs bare.
"""
