// A command to be typed, and a button that copies it.

import { h } from "./dom.js";

const SAID_MS = 2000;

export function commandLine(text) {
  const code = h("code", { class: "command" }, text);
  const button = h("button", { type: "button", class: "quiet", onclick: async () => {
    const says = (await copied(code)) ? "Copied" : "Selected: copy it by keyboard";
    button.textContent = says;
    document.getElementById("says").textContent = says;
    setTimeout(() => { button.textContent = "Copy"; }, SAID_MS);
  }, "aria-label": `Copy: ${text}` }, "Copy");
  return h("div", { class: "commandline" }, code, button);
}

async function copied(code) {
  try {
    await navigator.clipboard.writeText(code.textContent);
    return true;
  } catch {
    // Without TLS a browser has no clipboard for scripts, but for what is selected.
    getSelection().selectAllChildren(code);
    return document.execCommand("copy");
  }
}
