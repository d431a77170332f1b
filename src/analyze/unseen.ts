import { ALLOC_SPACE, INUSE_SPACE, type Profile, type Sample } from '../model/profile.js';

/** -ln(0.05): of a Poisson count with this mean, one time in twenty nothing is seen ("rule of three"). */
const RULE_OF_THREE = 2.995732273553991;

const SAMPLERS = ['native', 'v8'] as const;
export type Sampler = (typeof SAMPLERS)[number];

/** Which sampler an estimate rests on; undefined for what was measured. */
export function samplerOf({ labels, observations }: Sample): Sampler | undefined {
  if (observations === 0) return undefined;
  return labels.heap === 'v8' ? 'v8' : 'native';
}

/**
 * How many bytes of small objects may be there although none of them was sampled, by the samplers that a sum rests on: three times the mean gap.
 * More than that would have gone unseen in less than one case of twenty, in however many threads and processes.
 *
 * The mean in force is what was set, or as far as the adaptive cap had raised it: a sample of s bytes has the variance per byte
 * s * (1 - p) / p, which comes close to the mean for small objects and never exceeds it.
 */
export function unseenBytes(profile: Profile): (samplers: ReadonlySet<Sampler>) => number {
  const means: Record<Sampler, number> = { native: 0, v8: 0 };
  for (const { nativeMeanBytes, nativeMeanAtEndBytes, v8IntervalBytes } of profile.processes) {
    means.native = Math.max(means.native, nativeMeanBytes, nativeMeanAtEndBytes);
    means.v8 = Math.max(means.v8, v8IntervalBytes);
  }
  for (const sample of profile.samples) {
    const sampler = samplerOf(sample);
    if (sampler === undefined) continue;
    for (const column of [ALLOC_SPACE, INUSE_SPACE] as const) {
      const [value, variance] = [sample.values[column], sample.variances[column]];
      if (value > 0) means[sampler] = Math.max(means[sampler], variance / value);
    }
  }
  return (samplers) => RULE_OF_THREE * SAMPLERS.reduce((sum, name) => sum + (samplers.has(name) ? means[name] : 0), 0);
}
