/** The printed figures of each site of a known truth, beside that truth. */
import { summarize } from '../../dist/analyze/summary.js';
import { frameReader } from '../../dist/model/frames.js';

/** What an engine keeps, outside of its heap, beside each block that a line of the program holds, at most. */
const BESIDE_BLOCK_BYTES = 256;

/**
 * @param {import('../../dist/model/profile.js').Profile} profile
 * @param {Record<string, import('../../fixtures/truth/truth-file.mjs').SiteTruth>} truths
 * @returns {{ site: string, error: number, width: number, held: boolean, heldStrictly: boolean }[]} error: of the estimate; width: of the interval; both as parts of the truth
 */
export function compareSites(profile, truths) {
  const framesOf = frameReader(profile);
  return Object.values(truths).map((truth) => {
    const samples = profile.samples.filter((sample) => isAt(truth, sample, framesOf(sample)));
    const { total } = summarize({ ...profile, samples }, { memprofVersion: '0' });
    const { value, low, high } = total.inuse_space;
    const beside = isNativeOfEngine(truth) ? truth.blockCount * BESIDE_BLOCK_BYTES : 0;
    return {
      site: truth.function,
      error: value / truth.bytes - 1,
      width: (high - low) / truth.bytes,
      held: low <= truth.bytes + beside && truth.bytes <= high,
      heldStrictly: low <= truth.bytes && truth.bytes <= high,
    };
  });
}

const isNativeOfEngine = ({ file, heap }) => !file.endsWith('.c') && heap === 'native';

/** C by function alone; JavaScript by function, and by line where the sampler knows lines: V8's does not. */
function isAt({ heap = 'native', file, line, function: name }, { labels }, frames) {
  if ((labels.heap === 'v8') !== (heap === 'v8')) return false;
  if (file.endsWith('.c')) return frames.some((each) => each.name === name);
  const frame = frames.find((each) => each.file.endsWith(file));
  return frame?.name === name && (heap === 'v8' || frame.line === line);
}
