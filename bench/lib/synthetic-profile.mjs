/**
 * Profiles as a large server's are: `stacks` call paths of 30 to 50 frames over 12,000 functions of 300 JavaScript files and four
 * libraries, sampled at 64 KiB. In version 1 every line and address is another than in version 0, as is
 * the folder of the sources, and a tenth of the paths is new.
 */
import { SAMPLE_TYPES } from '../../dist/model/profile.js';

const JS_FUNCTIONS = 8_000;
const NATIVE_FUNCTIONS = 4_000;
const FILES = 300;
const LIBRARIES = ['/usr/bin/node', '/app/node_modules/ort/libonnxruntime.so.1', '/lib/libc.so.6', '/app/libllama.so'];
const MEAN_BYTES = 65_536;

/** The same numbers each time for the same seed: a generator of 32 bits. */
function numbers(seed) {
  let state = seed;
  return (limit) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return Math.floor((state / 2 ** 32) * limit);
  };
}

/**
 * @param {number} stacks
 * @param {0 | 1} version
 * @returns {import('../../dist/model/profile.js').Profile}
 */
export function syntheticProfile(stacks, version) {
  const { functions, locations, mappings } = code(version);
  const samples = [];
  for (let number = 0; number < stacks; number++) {
    const isNew = version === 1 && number % 10 === 0;
    samples.push(sampleOf(number, numbers((isNew ? 7_919 : 104_729) + number * 2_654_435)));
  }
  return {
    sampleTypes: SAMPLE_TYPES,
    samples,
    functions,
    locations,
    mappings,
    ...NOTHING,
    startedAtNs: 1_700_000_000_000_000_000n,
    durationNs: 60_000_000_000n,
    periodBytes: MEAN_BYTES,
  };
}

const NOTHING = {
  gauges: [],
  pauses: [],
  marks: [],
  ledgers: [],
  arenas: [],
  pools: [],
  processes: [],
  moment: 'end',
  unknown: [],
  notices: [],
};

function code(version) {
  const mappings = LIBRARIES.map((file, at) => {
    const start = BigInt(at + 1) * 0x1000_0000n;
    return {
      id: at + 1,
      start,
      limit: start + 0x100_0000n,
      fileOffset: 0n,
      file,
      buildId: `b${at}`,
      hasFunctions: true,
    };
  });
  const functions = new Map();
  const locations = new Map();
  for (let id = 1; id <= JS_FUNCTIONS + NATIVE_FUNCTIONS; id++) {
    const isJs = id <= JS_FUNCTIONS;
    const name = isJs ? `Service${id % 97}.handle${id}` : `ns::Kernel${id % 89}<float>::run${id}(Tensor const&)`;
    const file = isJs ? `/srv/v${version}/src/part${id % FILES}.js` : '';
    functions.set(id, { id, name, systemName: name, file, startLine: 0 });
    const mapping = mappings[id % mappings.length];
    locations.set(id, {
      id,
      mappingId: isJs ? 0 : mapping.id,
      address: isJs ? 0n : mapping.start + BigInt(id * 64 + version * 16),
      lines: [{ functionId: id, line: isJs ? (id % 700) + 3 * version : 0, column: 0 }],
      kind: isJs ? 'js' : 'native',
    });
  }
  return { functions, locations, mappings };
}

function sampleOf(number, random) {
  const stack = [];
  const nativeFrames = 4 + random(6);
  for (let at = 0; at < nativeFrames; at++) stack.push(JS_FUNCTIONS + 1 + random(NATIVE_FUNCTIONS));
  for (let at = 26 + random(14); at > 0; at--) stack.push(1 + random(JS_FUNCTIONS));
  const objects = 1 + random(9);
  const bytes = objects * (1_000 + random(200_000));
  const labels = LABELS[number % LABELS.length];
  return {
    stack,
    values: [3 * objects, 3 * bytes, objects, bytes],
    variances: [0, 0, 0, 0],
    observations: 0,
    labels,
  };
}

const LABELS = Array.from({ length: 24 }, (_, at) => ({
  heap: at % 6 === 5 ? 'mmap' : 'libc.malloc',
  pool: `pool-${at % 6}`,
  arena: `pool-${at % 6}#${at}`,
  thread: at % 3 === 0 ? 'main' : `tid ${4_700 + at}`,
  tier: 'host',
  pid: 4_711,
}));
