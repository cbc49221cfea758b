/** Asking the server for conversations and messages, as many as the page has shown already. */
import { get } from "./server.js";

/** Pages of 50 that are asked for again after a gap; what lies before them is fetched when it is looked for. */
const MOST_PAGES = 10;

/** The beginning of the list, at least so many if there are. @param {number} count */
export async function conversations(count) {
  /** @type {import("./server.js").Conversation[]} */
  const all = [];
  for (let page = 1; ; page++) {
    const found = await get("conversations", { search: "", before: all.at(-1)?.id ?? 0 });
    all.push(...found.conversations);
    if (!found.more || all.length >= count || page === MOST_PAGES) return { ...found, conversations: all };
  }
}

/** The end of a conversation, down to the message with this id if there are not too many. @param {number} id @param {number} oldest */
export async function messages(id, oldest) {
  /** @type {import("./server.js").Message[]} */
  const all = [];
  for (let page = 1; ; page++) {
    const found = await get(`conversations/${id}`, { before: all[0]?.id ?? 0 });
    all.unshift(...found.messages);
    const first = all[0]?.id ?? 0;
    const reached = !found.more || first <= oldest;
    if (reached || page === MOST_PAGES) return { ...found, messages: all, reached };
  }
}
