/**
 * What the widget says in English. Other languages are files in `words/`, with the same names.
 *
 * `{n}` is a number. An object holds the plural forms that the language has.
 */

/**
 * @typedef {string | { [form: string]: string }} Phrase
 * @typedef {Record<string, Phrase>} Words
 */

/** @type {Words} */
export const en = {
  heading: "Chat with us",
  greeting: "Hello! How can we help?",
  open: "Open chat",
  close: "Close chat",
  unread: { one: "{n} unread message", other: "{n} unread messages" },
  log: "Conversation",
  agent: "Support",
  you: "You",
  input: "Write a message",
  send: "Send",
  tooLong: { one: "{n} character too many", other: "{n} characters too many" },
  sending: "Sending…",
  queued: "Waiting to be sent",
  sent: "Sent",
  failed: "Not sent",
  retry: "Try again",
  discard: "Delete",
  newMessages: "New messages",
  newest: "Go to the newest message",
  replies: "Suggested answers",
  today: "Today",
  yesterday: "Yesterday",
  loading: "Loading messages…",
  historyTrouble: "Earlier messages can’t be loaded now. Trying again…",
  connecting: "Connecting…",
  waiting: "No connection. Your messages will be sent once it is back.",
  offline: "You are offline. Your messages will be sent once you are back.",
  busy: "The chat is busy. Your messages will be sent as soon as possible.",
  retryIn: { one: "Next try in {n} second", other: "Next try in {n} seconds" },
  tryNow: "Try now",
  replaced: "You are chatting in another window.",
  useHere: "Chat here",
  refused: "This chat is not available.",
  image: "Image",
  audio: "Audio",
  video: "Video",
  file: "File",
  location: "Location",
  viewImage: "View image",
  closeImage: "Close image",
  openOriginal: "Open original",
};
