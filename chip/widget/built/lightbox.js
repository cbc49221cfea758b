/*! Chip's chat widget. MIT licence. */
var l=new Map;function d(i,o){let t=l.get(o)??new CSSStyleSheet;l.has(o)||t.replaceSync(o),l.set(o,t),i.adoptedStyleSheets.includes(t)||(i.adoptedStyleSheets=[...i.adoptedStyleSheets,t])}var b=String.raw`
.lightbox { position: fixed; inset: 0; margin: 0; padding: 0; border: 0; inline-size: 100%; block-size: 100%; max-inline-size: none; max-block-size: none; background: #0b0c0ee8; color: #fff; }
.lightbox[open] { display: grid; place-items: center; animation: fade .16s; }
.lightbox > img { max-inline-size: calc(100vw - 32px); max-block-size: calc(100dvh - 128px); object-fit: contain; border-radius: 6px; }
.lightbox-bar { position: absolute; inset-block-start: 0; inset-inline: 0; display: flex; justify-content: flex-end; align-items: center; gap: 16px; padding: max(12px, env(safe-area-inset-top)) 16px; }
.lightbox .round { inline-size: 44px; block-size: 44px; color: #fff; }
.lightbox .round:hover { background: #ffffff2e; }
.lightbox :focus-visible { outline-color: #fff; }
`;function u({h:i,icon:o,keepIn:t,link:f,root:n,strings:a},s,r){if(n.querySelector(".lightbox"))return;d(n.getRootNode(),b);let c=i("button",{type:"button",class:"round","aria-label":a.say("closeImage"),onclick:()=>e.close()},o("close")),e=i("dialog",{part:"lightbox","aria-label":r},i("img",{src:s,alt:r,referrerpolicy:"no-referrer"}),i("div",{class:"lightbox-bar"},f(s,{},a.say("openOriginal")),c));t(e),e.addEventListener("click",p=>p.target===e&&e.close()),e.addEventListener("close",()=>e.remove()),n.append(e),e.showModal(),c.focus()}export{u as enlarge};
