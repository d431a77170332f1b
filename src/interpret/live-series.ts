/** One series that is never longer than `MAX_POINTS`, whatever comes. Times are CLOCK_MONOTONIC, ns. */
export interface LivePoints {
  readonly times: readonly number[];
  readonly values: readonly number[];
}

/** Live bytes over time of many owners, numbered. */
export interface LiveSeries {
  /** Times do not go back, or only by what threads are apart. */
  add(owner: number, timeNs: number, bytes: number): void;
  /** A value holds until the next. The highest of each stretch of time is among them. */
  read(owner: number): LivePoints;
}

/** Of each stretch of time there are at most two: its highest and its last. */
const MAX_POINTS = 500;
const MAX_STRETCHES = MAX_POINTS / 2;
const FIRST_STRETCH_NS = 1e6;

/** A program with thousands of arenas has few events of each: what an owner costs grows with its events, up to the bound. */
interface Stretches {
  lengthNs: number;
  numbers: number[];
  lastTimes: number[];
  lasts: number[];
  highTimes: number[];
  highs: number[];
}

export function createLiveSeries(owners: number): LiveSeries {
  const series: (Stretches | undefined)[] = new Array(owners);

  function add(owner: number, timeNs: number, bytes: number): void {
    let own = series[owner];
    if (own === undefined) {
      own = { lengthNs: FIRST_STRETCH_NS, numbers: [], lastTimes: [], lasts: [], highTimes: [], highs: [] };
      series[owner] = own;
    }
    const number = Math.floor(timeNs / own.lengthNs);
    const at = own.numbers.length - 1;
    if (at >= 0 && number <= (own.numbers[at] ?? 0)) {
      own.lastTimes[at] = Math.max(timeNs, own.lastTimes[at] ?? 0);
      own.lasts[at] = bytes;
      if (bytes > (own.highs[at] ?? 0)) {
        own.highs[at] = bytes;
        own.highTimes[at] = own.lastTimes[at] ?? 0;
      }
      return;
    }
    own.numbers.push(number);
    own.lastTimes.push(timeNs);
    own.lasts.push(bytes);
    own.highTimes.push(timeNs);
    own.highs.push(bytes);
    while (own.numbers.length > MAX_STRETCHES) own = series[owner] = doubled(own);
  }

  return { add, read: (owner) => pointsOf(series[owner]) };
}

/** Stretches twice as long: two and two become one. */
function doubled({ lengthNs, numbers, lastTimes, lasts, highTimes, highs }: Stretches): Stretches {
  const next: Stretches = { lengthNs: 2 * lengthNs, numbers: [], lastTimes: [], lasts: [], highTimes: [], highs: [] };
  for (const [from, old] of numbers.entries()) {
    const number = Math.floor(old / 2);
    let at = next.numbers.length - 1;
    if (next.numbers[at] !== number) {
      at = next.numbers.push(number) - 1;
      next.highs[at] = -1;
    }
    next.lastTimes[at] = lastTimes[from] ?? 0;
    next.lasts[at] = lasts[from] ?? 0;
    if ((highs[from] ?? 0) <= (next.highs[at] ?? 0)) continue;
    next.highs[at] = highs[from] ?? 0;
    next.highTimes[at] = highTimes[from] ?? 0;
  }
  return next;
}

function pointsOf(own: Stretches | undefined): LivePoints {
  const times: number[] = [];
  const values: number[] = [];
  const push = (timeNs: number, bytes: number): void => {
    times.push(timeNs);
    values.push(bytes);
  };
  for (let at = 0; at < (own?.numbers.length ?? 0); at++) {
    const [highTime = 0, high = 0] = [own?.highTimes[at], own?.highs[at]];
    const [lastTime = 0, last = 0] = [own?.lastTimes[at], own?.lasts[at]];
    if (highTime < lastTime) push(highTime, high);
    push(lastTime, last);
  }
  return { times, values };
}
