// Joins and minifies the widget's modules into the files that Chip serves, by esbuild.
//
//     node tools/build-widget.mjs [DIRECTORY]      chip/widget/built, where none is named
import { createRequire } from "node:module";
import { fileURLToPath } from "node:url";

const here = (path) => fileURLToPath(new URL(path, import.meta.url));
const esbuild = createRequire(here("../tests/widget/"))("esbuild");
const built = process.argv[2] ?? here("../chip/widget/built");

/** The first load, and what few chats need of the rest. */
const FILES = {
  widget: ["embed", "iife"],
  advice: ["advice/advice", "esm"],
  attention: ["attention/attention", "esm"],
  availability: ["availability/availability", "esm"],
  lightbox: ["lightbox/lightbox", "esm"],
  markdown: ["markdown", "esm"],
};

for (const [name, [entry, format]] of Object.entries(FILES)) {
  await esbuild.build({
    entryPoints: [here(`../chip/widget/src/${entry}.js`)],
    outfile: `${built}/${name}.js`,
    bundle: true,
    minify: true,
    format,
    target: "es2022",
    charset: "utf8",
    legalComments: "none",
    banner: { js: "/*! Chip's chat widget. MIT licence. */" },
    logLevel: "warning",
  });
}
