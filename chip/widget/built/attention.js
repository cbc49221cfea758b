/*! Chip's chat widget. MIT licence. */
var T=["keydown","keypress","keyup","beforeinput","input","compositionstart","compositionupdate","compositionend","copy","cut","paste","selectstart","contextmenu","wheel","touchmove","focusin","focusout"];function k(e,t){let n=o=>{(!t||!(o instanceof KeyboardEvent)||t.includes(o.key))&&o.stopPropagation()};for(let o of T)e.addEventListener(o,n,{passive:!0})}var I="a[href], audio, button, canvas, embed, iframe, img, input, label, meter, object, progress, select, summary, svg, textarea, video, [contenteditable], [role=button], [role=link]";function S(e,t){let n=new Set([t]);for(let o of E(e.top,e.bottom))for(let r of E(e.left,e.right))for(let s of L(document,r,o,t))if(!n.has(s)&&(n.add(s),s.closest(I)||P(s,e)))return!0;return!1}function E(e,t){let n=Math.ceil((t-e)/10);return Array.from({length:n+1},(o,r)=>Math.min(e+r*10,t-1))}function L(e,t,n,o){return e.elementsFromPoint(t,n).flatMap(r=>{let s=r!==o&&r.getRootNode()===e?r.shadowRoot:null;return s?[r,...L(s,t,n,o)]:[r]})}function P(e,t){let n=new Range;return[...e.childNodes].some(o=>!(o instanceof Text)||!o.data.trim()?!1:(n.selectNode(o),[...n.getClientRects()].some(r=>A(r,t))))}function A(e,t){return e.left<t.right&&t.left<e.right&&e.top<t.bottom&&t.top<e.bottom}var N={teaserHide:{other:"Hide this message"}};function z(e,t,n=0){let o=e(t,n),{one:r,other:s}=N[t]??{other:t};return o===t?(n===1&&r||s).replace("{n}",String(n)):o}var O=1e3,H=String.raw`
.teaser {
  position: absolute;
  inset-block-end: 0;
  inset-inline-end: calc(100% + 14px);
  display: flex;
  align-items: center;
  inline-size: max-content;
  max-inline-size: min(20em, 100vw - 2 * var(--gap) - 5em);
  min-block-size: 100%;
  border: 1px solid var(--line);
  border-radius: var(--round);
  background: var(--ground);
  color: var(--ink);
  box-shadow: 0 2px 6px #0000000f, 0 8px 28px #00000026;
  font-size: .9375em;
  animation: rise .25s cubic-bezier(.2, .8, .3, 1);
}
.root[data-position="start"] .teaser { inset-inline: calc(100% + 14px) auto; }
.teaser:not(.shown) { visibility: hidden; animation: none; }
.teaser .opens { flex: 1; align-self: stretch; border: 0; padding-block: 10px; padding-inline: 16px 4px; border-radius: var(--round); text-align: start; overflow-wrap: anywhere; }
.teaser .round { margin-inline: 2px 8px; }
.teaser .round .icon { inline-size: 1.1em; block-size: 1.1em; }
@media (max-width: 669.98px), (max-height: 479.98px) { .teaser { display: none; } }
`,C=!1;function B({h:e,icon:t,element:n,opening:o,say:r},s){if(C||!M())return;C=!0;let u=n.shadowRoot,l=u.querySelector(".launcher"),m=e("span",{dir:"auto"}),g=e("span",{class:"unseen"}),h=e("button",{class:"round",type:"button",onclick:d},t("close")),i=e("div",{part:"teaser"},e("button",{class:"opens",type:"button",onclick:()=>o.open(!0)},m," ",g),h),b=new CSSStyleSheet;b.replaceSync(H),u.adoptedStyleSheets=[...u.adoptedStyleSheets,b],i.addEventListener("keydown",a=>a.key==="Escape"&&d()),k(i,["Enter"," ","Escape"]),l.before(i);let v=new AbortController,{signal:c}=v;n.addEventListener("open",d,{signal:c}),s.addEventListener("abort",d,{signal:c}),addEventListener("scroll",w,{signal:c,capture:!0,passive:!0}),addEventListener("resize",w,{signal:c});let R=setInterval(x,O);c.addEventListener("abort",()=>clearInterval(R)),x();function x(){m.textContent=f("teaser")||f("greeting")||r("greeting"),g.textContent=r("open"),h.setAttribute("aria-label",z(r,"teaserHide")),y()?i.classList.add("shown"):p()}function w(){y()||p()}function y(){let a=i.getBoundingClientRect();return f("teaser")!=="none"&&!l.hidden&&a.width>0&&!S(a,n)}function p(){i.matches(":focus-within")&&l.focus({preventScroll:!0}),i.classList.remove("shown")}function d(){p(),v.abort(),i.remove()}function f(a){return n.getAttribute(a)??""}}function M(){let[e]=performance.getEntriesByType("navigation"),t=window.navigation?.currentEntry?.index,n=t===void 0?!!document.referrer||history.length===1:t===0;return e?.type==="navigate"&&n}export{B as tease};
