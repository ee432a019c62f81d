"""Have the tasks of a stage read just what its work list says: every part of every file once? Asked before their rows count."""

from curation.place import Place
from curation.work_list import WorkList, covered, joined_rows, ranks_of, written
from recipes.engine.errors import RunError


def require_all_read(place: Place, tasks: int) -> None:
    """Holds what tasks say that they read against the list, of which there were so many at the beginning.

    Manifests of tasks that nobody left a rest to are removed. Raises RunError where something was left out, or read twice.
    """
    names = set(place.names("tasks"))
    ranks = ranks_of(place, tasks, names)
    for stray in names - {f"{rank:05d}.json" for rank in ranks}:
        place.fs.rm_file(f"{place.path}/tasks/{stray}")
    work = WorkList(place, tasks)
    if len(whole := work.whole()) != tasks:
        raise RunError(
            f"{place.url}: its work list is not whole: {len(whole):,} of {tasks:,} tasks; remove the folder to begin again"
        )
    given = [*whole, *(work.units(rank) for rank in ranks[tasks:])]
    for rank, units, told in zip(
        ranks, given, place.read_all_json([f"tasks/{rank:05d}.json" for rank in ranks]), strict=True
    ):
        read = covered(told)
        if read != (mine := joined_rows(written(units))):
            raise RunError(
                f"{place.url}: task {rank} has read {read} where the work list gives it {mine}: a bug, and nothing is "
                "released; remove the folder to begin again"
            )
