/**
 * How the widget looks: colours, launcher, panel.
 */
import { logCss } from "./styles-log.js";

const frameCss = String.raw`
/* Important, because otherwise a site's own rule for every element would win. Whether the chat is
   shown at all is the site's to say: by display or visibility. */
:host {
  position: absolute !important;
  inline-size: 0 !important;
  block-size: 0 !important;
  min-inline-size: 0 !important;
  min-block-size: 0 !important;
  margin: 0 !important;
  padding: 0 !important;
  border: 0 !important;
  font-size: medium !important;
}
:host([hidden]) { display: none !important; }
@media print { :host { display: none !important; } }

.root {
  all: initial;
  visibility: inherit;
  color-scheme: light;
  --ground: #ffffff;
  --raised: #f2f3f5;
  --ink: #16181d;
  --quiet: #5b616e;
  --line: #e4e6ea;
  --alarm: #b3261e;
  --notice: #fff6de;
  --notice-ink: #4f3b00;
  --round: var(--chip-radius, 18px);
  --gap: var(--chip-inset, 20px);
  position: fixed;
  inset-block-end: max(var(--gap), env(safe-area-inset-bottom));
  inset-inline-end: max(var(--gap), env(safe-area-inset-right));
  z-index: var(--chip-z-index, 2147483000);
  /* Every size of letters is a part of the one that the visitor has chosen in his browser; rem would be the page's. */
  font: 400 1em/1.45 var(--chip-font, system-ui, -apple-system, "Segoe UI", Roboto, "Noto Sans", sans-serif);
  color: var(--ink);
  /* Not painted: it tells the raised colour, resolved, to whoever asks. */
  accent-color: var(--raised);
  -webkit-text-size-adjust: 100%;
}
.root[data-theme="dark"] {
  color-scheme: dark;
  --ground: #17191d;
  --raised: #24272d;
  --ink: #f1f2f4;
  --quiet: #a3a9b5;
  --line: #30343c;
  --alarm: #ff9a91;
  --notice: #352c14;
  --notice-ink: #f5e2b0;
}
.root[data-position="start"] { inset-inline: max(var(--gap), env(safe-area-inset-left)) auto; }
.probe { position: fixed; inset: 0; visibility: hidden; pointer-events: none; }

*, ::before, ::after { box-sizing: border-box; }
[hidden] { display: none !important; }
h2, p { margin: 0; font: inherit; overflow-wrap: anywhere; }
button, textarea { font: inherit; color: inherit; margin: 0; }
button { cursor: pointer; border: 1px solid transparent; background: none; padding: 0; touch-action: manipulation; }
a { color: inherit; text-underline-offset: 2px; }
:focus { outline: none; }
:focus-visible { outline: 2px solid var(--accent-ink); outline-offset: 2px; }
.icon { inline-size: 1.6em; block-size: 1.6em; fill: none; stroke: currentColor; stroke-width: 2; stroke-linecap: round; stroke-linejoin: round; flex: none; display: block; }
.unseen { position: absolute; inline-size: 1px; block-size: 1px; overflow: hidden; clip-path: inset(50%); white-space: nowrap; }

.launcher {
  position: relative;
  display: grid;
  place-items: center;
  inline-size: 3.625em;
  block-size: 3.625em;
  border-color: var(--accent-edge);
  border-radius: 50%;
  background: var(--accent);
  color: var(--on-accent);
  box-shadow: 0 1px 2px #0003, 0 6px 20px #0003;
  transition: transform .16s ease, box-shadow .16s ease;
}
.launcher:hover { transform: translateY(-2px); box-shadow: 0 2px 4px #0003, 0 10px 28px #0004; }
.launcher:active { transform: scale(.95); }
.launcher:focus-visible { outline-width: 3px; outline-offset: 3px; box-shadow: 0 0 0 3px var(--ground), 0 6px 20px #0003; }
.launcher .icon { grid-area: 1 / 1; inline-size: 1.75em; block-size: 1.75em; stroke-width: 1.9; transition: opacity .16s, transform .2s ease; }
.launcher[aria-expanded="false"] .icon:nth-of-type(2) { opacity: 0; transform: rotate(-60deg) scale(.6); }
.launcher[aria-expanded="true"] .icon:nth-of-type(1) { opacity: 0; transform: rotate(60deg) scale(.6); }
.badge {
  position: absolute;
  inset-block-start: -4px;
  inset-inline-end: -4px;
  padding-inline: 5px;
  border-radius: 11px;
  border: 2px solid var(--ground);
  box-sizing: content-box;
  min-inline-size: .84em;
  background: #c8261c;
  color: #fff;
  font-size: .75em;
  font-weight: 650;
  line-height: 1.67;
  text-align: center;
}

.panel {
  position: absolute;
  inset-block: auto calc(100% + 14px);
  inset-inline: auto 0;
  margin: 0;
  padding: 0;
  border: 1px solid var(--line);
  font-size: .9375em;
  inline-size: min(var(--chip-width, 26.2em), 100vw - 2 * var(--gap));
  block-size: min(var(--chip-height, 42.7em), 100dvh - 2 * var(--gap) - 4.8em);
  max-inline-size: none;
  max-block-size: none;
  border-radius: var(--round);
  overflow: hidden;
  background: var(--ground);
  color: var(--ink);
  box-shadow: 0 2px 6px #0000000f, 0 16px 48px #0000002e;
  flex-direction: column;
}
.panel[open] { display: flex; animation: rise .2s cubic-bezier(.2, .8, .3, 1); }
.root[data-position="start"] .panel { inset-inline: 0 auto; }
@keyframes rise { from { opacity: 0; transform: translateY(10px) scale(.985); } }
.panel:focus-visible { outline: none; }

.header { display: flex; align-items: center; justify-content: space-between; gap: 12px; padding-block: 14px; padding-inline: 20px 12px; border-block-end: 1px solid var(--accent-edge); background: var(--accent); color: var(--on-accent); }
.header > div { min-inline-size: 0; flex: 1; }
.face .avatar { inline-size: 2.667em; block-size: 2.667em; border: 1px solid currentColor; }
.face img.avatar { border: 0; background: var(--ground); }
.heading { font-size: 1.133em; font-weight: 650; line-height: 1.3; letter-spacing: -.01em; }
.subheading { font-size: .9em; line-height: 1.4; }
.round { display: grid; place-items: center; inline-size: 2.4em; block-size: 2.4em; border-radius: 50%; color: var(--quiet); flex: none; transition: background .12s; }
.round:hover { background: var(--raised); color: var(--ink); }
.header .round, .header .round:hover { color: inherit; }
.header .round:hover { background: #7f7f7f59; }
.header :focus-visible { outline-color: currentColor; }
.round .icon { inline-size: 1.35em; block-size: 1.35em; }

.banner { display: flex; align-items: center; justify-content: space-between; gap: 12px; padding: 10px 20px; background: var(--notice); color: var(--notice-ink); font-size: .9em; line-height: 1.4; animation: fade .2s; }
.banner.calm { background: var(--raised); color: var(--ink); }
.banner .next { opacity: .85; font-variant-numeric: tabular-nums; }
.banner button { flex: none; min-block-size: 32px; padding-inline: 12px; border-radius: 16px; border-color: currentColor; font-weight: 600; }
.banner :focus-visible { outline-color: currentColor; }
@keyframes fade { from { opacity: 0; } }

.composer { display: flex; align-items: flex-end; flex-wrap: wrap; gap: 8px; padding: 12px; border-block-start: 1px solid var(--line); }
.input {
  flex: 1;
  min-inline-size: 0;
  resize: none;
  field-sizing: content;
  min-block-size: max(44px, 2.72em);
  max-block-size: min(9.8em, 30dvh);
  padding: 10px 16px;
  border: 1px solid transparent;
  border-radius: 22px;
  background: var(--raised);
  font-size: max(16px, 1.067em);
  line-height: 1.4;
  overflow-y: auto;
  scrollbar-width: thin;
  outline-offset: 0;
}
/* An empty field has no direction of its own, and would show its hint on the wrong side. */
.root[dir="rtl"] .input:placeholder-shown { direction: rtl; }
.input::placeholder { color: var(--quiet); opacity: 1; }
.input:focus { outline: 2px solid var(--accent-ink); outline-offset: -1px; }
.input[aria-invalid="true"]:focus { outline-color: var(--alarm); }
.input:disabled { opacity: .6; }
.send { display: grid; place-items: center; inline-size: max(44px, 2.9em); block-size: max(44px, 2.9em); border-radius: 50%; border-color: var(--accent-edge); background: var(--accent); color: var(--on-accent); flex: none; transition: background .12s, color .12s, transform .12s; }
.send:active { transform: scale(.94); }
.send[aria-disabled="true"] { border-color: transparent; background: var(--raised); color: var(--quiet); cursor: default; transform: none; }
.send .icon { inline-size: 1.5em; block-size: 1.5em; }
.count { flex: 0 0 100%; padding-inline: 16px; color: var(--quiet); font-size: .833em; font-variant-numeric: tabular-nums; }
.count:empty { display: none; }
.input[aria-invalid="true"] ~ .count { color: var(--alarm); }

@media (max-width: 669.98px), (max-height: 479.98px) {
  .panel { position: fixed; inset: var(--view-top, 0px) 0 auto 0 !important; inline-size: 100%; block-size: var(--view-height, 100dvh); border: 0; border-radius: 0; box-shadow: none; animation-duration: .14s; }
  .panel::backdrop { background: var(--ground); }
  .header { padding-block-start: max(10px, env(safe-area-inset-top)); padding-block-end: 10px; }
  .header, .composer, .banner { padding-inline-end: max(12px, env(safe-area-inset-right)); }
  .log { padding-inline-end: max(20px, env(safe-area-inset-right)); }
  .composer { padding-block-end: max(12px, env(safe-area-inset-bottom)); }
  .round { inline-size: 44px; block-size: 44px; }
}
@media (pointer: coarse) {
  .round, .banner button, .status button, .quick-reply, .pill { min-block-size: 44px; min-inline-size: 44px; }
  .banner button { border-radius: 22px; }
}
@media (prefers-reduced-motion: reduce) {
  *, ::before, ::after { animation: none !important; transition: none !important; }
}
@media (forced-colors: active) {
  .launcher, .panel, .send, .bubble, .quick-reply, .input, .banner, .pill, .badge { border: 1px solid; }
  .launcher, .send { border-color: ButtonText; }
  :focus-visible, .input:focus { outline-color: Highlight; }
}
`;

// What counts for fingers and for few colours comes after all that it changes.
// Browsers of 2022 do not know what is left of a phone's screen below its bars.
export const css = (logCss + frameCss).replaceAll("dvh", CSS.supports("height", "1dvh") ? "dvh" : "vh");
