// Makes decisions in place. Without it every button works, too, by loading the page again.
"use strict";

function tellHeight() {
  if (window.parent !== window) {
    window.parent.postMessage({ keepwell: "height", height: document.documentElement.scrollHeight }, "*");
  }
}

async function decide(event) {
  const form = event.target;
  event.preventDefault();
  const buttons = document.querySelectorAll("button");
  buttons.forEach((button) => { button.disabled = true; });
  try {
    const answer = await fetch(form.action, { method: "POST", body: new URLSearchParams(new FormData(form)) });
    const page = new DOMParser().parseFromString(await answer.text(), "text/html");
    const main = page.querySelector("main");
    if (main === null) { throw new Error("no page came back"); }
    document.querySelector("main").replaceWith(document.adoptNode(main));
    document.title = page.title;
    const said = document.querySelector("[role=status]");
    if (said !== null) { said.tabIndex = -1; said.focus(); }
    tellHeight();
  } catch {
    buttons.forEach((button) => { button.disabled = false; });
    form.submit();
  }
}

document.addEventListener("submit", decide);
window.addEventListener("resize", tellHeight);
tellHeight();
