/**
 * How the conversation looks: days, bubbles, attachments, suggested answers, a picture shown large.
 */

export const logCss = String.raw`
.log-frame { position: relative; flex: 1; min-block-size: 0; display: flex; }
.log { flex: 1; overflow-y: auto; overscroll-behavior: contain; overflow-anchor: none; padding: 16px 20px 20px; display: flex; flex-direction: column; scrollbar-width: thin; scrollbar-color: var(--line) transparent; }
.log:focus-visible { outline-offset: -3px; }
.rows { display: flex; flex-direction: column; margin-block-start: auto; }
.past { text-align: center; color: var(--quiet); font-size: .867em; padding-block: 4px 12px; }
.greeting { display: flex; align-items: flex-end; gap: 8px; margin-block-start: auto; max-inline-size: 86%; }
.greeting .icon { inline-size: 2em; block-size: 2em; padding: .3em; border: 1px solid var(--accent-edge); border-radius: 50%; background: var(--accent); color: var(--on-accent); }
.greeting:not([hidden]) + .rows { margin-block-start: 0; }
.greeting + .rows > .day:first-child { margin-block-start: 18px; }
.day { align-self: center; margin-block: 18px 10px; padding: 2px 12px; color: var(--quiet); font-size: .833em; font-weight: 550; }
.rows > .day:first-child { margin-block-start: 0; }
.divider { display: flex; align-items: center; gap: 10px; margin-block-start: 16px; color: var(--accent-ink); font-size: .833em; font-weight: 600; }
.divider::before, .divider::after { content: ""; flex: 1; border-block-start: 1px solid; opacity: .5; }
.day::first-letter { text-transform: uppercase; }

.message { display: flex; flex-direction: column; align-items: flex-start; gap: 4px; max-inline-size: 86%; align-self: flex-start; margin-block-start: 3px; }
.message.own { align-items: flex-end; align-self: flex-end; }
.message.first { margin-block-start: 14px; }
.day + .message.first, .message.first:first-child { margin-block-start: 0; }
.sender { display: flex; align-items: center; gap: 8px; margin-block-end: 2px; color: var(--quiet); font-size: .867em; font-weight: 600; }
.avatar { inline-size: 2em; block-size: 2em; border-radius: 50%; object-fit: cover; display: grid; place-items: center; background: var(--accent); color: var(--on-accent); border: 1px solid var(--accent-edge); font-weight: 650; text-transform: uppercase; flex: none; }
img.avatar { border: 0; }
.bubble, .greeting p { max-inline-size: 100%; padding: 9px 14px; border: 1px solid transparent; border-radius: 18px; background: var(--raised); color: var(--ink); white-space: pre-wrap; overflow-wrap: anywhere; text-align: start; }
.own .bubble { background: var(--accent); border-color: var(--accent-edge); color: var(--on-accent); }
.message:not(.own):not(.first) .bubble { border-start-start-radius: 6px; }
.message:not(.own):not(.last) .bubble { border-end-start-radius: 6px; }
.message.own:not(.first) .bubble { border-start-end-radius: 6px; }
.message.own:not(.last) .bubble { border-end-end-radius: 6px; }
.bubble a { color: var(--accent-on-raised); text-decoration: underline; }
.own .bubble a { color: inherit; }
.own .bubble a:focus-visible { outline-color: currentColor; }
.message.emoji .bubble { background: none; color: var(--ink); padding: 0; font-size: 2.533em; line-height: 1.25; border: 0; }
.failed .bubble { background: none; border: 1px solid var(--alarm); color: var(--ink); }

.status { display: flex; align-items: center; flex-wrap: wrap; gap: 5px; padding-inline: 4px; color: var(--quiet); font-size: .8em; line-height: 1.5; font-variant-numeric: tabular-nums; }
.status .icon { inline-size: 1.1em; block-size: 1.1em; stroke-width: 2.4; }
.status.trouble { color: var(--alarm); gap: 4px 10px; font-size: .867em; }
.status.trouble span { display: flex; align-items: center; gap: 4px; font-weight: 600; }
.status.trouble .icon { inline-size: 1.25em; block-size: 1.25em; }
.status button { min-block-size: 28px; padding-inline: 4px; border-radius: 6px; color: var(--ink); text-decoration: underline; text-underline-offset: 2px; }

/* Pictures and films have their size before anybody knows what it is, so that nothing moves when they come. */
.picture { border: 0; border-radius: 18px; overflow: hidden; background: var(--raised); cursor: zoom-in; inline-size: 260px; max-inline-size: 100%; }
.picture img { display: block; inline-size: 100%; aspect-ratio: 4 / 3; object-fit: cover; }
.picture img.small { object-fit: scale-down; }
audio.attachment { inline-size: 280px; max-inline-size: 100%; }
video.attachment { inline-size: 280px; max-inline-size: 100%; aspect-ratio: 16 / 9; border-radius: 18px; background: #000; }
.file { display: flex; align-items: center; gap: 10px; max-inline-size: 100%; padding: 10px 14px; border: 1px solid var(--line); border-radius: 18px; color: var(--ink); text-decoration: none; overflow-wrap: anywhere; }
a.file:hover { background: var(--raised); }
a.file bdi { text-decoration: underline; text-underline-offset: 2px; }
.file .icon { color: var(--accent-ink); }

.quick-replies { display: flex; flex-wrap: wrap; gap: 8px; margin-block-start: 14px; }
.quick-reply { max-inline-size: 100%; min-block-size: 38px; padding: 7px 16px; border: 1.5px solid var(--accent-ink); border-radius: 20px; color: var(--accent-ink); font-weight: 550; text-align: start; overflow-wrap: anywhere; transition: background .12s, color .12s; }
.quick-reply:hover { background: var(--accent); color: var(--on-accent); }

.pill { position: absolute; inset-block-end: 12px; inset-inline: 0; margin-inline: auto; inline-size: fit-content; display: flex; align-items: center; gap: 6px; min-block-size: 36px; padding-inline: 7px; border: 1px solid var(--line); border-radius: 22px; background: var(--ground); color: var(--ink); font-size: .9em; font-weight: 600; box-shadow: 0 4px 16px #0003; }
.pill span:not(:empty) { margin-inline: -1px 8px; }
.pill .icon { inline-size: 1.3em; block-size: 1.3em; }

.skeleton { flex: 1; display: grid; place-items: center; }
`;
