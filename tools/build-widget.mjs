// Joins and minifies the widget's modules into the files that Chip serves, by esbuild.
//
//     node tools/build-widget.mjs [DIRECTORY]      chip/widget/built, where none is named
import { readFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { fileURLToPath } from "node:url";

const here = (path) => fileURLToPath(new URL(path, import.meta.url));
const esbuild = createRequire(here("../tests/widget/"))("esbuild");
const built = process.argv[2] ?? here("../chip/widget/built");

/** The oldest browsers that are supported. */
const TARGETS = ["chrome125", "edge125", "firefox126", "safari17.5"];
/** The first load, and what few chats need of the rest. */
const FILES = {
  widget: ["embed", "iife"],
  advice: ["advice/advice", "esm"],
  attention: ["attention/attention", "esm"],
  availability: ["availability/availability", "esm"],
  lightbox: ["lightbox/lightbox", "esm"],
  markdown: ["markdown", "esm"],
};

/** Style sheets stand in the modules as String.raw`…`. To esbuild they are text, which it leaves as it is. */
const styles = {
  name: "styles",
  setup: (build) => build.onLoad({ filter: /\.js$/ }, async ({ path }) => {
    const parts = (await readFile(path, "utf8")).split(/String\.raw`([^`]*)`/);
    for (let at = 1; at < parts.length; at += 2) {
      const { code } = await esbuild.transform(parts[at], { loader: "css", minify: true, target: TARGETS });
      parts[at] = "String.raw`" + code + "`";
    }
    return { contents: parts.join(""), loader: "js" };
  }),
};

for (const [name, [entry, format]] of Object.entries(FILES)) {
  await esbuild.build({
    entryPoints: [here(`../chip/widget/src/${entry}.js`)],
    outfile: `${built}/${name}.js`,
    bundle: true,
    minify: true,
    plugins: [styles],
    format,
    target: "es2022",
    charset: "utf8",
    legalComments: "none",
    banner: { js: "/*! Chip's chat widget. MIT licence. */" },
    logLevel: "warning",
  });
}
