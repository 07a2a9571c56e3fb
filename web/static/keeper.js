// The little that htmx does not do. Every page works without it.
"use strict";

// Times are written on the server, in the reader's own zone: the browser alone knows which it is.
const zone = Intl.DateTimeFormat().resolvedOptions().timeZone;
if (zone && !document.cookie.split("; ").includes(`tz=${zone}`)) {
  document.cookie = `tz=${zone}; path=/; max-age=31536000; samesite=lax`;
}

// What the reader has opened stays open when the page renews itself: the server does not know of it.
Idiomorph.defaults.callbacks.beforeAttributeUpdated = (name, node) => !(name === "open" && node.tagName === "DETAILS");

// What is read aloud changes only when it is news: writing the same words again would repeat them.
document.addEventListener("htmx:sseMessage", () => {
  const now = document.getElementById("spoken-now");
  const spoken = document.getElementById("spoken");
  if (now && spoken && spoken.textContent !== now.textContent) spoken.textContent = now.textContent;
});

// After a page that failed or was confirmed, the reader's place is the message.
const alert = document.querySelector("[data-focus]");
if (alert) alert.focus();
