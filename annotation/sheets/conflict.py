"""Everything for which a line of a sheet is not taken, in Japanese for those who filled it in and in English for the command line."""

from dataclasses import dataclass

KINDS: dict[str, tuple[str, str]] = {
    "unknown_id": (
        "この番号の行は、ここから書き出した表にありません（{found}）",
        "no sheet that was written from these label shards has a line {found}",
    ),
    "damaged_id": (
        "表計算ソフトが番号を数値に変えています（{found}）。元の表から番号の列を文字列として貼り直してください",
        "a spreadsheet made a number of the id ({found}); paste the column of ids again, as text",
    ),
    "twice": ("同じ番号の行が {found} 行目にもあり、内容が違います", "line {found} has this id too and says something else"),
    "moved_text": (
        "「{column}」がこの番号の文面と違います。一部の列だけを並べ替えると、番号と文面がずれます",
        "'{column}' is not the text of this id: some columns were sorted without the others, or the text was edited",
    ),
    "row_changed": (
        "書き出したあとに文面が変わりました。新しい表を書き出してください",
        "the row's text was changed since the sheet was written; write a new sheet",
    ),
    "row_gone": ("書き出したあとに、この行は取り下げられました", "the row was withdrawn since the sheet was written"),
    "older_version": (
        "書き出したあとに手引きか質問が変わりました（{found} → {wanted}）。新しい表を書き出してください",
        "guidelines or questions were changed since the sheet was written ({found} → {wanted}); write a new sheet",
    ),
    "changed_in_both": (
        "「{column}」：書き出したあとに、画面かほかの表でも答えが変わりました（この表：{found}、いまの答え：{wanted}）",
        "'{column}': changed in Argilla or another sheet as well since this one was written (here {found}, there {wanted})",
    ),
    "own_answer": (
        "{found} さんはこの行に画面で答えています。直すときは画面の「提出済み」から直してください",
        "{found} has answered this row in Argilla; it is changed there",
    ),
    "unknown_value": (
        "「{column}」：「{found}」という答えはありません。書けるのは {wanted}",
        "'{column}': there is no answer {found!r}; answers are {wanted}",
    ),
    "incomplete": ("「{column}」が空です（必須）", "'{column}' is empty and must be answered"),
    "formula": ("「{column}」に数式（{found}）が入っています。値に直してください", "'{column}' holds a formula ({found})"),
    "not_text": (
        "「{column}」を表計算ソフトが文字ではないもの（{found}）に変えています。文字列として書き直してください",
        "a spreadsheet made {found} of '{column}'; write it again as text",
    ),
    "too_long": (
        "「{column}」が {found} 字あります。一つのセルに入るのは 32,767 字までで、切れているおそれがあります。画面で答えてください",
        "'{column}' has {found} characters: a cell holds 32,767 and may have been cut; answer it in Argilla",
    ),
    "lost_characters": (
        "「{column}」：Shift_JIS で保存されたため、文字（{found}）が失われています。「CSV UTF-8」か XLSX で保存してください",
        "'{column}': the sheet was saved as Shift_JIS, which lost characters ({found}); save it as CSV UTF-8 or XLSX",
    ),
    "spans": (
        "「{column}」は表では直せません。画面で印をつけてください",
        "'{column}' cannot be changed in a sheet: mark spans in Argilla",
    ),
}  # fmt: skip
"""Kind of conflict: what is said in Japanese and in English of `column`, `found` and `wanted`."""


@dataclass(frozen=True)
class Conflict:
    """One thing for which a line is not taken. number: of the line in the file, the header is 1."""

    number: int
    id: str
    kind: str
    column: str = ""
    found: str = ""
    wanted: str = ""

    @property
    def ja(self) -> str:
        """In Japanese."""
        return self._said(0)

    @property
    def en(self) -> str:
        """In English."""
        return self._said(1)

    def _said(self, language: int) -> str:
        short = {"column": self.column, "found": self.found[:200], "wanted": self.wanted[:200]}
        return KINDS[self.kind][language].format(**short)
