from collections.abc import Set

class InstanceState:
    @property
    def unloaded(self) -> Set[str]: ...

def inspect(subject: object) -> InstanceState: ...
