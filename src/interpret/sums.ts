/** An estimate of bytes and what its error bar needs. */
export interface Sum {
  readonly bytes: number;
  /** The part that was followed exactly: the rest stands on samples. */
  readonly exactBytes: number;
  /** Squared bytes. */
  readonly variance: number;
  /** Objects that the samples stand for. */
  readonly objects: number;
  readonly objectsVariance: number;
}

export const NO_SUM: Sum = { bytes: 0, exactBytes: 0, variance: 0, objects: 0, objectsVariance: 0 };

export function addSums(a: Sum, b: Sum): Sum {
  return {
    bytes: a.bytes + b.bytes,
    exactBytes: a.exactBytes + b.exactBytes,
    variance: a.variance + b.variance,
    objects: a.objects + b.objects,
    objectsVariance: a.objectsVariance + b.objectsVariance,
  };
}

/** Sums, one for each number below `count`, in flat arrays. */
export interface SumTable {
  /** @param sign -1 takes it out again. */
  addSampled(at: number, sizeBytes: number, p: number, sign?: 1 | -1): void;
  addExact(at: number, sizeBytes: number): void;
  set(at: number, sum: Sum): void;
  bytesOf(at: number): number;
  get(at: number): Sum;
}

const COLUMNS = 5;

export function createSumTable(count: number): SumTable {
  const rows = new Float64Array(count * COLUMNS);
  const plus = (at: number, value: number): void => {
    rows[at] = (rows[at] ?? 0) + value;
  };
  return {
    /** Horvitz-Thompson: 1/p objects of this size, with the variance (1-p)/p^2. */
    addSampled(number, sizeBytes, p, sign = 1) {
      const at = number * COLUMNS;
      const variance = (sign * (1 - p)) / (p * p);
      plus(at, (sign * sizeBytes) / p);
      plus(at + 2, variance * sizeBytes * sizeBytes);
      plus(at + 3, sign / p);
      plus(at + 4, variance);
    },
    addExact(number, sizeBytes) {
      plus(number * COLUMNS, sizeBytes);
      plus(number * COLUMNS + 1, sizeBytes);
    },
    set(number, { bytes, exactBytes, variance, objects, objectsVariance }) {
      rows.set([bytes, exactBytes, variance, objects, objectsVariance], number * COLUMNS);
    },
    bytesOf: (number) => rows[number * COLUMNS] ?? 0,
    get(number) {
      const at = number * COLUMNS;
      const [bytes = 0, exactBytes = 0, variance = 0, objects = 0, objectsVariance = 0] = rows.subarray(
        at,
        at + COLUMNS,
      );
      return { bytes, exactBytes, variance, objects, objectsVariance };
    },
  };
}
