"""What tests of tasks share: passages to grow from, and instances by number."""

import pytest

from curation.provenance import key
from synth.seed import Seed
from synth.tasks.task import Task, instance

TEXTS = (
    "精米とは、玄米の表面から糠を取り除くことです。白くするほど味は淡くなり、日持ちは短くなります。近くの米屋では、3分づき、5分づき、"
    "7分づきから選べます。1キロの玄米を白米にすると、およそ900グラムになります。精米したての米は香りがよく、夏なら2週間ほどで食べ切る"
    "のがよいとされています。",
    "町の図書館は、川沿いの道を北へ歩いて10分のところにある。開館は午前9時で、閉館は午後7時である。月曜日は休みだが、祝日と重なる週は"
    "火曜日が休みになる。一人が一度に借りられる本は10冊までで、期限は2週間と決まっている。二階には郷土の資料を集めた部屋があり、"
    "江戸時代の地図を見ることができる。",
    "自転車のパンクは、慌てずに順を追えば自分で直せます。まずタイヤレバーでタイヤを外し、チューブに空気を入れて水の中で穴を探します。"
    "泡が出たところに印を付け、紙やすりで軽くこすってから、ゴム糊を薄く塗ります。五分ほど乾かしたらパッチを貼り、よく押さえます。",
)

TOPICS = ("暮らし/料理", "旅/地域", "社会/交通")


@pytest.fixture(scope="session")
def passages() -> list[Seed]:
    """Three passages of running text."""
    return [
        Seed(key("page", i).hex(), t, topic, "derives", "example.jp", "CC0-1.0", None, key("text", t), {})
        for i, (t, topic) in enumerate(zip(TEXTS, TOPICS, strict=True))
    ]


@pytest.fixture
def made(passages):
    """Gives instances 0 to n − 1 of a task, those that its passages serve."""

    def instances(task: Task, n: int, **more):
        given = (
            instance(task, i, "test", passages[i // task.members % 3] if task.passage else None, **more)
            for i in range(n)
        )
        return [one for one in given if one is not None]

    return instances
