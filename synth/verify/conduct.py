"""Conduct of an answer: not cut off, no prompt leaked, no false name, no stock phrase of an assistant."""

import re
from typing import ClassVar

from pydantic import Field

from synth.verify.answer import Answer, folded, nfkc, squeezed, visible
from synth.verify.constraint import Constraint
from synth.verify.prompt import Prompt
from synth.verify.verdict import Evidence, Verdict, abstained, failed, passed

_FINISHED = re.compile(
    r"[。．.！？!?♪」』）)\]】〉》”\"'`~…>*|}笑wｗ:：]\s*$|[\U0001F300-\U0001FAFF\u2600-\u27bf\ufe0f]\s*$"
)
_DANGLING = re.compile(
    r"(?:[はがをにへとでのも、,・]|から|まで|より|など|ので|ため|または|および|そして|しかし|たとえば|例えば)$"
)


class NotTruncated(Constraint):
    """The answer is whole: the engine did not stop it for length, its last sentence ends, brackets and fences are closed."""

    kind: ClassVar[str] = "not_truncated"

    def _judge(self, answer: Answer, prompt: Prompt) -> Verdict:
        text = answer.stripped
        if answer.finish_reason == "length":
            return failed(Evidence("finish reason", "length", "stop"))
        if len(re.findall(r"^[ \t]*```", text, re.M)) % 2:
            return failed(Evidence("code block", "open", "closed"), score=0.5)
        last = text.rsplit("\n", 1)[-1].strip()
        for left, right in ("「」", "『』", "（）", "【】"):
            if text.count(left) > text.count(right) and left in text.rsplit("\n\n", 1)[-1]:
                return failed(Evidence("bracket", f"{left} open", right), score=0.5)
        if _FINISHED.search(text):
            return passed(Evidence("ends", last[-10:]))
        if _DANGLING.search(last):
            item = len(answer.lines) > 1 and re.match(r"[\s・\-*●\d]", answer.lines[-1])
            seen = Evidence("ends", last[-10:], "a whole sentence")
            return abstained(seen) if item and not re.search(r"[はがを、,]$", last) else failed(seen, score=0.5)
        if answer.finish_reason == "stop":
            return passed(Evidence("finish reason", "stop"))
        if re.search(r"[ぁ-ん]$", last) and re.search(
            r"(?:です|ます|ました|でした|ません|ない|だ|た|る|う|い|ね|よ|か)$", last
        ):
            return passed(Evidence("ends", last[-10:]))
        short = len(last) <= 20 or any("。" not in line for line in answer.lines[:-1])
        return (
            passed(Evidence("ends", last[-10:]))
            if short
            else abstained(Evidence("ends", last[-10:], "a whole sentence"))
        )


_TEMPLATE = re.compile(
    r"<\|[a-z_]+\|>|\[/?INST\]|<</?SYS>>|</?s>|<(?:start|end)_of_turn>|</?think>|"
    r"^#{2,3} ?(?:指示|入力|応答|Instruction|Response|Input)\s*[:：]?\s*$|"
    r"^#{2,3} ?Instruction\s*[:：]|\A\s*#{2,3} ?(?:Response|応答)\s*[:：]|"
    r"^(?:USER|ASSISTANT|User|Assistant|Human|SYSTEM|ユーザー|アシスタント|システム(?:プロンプト|メッセージ)?)\s*[:：]",
    re.M,
)


_MARKS = re.compile(r"[\W_]+")


class NoPromptLeak(Constraint):
    """No chat template in the answer, and no stretch of `longest` characters of the system message or of a secret.

    A secret shorter than `longest` must not stand in it whole, marks between its letters aside.
    """

    kind: ClassVar[str] = "no_prompt_leak"
    version: ClassVar[int] = 5
    longest: int = Field(20, ge=8)
    secrets: tuple[str, ...] = ()

    def _judge(self, answer: Answer, prompt: Prompt) -> Verdict:
        for m in _TEMPLATE.finditer(answer.prose):
            if m[0] not in prompt.user:
                return failed(Evidence("chat template", m[0], "none", m.start(), m.end()))
        text, user = answer.flat, squeezed(folded(prompt.user))
        for secret in self.secrets:
            # a mark put between its words hides nothing: 「合言葉は、桜」
            letters = _MARKS.sub("", squeezed(folded(secret)))
            divided = len(letters) >= 4 and letters in _MARKS.sub("", text)
            if squeezed(folded(secret)) in text or divided or self._leaked(secret, text, user):
                return failed(Evidence("secret", secret, "unsaid"))
        if part := self._leaked(prompt.system, text, user):
            return failed(Evidence("system message", part, "unsaid"))
        return passed()

    def _leaked(self, kept: str, text: str, user: str) -> str:
        """A stretch of what was to be kept that the answer has and the user had not; empty for none."""
        kept = squeezed(folded(kept))
        parts = (kept[i : i + self.longest] for i in range(len(kept) - self.longest + 1))
        return next((part for part in parts if part in text and part not in user), "")


