/**
 * Builds the plugin in the current folder: node PATH/TO/build.mjs
 *
 * Needs Node 20 or newer, and npm's registry for the first build only. The
 * result is `dist/NAME.wasm`.
 */
import { execFileSync } from "node:child_process";
import { copyFile, mkdir, readFile, rm, writeFile } from "node:fs/promises";
import { existsSync } from "node:fs";
import { createRequire } from "node:module";
import path from "node:path";
import process from "node:process";
import { fileURLToPath, pathToFileURL } from "node:url";

const SDK = path.dirname(fileURLToPath(import.meta.url));
const FOLDER = process.cwd();
const WORK = path.join(FOLDER, "dist", "build");
const INTERFACES = ["context", "log", "progress", "checkpoint", "secrets", "state", "http", "aws"];

/** How to start npm: the one that belongs to this node, which may not be on the path. */
function npm() {
  const beside = ["..", "."].map((up) =>
    path.join(path.dirname(process.execPath), up, "lib", "node_modules", "npm", "bin", "npm-cli.js"),
  );
  const cli = [process.env.npm_execpath, ...beside].find((file) => file && existsSync(file));
  return cli === undefined ? ["npm"] : [process.execPath, cli];
}

/** The compiler that the plugin's lock file names, installed if it is not there. */
function compiler() {
  const installed = path.join(FOLDER, "node_modules", "componentize-qjs");
  if (!existsSync(installed)) {
    const locked = existsSync(path.join(FOLDER, "package-lock.json"));
    const quiet = ["--no-audit", "--no-fund", "--ignore-scripts"];
    const [command, ...before] = npm();
    const options = { cwd: FOLDER, stdio: "inherit", shell: command === "npm" };
    execFileSync(command, [...before, locked ? "ci" : "install", ...quiet], options);
  }
  return createRequire(path.join(FOLDER, "package.json"))("componentize-qjs");
}

/** The module that the component starts with: plugin, host, exports. */
function entry(about, abilities) {
  const from = (file) => JSON.stringify(path.relative(WORK, file).split(path.sep).join("/"));
  const imports = INTERFACES.map((name) => `import ${name} from "runbook:plugin/${name}@0.1.0";`);
  const exports = ["steps", ...abilities].map((name) => `export const ${name} = all.${name};`);
  return [
    ...imports,
    `import { install } from ${from(path.join(SDK, "host.js"))};`,
    `import plugin from ${from(path.join(FOLDER, "plugin.js"))};`,
    `install({ ${INTERFACES.join(", ")} });`,
    `plugin.about = ${JSON.stringify(about)};`,
    "const all = plugin.exports();",
    ...exports,
    "",
  ].join("\n");
}

/** The innermost folder that holds both the plugin and the SDK. */
function root() {
  let folder = FOLDER;
  while (path.relative(folder, SDK).startsWith("..")) folder = path.dirname(folder);
  return folder;
}

const about = JSON.parse(await readFile(path.join(FOLDER, "package.json"), "utf8"));
const { default: plugin } = await import(pathToFileURL(path.join(FOLDER, "plugin.js")).href);
const abilities = plugin.abilities();
const { componentize } = compiler();

await rm(WORK, { recursive: true, force: true });
await mkdir(path.join(WORK, "wit"), { recursive: true });
await copyFile(
  path.join(SDK, "wit", "runbook-plugin.wit"),
  path.join(WORK, "wit", "runbook-plugin.wit"),
);
const includes = abilities.map((ability) => `  include with-${ability};\n`).join("");
const world = `package runbook:plugin@0.1.0;\nworld component {\n  include plugin;\n${includes}}\n`;
await writeFile(path.join(WORK, "wit", "world.wit"), world);
const source = entry(
  {
    name: about.name,
    version: about.version,
    summary: about.description,
    homepage: about.homepage,
  },
  abilities,
);
const jsPath = path.join(WORK, "entry.js");
await writeFile(jsPath, source);
const { component } = await componentize({
  witPath: path.join(WORK, "wit"),
  world: "component",
  jsSource: source,
  jsPath,
  moduleRoot: root(),
  // The engine links WASI 0.2, which has no asynchronous functions; and WASI
  // stays, since without it nobody would see what went wrong.
  sync: true,
  stubWasi: false,
});
const output = path.join(FOLDER, "dist", `${about.name}.wasm`);
await writeFile(output, component);
await rm(WORK, { recursive: true });
process.stdout.write(`${path.relative(FOLDER, output)}\n`);
