"""What tasks bring into a generation: conduct that does not hold for a call, a domain from a file, tools and languages in rows."""

import json

DOMAIN = """
version: 1
domain: fishing
document: 釣果の記録
subjects: [川の釣り]
order: [fish, day, weather]
least: 3
facts:
  fish: {values: [アジ, イワナ, ヤマメ, アユ]}
  day: {date: [2027-04-01, 2027-09-30]}
  weather: {values: [晴れ, くもり, 小雨]}
lines:
  - {id: title.1, state: draft, split: train, text: "{subject}"}
"""


def domain_file(folder, last="2027-09-30"):
    text = DOMAIN.replace("2027-09-30", last)
    for fact, what in (("fish", "魚"), ("day", "日付"), ("weather", "天気")):
        for part, said in (
            ("", "は{value}だった。"),
            ("_key", ""),
            ("_ask", "は何でしたか。"),
            ("_reply", "は{value}でした。"),
        ):
            text += f'  - {{id: {fact}{part}.1, state: draft, split: train, text: "{what}{said}"}}\n'
    path = folder / "fishing.yaml"
    path.write_text(text, encoding="utf-8")
    return path


def test_conduct_of_japanese_sentences_does_not_hold_for_calls_code_and_other_languages(recipes):
    recipes.generate["conduct"] = ["not_truncated", "no_chinese", "code_switching"]
    recipes.generate["tasks"] = {
        name: {"rows": 4, "answers": "program"}
        for name in ("function_calling", "coding", "other_language", "mathematics")
    }
    held = {order.name: {c.kind for c in order.conduct} for order in recipes.plan().generations[0].orders}
    assert held["mathematics"] == {"not_truncated", "no_chinese", "code_switching"}
    assert held["function_calling"] == held["coding"] == {"not_truncated", "no_chinese"}
    assert held["other_language"] == {"not_truncated"}


def test_rows_tell_their_tools_domain_and_language(recipes):
    recipes.generate["tasks"] = {
        "function_calling": {"rows": 6, "answers": "program"},
        "other_language": {"rows": 6, "answers": "program", "with": {"languages": ["fr"], "back": 0}},
        "fishing": {
            "task": "domain",
            "rows": 6,
            "answers": "program",
            "with": {"domains": [str(domain_file(recipes.folder))]},
        },
    }
    recipes.run()
    rows = recipes.rows()
    by_task = {name: [row for row in rows if row["task"] == name] for name in {row["task"] for row in rows}}
    assert {name: len(found) for name, found in by_task.items()} == {
        "function_calling": 6, "other_language": 6, "domain": 6,
    }  # fmt: skip
    assert all(json.loads(row["tools"]) for row in by_task["function_calling"])
    assert {row["lang"] for row in by_task["other_language"]} == {"fr"}
    assert {row["domain"] for row in by_task["domain"]} == {"fishing"}
    assert {row["tools"] for row in by_task["domain"]} == {None}


def test_a_domain_file_begins_at_the_recipes_folder_wherever_the_command_is_given(recipes, monkeypatch):
    domain_file(recipes.folder)
    recipes.generate["tasks"] = {
        "domain": {"rows": 4, "answers": "program", "with": {"domains": ["fishing.yaml", "finance"]}}
    }
    for folder in ("/", "/tmp"):
        monkeypatch.chdir(folder)
        (order,) = recipes.plan().generations[0].orders
        assert next(file.path for file in order.task.read) == recipes.folder / "fishing.yaml"
        assert {file.name for file in order.task.read} == {"fishing", "finance"}


def test_a_changed_domain_file_changes_the_fingerprint(recipes):
    tasks = {"domain": {"rows": 4, "answers": "program", "with": {"domains": [str(domain_file(recipes.folder))]}}}
    recipes.generate["tasks"] = tasks
    before, again = recipes.plan().generations[0].fingerprint, recipes.plan().generations[0].fingerprint
    domain_file(recipes.folder, last="2027-08-31")
    assert before == again != recipes.plan().generations[0].fingerprint