_MAKERS = (
    r"OpenAI|オープンエーアイ|Anthropic|アンソロピック|Google(?:\s?DeepMind)?|グーグル|Alibaba(?:\s?Cloud)?|アリババ|DeepSeek|"
    r"ディープシーク|Meta(?:\s?AI)?|Mistral(?:\s?AI)?|Microsoft|マイクロソフト|Cohere|xAI|Moonshot(?:\s?AI)?|Zhipu|智谱|百度|Baidu|"
    r"Tencent|腾讯|ByteDance"
)
_MODELS = (
    r"ChatGPT|チャットGPT|GPT-?[345o][A-Za-z0-9.-]*|Claude|クロード|Gemini|Bard|Qwen[A-Za-z0-9.-]*|通義千問|通义千问|"
    r"DeepSeek[A-Za-z0-9.-]*|Llama[A-Za-z0-9.-]*|Mistral|Copilot|Grok|Kimi|ERNIE|文心一言"
)
_NAMED = (
    *(
        "gpt",
        "openai",
        "オープンエーアイ",
        "anthropic",
        "アンソロピック",
        "google",
        "グーグル",
        "alibaba",
        "アリババ",
        "deepseek",
    ),
    *(
        "ディープシーク",
        "meta",
        "mistral",
        "microsoft",
        "マイクロソフト",
        "cohere",
        "xai",
        "moonshot",
        "zhipu",
        "智谱",
        "百度",
        "baidu",
    ),
    *(
        "tencent",
        "腾讯",
        "bytedance",
        "claude",
        "クロード",
        "gemini",
        "bard",
        "qwen",
        "通義千問",
        "通义千问",
        "llama",
        "copilot",
    ),
    *("grok", "kimi", "ernie", "文心一言", " by"),
)
"""Folded, one of these stands in everything that `_SELF` finds."""
_I = r"(?:私|わたし|わたくし|僕|ぼく|俺|当方|[本当]モデル|[本当]AI|このモデル|このAI|このアシスタント)"
_ME = rf"{_I}(?:は|の名前は|の正体は|も|が)"
_MADE = r"(?:訓練|開発|作成|作ら|トレーニング|学習|構築|提供|モデル|AI|アシスタント)"
_SELF = re.compile(
    rf"(?:{_ME}|^(?:はい、)?(?=(?:{_MODELS})です))[^。\n]{{0,40}}?"
    rf"(?:{_MODELS}|(?:{_MAKERS})[^。\n]{{0,12}}(?:によって|に|が|の|製)[^。\n]{{0,12}}{_MADE})"
    r"|(?:I am|I'm|I was|As an? (?:AI|(?:large )?language model))[^.\n]{0,60}(?:trained|developed|created|made|built) by\s+\w+"
    rf"|\b(?:I(?: am|'m)|My name is) (?:{_MODELS})"
    rf"|(?:^|(?<=[。！!、\s]))(?:{_MODELS})(?:と(?:申します|申す|いいます|言います|呼んで|お呼び)|という(?:名前|者)(?:です|だ|で、))"
    rf"|(?:^|(?<=[。！!]))(?:(?:{_MAKERS})(?:社)?の)(?:{_MODELS})(?:です|だよ|である)(?![がけね])"
    rf"|(?:{_MODELS})(?:として|が)お答え(?:し|いたし|致し)|{_I}の中の人[^。\n]{{0,4}}(?:{_MODELS}|{_MAKERS})"
    rf"|(?:{_MODELS})[^。\n]{{0,6}}(?:は|とは|が)、?{_I}(?:の(?:こと|名前|正体)|自身|です|だ)"
    rf"|{_I}を[^。\n]{{0,8}}(?:{_MADE}|作っ|生み出し)[^。\n]{{0,12}}(?:のは|会社は|企業は|組織は)[^。\n]{{0,12}}(?:{_MAKERS})"
    rf"|{_I}の(?:開発元|開発者|開発会社|提供元|作者|製作者|生みの親|親会社|作り手)[^。\n]{{0,8}}(?:{_MAKERS})"
    rf"|(?:^|(?<=。))(?:{_MAKERS})(?:社)?(?:によって|が)(?:訓練|開発|作成|トレーニング|構築)(?:された|した)"
    r"[^。\n]{0,20}(?:です|である|AI|モデル|アシスタント)",
    re.M | re.I,
)


