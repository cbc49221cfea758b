/*! Chip's chat widget. MIT licence. */
var b=String.raw`
.lightbox { position: fixed; inset: 0; margin: 0; padding: 0; border: 0; inline-size: 100%; block-size: 100%; max-inline-size: none; max-block-size: none; background: #0b0c0ee8; color: #fff; }
.lightbox[open] { display: grid; place-items: center; animation: fade .16s; }
.lightbox > img { max-inline-size: calc(100vw - 32px); max-block-size: calc(100dvh - 128px); object-fit: contain; border-radius: 6px; }
.lightbox-bar { position: absolute; inset-block-start: 0; inset-inline: 0; display: flex; justify-content: flex-end; align-items: center; gap: 16px; padding: max(12px, env(safe-area-inset-top)) 16px; }
.lightbox .round { inline-size: 44px; block-size: 44px; color: #fff; }
.lightbox .round:hover { background: #ffffff2e; }
.lightbox :focus-visible { outline-color: #fff; }
`,c=new WeakSet;function g({h:e,icon:o,keepIn:r,link:d,root:n,strings:t},l,a){if(n.querySelector(".lightbox"))return;p(n.getRootNode());let s=e("button",{type:"button",class:"round","aria-label":t.say("closeImage"),onclick:()=>i.close()},o("close")),i=e("dialog",{part:"lightbox","aria-label":a},e("img",{src:l,alt:a,referrerpolicy:"no-referrer"}),e("div",{class:"lightbox-bar"},d(l,{},t.say("openOriginal")),s));r(i),i.addEventListener("click",f=>f.target===i&&i.close()),i.addEventListener("close",()=>i.remove()),n.append(i),i.showModal(),s.focus()}function p(e){if(c.has(e))return;c.add(e);let o=new CSSStyleSheet;o.replaceSync(b),e.adoptedStyleSheets=[...e.adoptedStyleSheets,o]}export{g as enlarge};
