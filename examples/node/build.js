// SPDX-License-Identifier: MIT
'use strict';
// Compiles the addon with the C compiler: a few small files against Node's own headers and acap. It does without node-gyp,
// which would bring Python, make and a download of headers that are there already.
//   CC, CFLAGS, LDFLAGS   as everywhere
//   ACAP_PREFIX           where acap is installed, if pkg-config does not know it
//   npm_config_nodedir    where Node's headers are (include/node), if not beside the node that runs

const { execFileSync } = require('node:child_process');
const { existsSync, mkdirSync, readdirSync, renameSync } = require('node:fs');
const { homedir } = require('node:os');
const { dirname, join, resolve } = require('node:path');

const SOURCES = join(__dirname, 'native');
const BUILD = join(__dirname, 'build');

/** Print why there is no addon, and end. */
function fail(why) {
  console.error(`acap: ${why}`);
  process.exit(1);
}

const words = (text) => (text ?? '').split(/\s+/).filter(Boolean);

/** The directory with node_api.h and uv.h. */
function findNodeHeaders() {
  const { prefix } = process.config.variables;
  const roots = [process.env.npm_config_nodedir, resolve(dirname(process.execPath), '..'), prefix, '/usr', '/usr/local'];
  const places = roots.filter(Boolean).map((root) => join(root, 'include', 'node'));
  for (const cache of [join(homedir(), '.cache', 'node-gyp'), join(homedir(), 'Library', 'Caches', 'node-gyp')]) {
    places.push(join(cache, process.versions.node, 'include', 'node'));
  }
  const found = places.find((place) => existsSync(join(place, 'node_api.h')) && existsSync(join(place, 'uv.h')));
  if (found === undefined) {
    fail(`Node's headers (node_api.h, uv.h) are in none of ${places.join(', ')}; npm_config_nodedir may say where they are`);
  }
  return found;
}

function pkgConfig(...options) {
  const command = process.env.PKG_CONFIG ?? 'pkg-config';
  const answer = execFileSync(command, [...options, 'acap'], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] });
  return words(answer);
}

/** What finds acap for the compiler, the linker and, where it is in no standard place, the loader. */
function findAcap() {
  if (process.env.ACAP_PREFIX) {
    const prefix = resolve(process.env.ACAP_PREFIX);
    const library = ['lib', 'lib64'].map((name) => join(prefix, name)).find((place) => existsSync(place));
    return { compile: [`-I${join(prefix, 'include')}`], link: [`-L${library}`, '-lacap', `-Wl,-rpath,${library}`] };
  }
  try {
    const [library] = pkgConfig('--variable=libdir');
    const compile = pkgConfig('--cflags');
    const link = pkgConfig('--libs');
    return { compile, link: library ? [...link, `-Wl,-rpath,${library}`] : link };
  } catch {
    return fail('pkg-config does not find acap: install it, or set PKG_CONFIG_PATH or ACAP_PREFIX');
  }
}

function build() {
  const acap = findAcap();
  const sources = readdirSync(SOURCES).filter((name) => name.endsWith('.c')).sort();
  const isMac = process.platform === 'darwin';
  const shared = isMac ? ['-bundle', '-undefined', 'dynamic_lookup'] : ['-shared'];
  const target = join(BUILD, 'acap.node');
  const unfinished = join(BUILD, `acap.${process.pid}.node`);
  const parameters = [
    '-std=gnu11', '-O2', '-g', '-fPIC', '-fvisibility=hidden', '-Wall', '-Wextra', ...words(process.env.CFLAGS),
    '-isystem', findNodeHeaders(), ...acap.compile, ...shared, '-o', unfinished,
    ...sources.map((name) => join(SOURCES, name)), ...words(process.env.LDFLAGS), ...acap.link, '-lm',
  ];
  mkdirSync(BUILD, { recursive: true });
  try {
    execFileSync(words(process.env.CC ?? 'cc')[0], [...words(process.env.CC).slice(1), ...parameters], { stdio: 'inherit' });
  } catch (error) {
    fail(`the addon could not be compiled: ${error.message.split('\n')[0]}`);
  }
  renameSync(unfinished, target);
}

build();
