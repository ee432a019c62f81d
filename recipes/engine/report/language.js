// The page works without this: the switch is CSS. Here the language also reaches screen readers, and #en opens the page in English.
(() => {
  const en = document.getElementById("say-en"), ja = document.getElementById("say-ja");
  const say = () => { document.documentElement.lang = en.checked ? "en" : "ja"; };
  const open = () => { if (location.hash === "#en") { en.checked = true; } else if (location.hash === "#ja") { ja.checked = true; } say(); };
  en.addEventListener("change", say);
  ja.addEventListener("change", say);
  addEventListener("hashchange", open);
  open();
})();