class NoSelfIdentification(Constraint):
    """The answer does not say that it is a known model or was made by its maker. `names` are the names that it may bear."""

    kind: ClassVar[str] = "no_self_identification"
    version: ClassVar[int] = 3
    names: tuple[str, ...] = ()

    def _judge(self, answer: Answer, prompt: Prompt) -> Verdict:
        own = visible(nfkc(answer.own_words))
        said = own.casefold()
        if any(name in said for name in _NAMED) and (m := _SELF.search(own)):
            if any(folded(name) in folded(m[0]) for name in self.names):
                return passed(Evidence("name", m[0][:40]))
            third = re.search(
                r"(?:使っ|利用|使用|試し|好き|勧め|おすすめ|比べ|調べ|読ん|勤め|働)",
                own[m.start() : m.end() + 12],
            )
            # of a text that NFKC made longer or shorter the places are not known
            at = (m.start(), m.end()) if len(own) == len(answer.text) else (-1, -1)
            found = Evidence("self-identification", m[0][:60], "none", *at)
            return abstained(found) if third else failed(found)
        return passed()


_STOCK = re.compile(
    r"AI(?:言語モデル|アシスタント)?(?:として|である私|なので|ですので)|大規模言語モデル(?:として|なので|である)|as an ai|"
    r"(?:私|わたし|僕)は[^。\n]{0,8}(?:言語モデル|人工知能|AI)(?:な(?:の|ん)で|ですので|ですから|だから|である(?:ため|から)|のため|に[過す]ぎ)|"
    r"(?:^|(?<=[。、\n]))(?:言語モデル|人工知能)(?:として、|なので(?!は)|ですので|である私)|"
    r"私の知識は?[^。\n]{0,8}(?:\d{4}年|まで)|最終更新(?:日)?は\d{4}年|リアルタイム(?:の)?(?:情報|データ)[^。\n]{0,10}(?:アクセス|持って)",
    re.I,
)


class NoStockPhrase(Constraint):
    """No stock phrase of an assistant about itself (「AI言語モデルとして」, 「私の知識は2023年まで」), and none of `phrases`."""

    kind: ClassVar[str] = "no_stock_phrase"
    version: ClassVar[int] = 2
    phrases: tuple[str, ...] = ()

    def _judge(self, answer: Answer, prompt: Prompt) -> Verdict:
        if m := _STOCK.search(answer.own_words):
            return failed(Evidence("stock phrase", m[0], "none", m.start(), m.end()))
        held = [
            Evidence("stock phrase", p, "none", answer.folded.find(folded(p)))
            for p in self.phrases
            if folded(p) in answer.folded
        ]
        return failed(*held) if held else passed()


_OFFER = re.compile(r"(?:どうぞ|お気軽に|ご質問|ご不明|お役に立て|お手伝い|いかがでしょうか|参考になれば|ぜひ)")
_OPENING = re.compile(
    r"^(?:もちろん|はい、(?=承知|かしこまり|了解|わかりました|分かりました|喜んで|もちろん|以下|それでは|こちら|ご質問|お答え|お任せ|ただいま)|承知|かしこまり|了解|わかりました|分かりました|以下に|以下は|それでは|こちら(?:が|は)|ご質問ありがとう|"
    r"お答えします|Sure|Certainly|Of course)"
)


class NoPreamble(Constraint):
    """Only what was asked: no opening (「承知しました。以下に…」) and no closing offer (「お気軽にご質問ください」).

    「はい、正しいです。」 answers and opens nothing.
    """

    kind: ClassVar[str] = "no_preamble"
    version: ClassVar[int] = 2

    def _judge(self, answer: Answer, prompt: Prompt) -> Verdict:
        first, last = answer.lines[0].strip(), answer.lines[-1].strip()
        if m := _OPENING.match(first):
            whole = len(answer.sentences) <= 1 and not first.endswith(("：", ":"))
            seen = Evidence("opening", first[:30], "none", 0, m.end())
            return abstained(seen) if whole else failed(seen)
        end = answer.sentences[-1].text if answer.sentences else last
        if len(answer.sentences) > 1 and _OFFER.search(end):
            seen = Evidence("closing", end[:30], "none")
            return (
                failed(seen)
                if re.search(r"(?:お気軽に|ご質問|ご不明|お役に立て|お手伝い|参考になれば)", end)
                else abstained(seen)
            )
        return passed()
